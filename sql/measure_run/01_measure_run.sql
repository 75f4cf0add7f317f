-- Reads the figures of a closed run that go to the metrics.
-- In: one closed run, its programs and warnings. Out: one row: its type, how old its instant was
-- when it was closed, cards and points by what became of them; no row for a dry or an open run.
-- Binds: run_id.
-- A rerun reads the same, because a closed run never changes.
with
warned as (
    select coalesce(sum(warnings.points), 0)::bigint as points_warned
    from loyalty.expiration_warnings as warnings
    where warnings.run_id = %(run_id)s::bigint
),

held as (
    select
        coalesce(sum(run_programs.expiry_cards_planned), 0)::bigint as cards_held,
        coalesce(sum(run_programs.expiry_points_planned), 0)::bigint as points_held
    from loyalty.expiration_run_programs as run_programs
    where run_programs.run_id = %(run_id)s::bigint and run_programs.size_check = 'held'
)

select
    runs.run_type,
    extract(epoch from runs.closed_at - runs.as_of)::double precision as lag_seconds,
    extract(epoch from runs.closed_at - runs.evaluated_at)::double precision as duration_seconds,
    runs.warning_cards_queued as cards_warned,
    warned.points_warned,
    runs.cards_expired,
    runs.points_expired,
    runs.warning_cards_skipped + runs.expiry_cards_skipped as cards_skipped,
    runs.programs_held,
    held.cards_held,
    held.points_held,
    runs.cards_reinstated,
    runs.points_reinstated
from loyalty.expiration_runs as runs
cross join warned
cross join held
where runs.id = %(run_id)s::bigint and runs.status = 'closed' and not runs.dry_run
