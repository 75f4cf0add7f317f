-- Lists the latest runs with their figures and what became of their mails, the newest first.
-- In: runs of every kind. Out: one row per run, 25 at most; mails: an object of status and number.
-- What the size check held is told of the daily run, not of the run that decides on it.
-- Binds: before_id (null: from the newest on).
-- A rerun reads again; it changes nothing.
with
shown_runs as (
    select runs.*
    from loyalty.expiration_runs as runs
    where %(before_id)s::bigint is null or runs.id < %(before_id)s::bigint
    order by runs.id desc
    limit 25
),

counted_mails as (
    select
        logs.run_id,
        logs.status,
        count(*) as mails_total
    from shown_runs
    inner join loyalty.email_logs as logs on shown_runs.id = logs.run_id
    group by logs.run_id, logs.status
),

mails as (
    select
        counted_mails.run_id,
        jsonb_object_agg(counted_mails.status, counted_mails.mails_total) as statuses
    from counted_mails
    group by counted_mails.run_id
)

select
    shown_runs.id,
    shown_runs.dag_id,
    shown_runs.dag_run_id,
    shown_runs.attempt,
    shown_runs.run_type,
    shown_runs.as_of,
    shown_runs.status,
    shown_runs.dry_run,
    shown_runs.decision,
    shown_runs.warning_cards_queued,
    warned.points_total as warning_points_queued,
    shown_runs.cards_expired,
    shown_runs.points_expired,
    held.cards_total as cards_held,
    held.points_total as points_held,
    extract(epoch from shown_runs.closed_at - shown_runs.evaluated_at)::bigint as duration_seconds,
    mails.statuses as mails
from shown_runs
cross join
    lateral (
        select coalesce(sum(warnings.points), 0)::bigint as points_total
        from loyalty.expiration_warnings as warnings
        where warnings.run_id = shown_runs.id
    ) as warned
cross join
    lateral (
        select
            coalesce(sum(run_programs.expiry_cards_planned), 0)::bigint as cards_total,
            coalesce(sum(run_programs.expiry_points_planned), 0)::bigint as points_total
        from loyalty.expiration_run_programs as run_programs
        where
            run_programs.run_id = shown_runs.id
            and run_programs.size_check = 'held'
            and shown_runs.programs_held > 0
            and shown_runs.run_type = 'daily'
    ) as held
left join mails on shown_runs.id = mails.run_id
order by shown_runs.id desc
