-- Closes the run: totals of its programs, and the fingerprint of everything it reported and did.
-- In: the open run's programs. Out: its row in expiration_runs, closed.
-- Binds: run_id, closed_at.
-- Rerun: a closed run is left alone.
with
totals as (
    select
        count(*) as programs_total,
        count(run_programs.exempt_reason) as programs_exempt,
        coalesce(sum(run_programs.cards_without_activity), 0) as cards_without_activity,
        coalesce(sum(run_programs.warning_cards_planned), 0) as warning_cards_planned,
        coalesce(sum(run_programs.warning_points_planned), 0) as warning_points_planned,
        coalesce(sum(run_programs.warning_cards_queued), 0) as warning_cards_queued,
        coalesce(sum(run_programs.warning_cards_skipped), 0) as warning_cards_skipped,
        coalesce(sum(run_programs.expiry_cards_planned), 0) as expiry_cards_planned,
        coalesce(sum(run_programs.expiry_points_planned), 0) as expiry_points_planned,
        coalesce(sum(run_programs.cards_expired), 0) as cards_expired,
        coalesce(sum(run_programs.points_expired), 0) as points_expired,
        coalesce(sum(run_programs.expiry_cards_skipped), 0) as expiry_cards_skipped,
        count(*) filter (where run_programs.size_check = 'held') as programs_held,
        coalesce(sum(run_programs.cards_reinstated), 0) as cards_reinstated,
        coalesce(sum(run_programs.points_reinstated), 0) as points_reinstated,
        coalesce(sum(run_programs.reinstatements_skipped), 0) as reinstatements_skipped
    from loyalty.expiration_run_programs as run_programs
    where run_programs.run_id = %(run_id)s::bigint
)

update loyalty.expiration_runs as runs
set
    status = 'closed',
    closed_at = %(closed_at)s::timestamptz,
    programs_total = totals.programs_total,
    programs_exempt = totals.programs_exempt,
    cards_without_activity = totals.cards_without_activity,
    warning_cards_planned = totals.warning_cards_planned,
    warning_points_planned = totals.warning_points_planned,
    warning_cards_queued = totals.warning_cards_queued,
    warning_cards_skipped = totals.warning_cards_skipped,
    expiry_cards_planned = totals.expiry_cards_planned,
    expiry_points_planned = totals.expiry_points_planned,
    cards_expired = totals.cards_expired,
    points_expired = totals.points_expired,
    expiry_cards_skipped = totals.expiry_cards_skipped,
    programs_held = totals.programs_held,
    cards_reinstated = totals.cards_reinstated,
    points_reinstated = totals.points_reinstated,
    reinstatements_skipped = totals.reinstatements_skipped,
    digest = loyalty.run_digest(runs.id)
from totals
where runs.id = %(run_id)s::bigint and runs.status = 'open'
