-- Lists the programs that a person should look at, one row per reason: those that are held, and
-- what the latest daily run of all merchants found.
-- In: loyalty.held_programs, the latest closed daily run of all merchants, the one before it, the
-- mails that any run of either DAG queued in the last seven days.
-- Out: program, reason and the figure that goes with it, 200 rows at most; how many there are.
-- Binds: now_at.
-- A rerun reads again; it changes nothing.
with
latest_runs as (
    select
        runs.id,
        row_number() over (order by runs.id desc) as place
    from loyalty.expiration_runs as runs
    where
        runs.status = 'closed'
        and runs.run_type = 'daily'
        and not runs.dry_run
        and runs.merchant_ids is null
    order by runs.id desc
    limit 2
),

snapshots as (
    select
        latest_runs.place,
        run_programs.*
    from latest_runs
    inner join loyalty.expiration_run_programs as run_programs
        on latest_runs.id = run_programs.run_id
),

held as (
    select
        held_programs.program_id,
        'held' as reason,
        held_programs.cards_held as figure
    from loyalty.held_programs
),

-- By grouping: of a run that nobody has counted yet the planner expects one program, and would
-- compare each with all others.
changed as (
    select
        snapshots.program_id,
        'settings_changed' as reason,
        null::bigint as figure
    from snapshots
    group by snapshots.program_id
    having
        count(distinct row(
            snapshots.points_expiration_days,
            snapshots.warning_days,
            snapshots.min_notice_days,
            snapshots.time_zone
        )) > 1
),

failed as (
    select
        cards.program_id,
        'mails_failing' as reason,
        count(*) as figure
    from loyalty.email_logs as mails
    inner join loyalty.loyalty_cards as cards on mails.card_id = cards.id
    where
        mails.status in ('failed', 'ambiguous')
        and mails.occurrence_key is not null
        and mails.queued_at > %(now_at)s::timestamptz - interval '7 days'
    group by cards.program_id
),

troubles as (
    select * from held
    union all
    select * from changed
    union all
    select * from failed
    union all
    select
        snapshots.program_id,
        'no_activity' as reason,
        snapshots.cards_without_activity as figure
    from snapshots
    where snapshots.place = 1 and snapshots.cards_without_activity > 0
    union all
    select
        snapshots.program_id,
        'stages_cut' as reason,
        null as figure
    from snapshots
    where snapshots.place = 1 and snapshots.stages_cut
    union all
    select
        snapshots.program_id,
        'unknown_time_zone' as reason,
        null as figure
    from snapshots
    where snapshots.place = 1 and snapshots.exempt_reason = 'unknown_time_zone'
)

select
    troubles.program_id,
    programs.name as program_name,
    merchants.name as merchant_name,
    troubles.reason,
    troubles.figure,
    count(*) over () as reasons_total
from troubles
inner join loyalty.loyalty_programs as programs on troubles.program_id = programs.id
inner join loyalty.merchants as merchants on programs.merchant_id = merchants.id
order by troubles.reason, troubles.program_id
limit 200
