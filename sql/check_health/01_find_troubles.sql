-- Finds what a watcher of the platform has to know: no run lately, something held, mails stuck.
-- In: closed runs, held programs, unsent mails. Out: one row per trouble, a sentence; none if all
-- is well.
-- Binds: now_at.
-- A rerun finds what there is then.
with
last_close as (
    select max(runs.closed_at) as closed_at
    from loyalty.expiration_runs as runs
    where runs.status = 'closed' and runs.run_type = 'daily' and not runs.dry_run
),

held_programs as (
    select count(*) as programs_total
    from loyalty.expiration_run_programs as programs
    where
        programs.size_check = 'held'
        and programs.run_id = (
            select max(runs.id)
            from loyalty.expiration_runs as runs
            where runs.status = 'closed' and runs.run_type = 'daily' and not runs.dry_run
        )
        and not exists (
            select 1
            from loyalty.expiration_runs as decided
            inner join loyalty.expiration_run_programs as decided_programs
                on decided.id = decided_programs.run_id
            where
                decided.held_run_id = programs.run_id
                and decided.decision is not null
                and decided_programs.program_id = programs.program_id
        )
),

stuck_mails as (
    select
        count(*) filter (where mails.status = 'ambiguous') as ambiguous_total,
        count(*) filter (
            where
            mails.status in ('queued', 'deferred', 'sending')
            and mails.queued_at < %(now_at)s::timestamptz - interval '26 hours'
        ) as waiting_total
    from loyalty.email_logs as mails
    where mails.occurrence_key is not null
)

select
    format(
        'No run was closed in the last 26 hours (the last one: %%s).',
        coalesce(last_close.closed_at::text, 'never')
    ) as trouble
from last_close
where
    last_close.closed_at is null
    or last_close.closed_at < %(now_at)s::timestamptz - interval '26 hours'
union all
select format('%%s program(s) are held and wait for a person.', held_programs.programs_total)
from held_programs
where held_programs.programs_total > 0
union all
select format('%%s mail(s) wait for a person to settle them.', stuck_mails.ambiguous_total)
from stuck_mails
where stuck_mails.ambiguous_total > 0
union all
select format('%%s mail(s) have waited for more than 26 hours.', stuck_mails.waiting_total)
from stuck_mails
where stuck_mails.waiting_total > 0
