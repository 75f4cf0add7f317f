-- Lists the latest runs of the daily DAG and of those that a person starts, the newest first.
-- In: expiration_runs and what hangs on them. Out: one row per run; the sums of an open run are
-- those of its plan so far.
-- Binds: runs_max.
-- A rerun lists what there is then.
with
latest_runs as materialized (
    select runs.*
    from loyalty.expiration_runs as runs
    order by runs.id desc
    limit %(runs_max)s::integer
)

select
    latest_runs.id,
    latest_runs.dag_id,
    latest_runs.dag_run_id,
    latest_runs.attempt,
    latest_runs.run_type,
    latest_runs.as_of,
    latest_runs.status,
    latest_runs.decision,
    latest_runs.dry_run,
    latest_runs.programs_held,
    latest_runs.warning_cards_queued,
    latest_runs.cards_expired,
    latest_runs.points_expired,
    latest_runs.points_reinstated,
    latest_runs.warning_cards_skipped
    + latest_runs.expiry_cards_skipped
    + latest_runs.reinstatements_skipped as cards_skipped,
    extract(epoch from latest_runs.closed_at - latest_runs.evaluated_at)::bigint
        as duration_seconds,
    warned.points_warned,
    held.cards_held,
    held.points_held
from latest_runs
cross join
    lateral (
        select coalesce(sum(warnings.points), 0)::bigint as points_warned
        from loyalty.expiration_warnings as warnings
        where warnings.run_id = latest_runs.id
    ) as warned
cross join
    lateral (
        select
            coalesce(sum(run_programs.expiry_cards_planned), 0)::bigint as cards_held,
            coalesce(sum(run_programs.expiry_points_planned), 0)::bigint as points_held
        from loyalty.expiration_run_programs as run_programs
        where run_programs.run_id = latest_runs.id and run_programs.size_check = 'held'
    ) as held
order by latest_runs.id desc
