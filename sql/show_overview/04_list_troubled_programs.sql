-- Lists the programs that a person should look at, each with what is the matter.
-- In: the last closed daily run's report, the one before, the settings as they are now, the mails
-- of the last week. Out: one row per program and trouble, with a figure where there is one.
-- Binds: now_at.
-- A rerun lists what is so then.
with
daily_runs as (
    select
        runs.id,
        row_number() over (order by runs.id desc) as place
    from loyalty.expiration_runs as runs
    where runs.status = 'closed' and runs.run_type = 'daily' and not runs.dry_run
    order by runs.id desc
    limit 2
),

reported_programs as (
    select run_programs.*
    from daily_runs
    inner join loyalty.expiration_run_programs as run_programs
        on daily_runs.id = run_programs.run_id
    where daily_runs.place = 1
),

-- Where a program is new, the last run is all there is to compare with.
earlier_programs as (
    select distinct on (run_programs.program_id) run_programs.*
    from daily_runs
    inner join loyalty.expiration_run_programs as run_programs
        on daily_runs.id = run_programs.run_id
    order by run_programs.program_id asc, daily_runs.place desc
),

changed_programs as (
    select
        settings.id as program_id,
        earlier.run_id,
        concat_ws(
            ', ',
            case
                when
                    settings.points_expiration_days is distinct from earlier.points_expiration_days
                    then format(
                        'days %%s → %%s',
                        coalesce(earlier.points_expiration_days::text, 'none'),
                        coalesce(settings.points_expiration_days::text, 'none')
                    )
            end,
            case
                when settings.warning_days is distinct from earlier.warning_days
                    then format(
                        'warning days %%s → %%s', earlier.warning_days, settings.warning_days
                    )
            end,
            case
                when settings.min_notice_days is distinct from earlier.min_notice_days
                    then format(
                        'minimum notice %%s → %%s',
                        earlier.min_notice_days,
                        settings.min_notice_days
                    )
            end,
            case
                when settings.time_zone is distinct from earlier.time_zone
                    then format('time zone %%s → %%s', earlier.time_zone, settings.time_zone)
            end
        ) as changes
    from earlier_programs as earlier
    inner join loyalty.loyalty_programs as settings on earlier.program_id = settings.id
),

failing_mails as (
    select
        cards.program_id,
        count(*) as mails_total
    from loyalty.email_logs as mails
    inner join loyalty.loyalty_cards as cards on mails.card_id = cards.id
    where
        mails.run_id >= (
            select min(runs.id)
            from loyalty.expiration_runs as runs
            where runs.evaluated_at > %(now_at)s::timestamptz - interval '7 days'
        )
        and (
            mails.status in ('failed', 'ambiguous')
            or (
                mails.status in ('queued', 'sending', 'deferred')
                and mails.queued_at < %(now_at)s::timestamptz - interval '26 hours'
            )
        )
    group by cards.program_id
),

troubles as (
    select
        'held' as trouble,
        reported.program_id,
        reported.run_id,
        reported.expiry_cards_planned as figure,
        null as detail
    from reported_programs as reported
    where
        reported.size_check = 'held'
        and not exists (
            select 1
            from loyalty.expiration_runs as decided
            inner join loyalty.expiration_run_programs as decided_programs
                on decided.id = decided_programs.run_id
            where
                decided.held_run_id = reported.run_id
                and decided.decision is not null
                and decided_programs.program_id = reported.program_id
        )
    union all
    select
        'settings_changed' as trouble,
        changed.program_id,
        changed.run_id,
        null as figure,
        changed.changes as detail
    from changed_programs as changed
    where changed.changes <> ''
    union all
    select
        'unknown_time_zone' as trouble,
        reported.program_id,
        reported.run_id,
        null as figure,
        reported.time_zone as detail
    from reported_programs as reported
    where reported.exempt_reason = 'unknown_time_zone'
    union all
    select
        'cards_without_activity' as trouble,
        reported.program_id,
        reported.run_id,
        reported.cards_without_activity as figure,
        null as detail
    from reported_programs as reported
    where reported.cards_without_activity > 0
    union all
    select
        'stages_cut' as trouble,
        reported.program_id,
        reported.run_id,
        null as figure,
        format(
            '%%s of %%s days', reported.warning_days, reported.points_expiration_days
        ) as detail
    from reported_programs as reported
    where reported.stages_cut
    union all
    select
        'mails_failing' as trouble,
        failing.program_id,
        null as run_id,
        failing.mails_total as figure,
        null as detail
    from failing_mails as failing
)

select
    troubles.*,
    programs.name as program_name,
    merchants.name as merchant_name
from troubles
inner join loyalty.loyalty_programs as programs on troubles.program_id = programs.id
inner join loyalty.merchants as merchants on programs.merchant_id = merchants.id
order by
    array_position(
        array['held', 'unknown_time_zone', 'mails_failing', 'settings_changed'], troubles.trouble
    ),
    troubles.trouble,
    troubles.program_id
