-- Lists the latest runs with their figures and what became of their mails, the newest first.
-- In: runs of every kind. Out: one row per run, 25 at most.
-- Binds: before_id (null: from the newest on).
-- A rerun reads again; it changes nothing.
with
shown_runs as (
    select runs.*
    from loyalty.expiration_runs as runs
    where %(before_id)s::bigint is null or runs.id < %(before_id)s::bigint
    order by runs.id desc
    limit 25
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
    shown_runs.cards_expired,
    shown_runs.points_expired,
    shown_runs.programs_held,
    shown_runs.points_reinstated,
    extract(epoch from shown_runs.closed_at - shown_runs.evaluated_at)::bigint as duration_seconds,
    mails.sent,
    mails.waiting,
    mails.unsent,
    mails.ambiguous
from shown_runs
cross join
    lateral (
        select
            count(*) filter (where logs.status = 'sent') as sent,
            count(*) filter (where logs.status in ('queued', 'sending', 'deferred')) as waiting,
            count(*) filter (where logs.status in ('failed', 'suppressed', 'superseded')) as unsent,
            count(*) filter (where logs.status = 'ambiguous') as ambiguous
        from loyalty.email_logs as logs
        where logs.run_id = shown_runs.id
    ) as mails
order by shown_runs.id desc
