-- Finds what a watcher of the platform has to know: no run lately, or none of a program, something
-- held, mails stuck.
-- In: runs and their programs, loyalty.held_programs, unsent mails. Out: one row per trouble, a
-- sentence; none if all is well. is_before_first_run: no run was ever opened here, so none can be
-- missed yet.
-- Binds: now_at.
-- A rerun finds what there is then.
with
last_close as (
    select
        max(runs.closed_at) filter (where runs.status = 'closed') as closed_at,
        count(*) = 0 as is_before_first_run
    from loyalty.expiration_runs as runs
    where runs.run_type = 'daily' and not runs.dry_run
),

-- Runs for some merchants close, too, while the run of all of them fails.
left_out_programs as (
    select count(*) as programs_total
    from loyalty.expiration_run_programs as run_programs
    inner join loyalty.loyalty_programs as programs on run_programs.program_id = programs.id
    inner join loyalty.merchants as merchants on programs.merchant_id = merchants.id
    where
        run_programs.run_id = (
            select max(runs.id)
            from loyalty.expiration_runs as runs
            where
                runs.run_type = 'daily'
                and not runs.dry_run
                and runs.merchant_ids is null
                and runs.evaluated_at < %(now_at)s::timestamptz - interval '26 hours'
        )
        and programs.is_active
        and merchants.is_active
        and not exists (
            select 1
            from loyalty.expiration_runs as runs
            inner join loyalty.expiration_run_programs as closed_programs
                on runs.id = closed_programs.run_id
            where
                closed_programs.program_id = run_programs.program_id
                and runs.run_type = 'daily'
                and not runs.dry_run
                and runs.closed_at >= %(now_at)s::timestamptz - interval '26 hours'
        )
),

held_programs as (
    select count(*) as programs_total
    from loyalty.held_programs
),

ambiguous_mails as (
    select count(*) as mails_total
    from loyalty.email_logs as mails
    where mails.status = 'ambiguous' and mails.occurrence_key is not null
),

waiting_mails as (
    select count(*) as mails_total
    from loyalty.email_logs as mails
    where
        mails.status in ('queued', 'deferred', 'sending')
        and mails.occurrence_key is not null
        and mails.queued_at < %(now_at)s::timestamptz - interval '26 hours'
)

select
    format(
        'No run was closed in the last 26 hours (the last one: %%s).',
        coalesce(last_close.closed_at::text, 'never')
    ) as trouble,
    last_close.is_before_first_run
from last_close
where
    last_close.closed_at is null
    or last_close.closed_at < %(now_at)s::timestamptz - interval '26 hours'
union all
select
    format(
        '%%s program(s) were in no run that was closed in the last 26 hours.',
        left_out_programs.programs_total
    ) as trouble,
    false as is_before_first_run
from left_out_programs
cross join last_close
where
    left_out_programs.programs_total > 0
    and last_close.closed_at >= %(now_at)s::timestamptz - interval '26 hours'
union all
select
    format('%%s program(s) are held and wait for a person.', held_programs.programs_total)
        as trouble,
    false as is_before_first_run
from held_programs
where held_programs.programs_total > 0
union all
select
    format('%%s mail(s) wait for a person to settle them.', ambiguous_mails.mails_total)
        as trouble,
    false as is_before_first_run
from ambiguous_mails
where ambiguous_mails.mails_total > 0
union all
select
    format('%%s mail(s) have waited for more than 26 hours.', waiting_mails.mails_total)
        as trouble,
    false as is_before_first_run
from waiting_mails
where waiting_mails.mails_total > 0
