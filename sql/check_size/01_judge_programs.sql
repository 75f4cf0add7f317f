-- Judges each program's expiry cohort against its own history: a settings change or a broken import
-- must not take everybody's points before a person has looked.
-- In: the open run's expiry plan, the program's limits as they are now, what expired on each local
-- day since its first closed run (28 days at the most). Out: per program the verdict in
-- expiration_run_programs, and for cohorts above the limit of cards the figures behind it (what is
-- outstanding only where it counts, or where the plan is held).
-- Held is a cohort of more cards than the limit that is also beyond the ratio times the median per
-- elapsed local day; before seven days of history are there, beyond the share of its points.
-- Binds: run_id.
-- Rerun: judged anew on the plan as it is then; a program once held stays held.
with
programs as materialized (
    select
        run_programs.run_id,
        run_programs.program_id,
        run_programs.today,
        settings.size_check_cards,
        settings.size_check_median_ratio,
        settings.size_check_points_share
    from loyalty.expiration_run_programs as run_programs
    inner join loyalty.expiration_runs as runs on run_programs.run_id = runs.id
    inner join loyalty.loyalty_programs as settings on run_programs.program_id = settings.id
    where
        run_programs.run_id = %(run_id)s::bigint
        and runs.status = 'open'
        and run_programs.exempt_reason is null
        and run_programs.size_check is distinct from 'held'
),

-- Counted once: the planner expects one planned card of a run that nobody has counted yet, and
-- would count all of them again for each program.
cohorts as materialized (
    select
        members.program_id,
        count(*) as cards_total,
        sum(members.points) as points_total
    from loyalty.expiration_cohort_members as members
    where members.run_id = %(run_id)s::bigint and members.kind = 'expiry'
    group by members.program_id
),

large_cohorts as materialized (
    select cohorts.*
    from cohorts
    inner join loyalty.loyalty_programs as settings on cohorts.program_id = settings.id
    where cohorts.cards_total > settings.size_check_cards
),

suspects as materialized (
    select
        programs.*,
        large_cohorts.cards_total,
        large_cohorts.points_total
    from large_cohorts
    inner join programs on large_cohorts.program_id = programs.program_id
),

earlier_days as materialized (
    select
        suspects.program_id,
        suspects.today,
        min(judged.today) as first_on,
        max(judged.today) as last_on
    from suspects
    inner join loyalty.expiration_run_programs as judged
        on suspects.program_id = judged.program_id and suspects.today > judged.today
    inner join loyalty.expiration_runs as runs on judged.run_id = runs.id
    where
        runs.status = 'closed'
        and runs.run_type = 'daily'
        and not runs.dry_run
        and judged.exempt_reason is null
    group by suspects.program_id, suspects.today
),

-- The first run finds a backlog of any age; the days after it are history.
history_days as (
    select
        earlier_days.program_id,
        earlier_days.last_on - day.ago as expires_on
    from earlier_days
    cross join
        lateral generate_series(
            0, least(earlier_days.last_on - earlier_days.first_on, 28) - 1
        ) as day (ago)
),

-- What expired in these days was taken by a run that stood for one of them, or for a later one.
recent_runs as (
    select distinct judged.run_id
    from earlier_days
    inner join loyalty.expiration_run_programs as judged
        on
            earlier_days.program_id = judged.program_id
            and earlier_days.last_on - 28 <= judged.today
),

expired_cards as materialized (
    select
        cards.program_id,
        coalesce(expirations.usable_until, expirations.due_on) + 1 as expires_on,
        count(*) as cards_total
    from loyalty.expirations as expirations
    inner join loyalty.loyalty_cards as cards on expirations.card_id = cards.id
    where
        expirations.run_id = any(array(select recent_runs.run_id from recent_runs))
        and expirations.reinstated_by is null
    group by cards.program_id, coalesce(expirations.usable_until, expirations.due_on)
),

histories as (
    select
        history_days.program_id,
        count(*) as history_days,
        percentile_cont(0.5) within group (
            order by coalesce(expired_cards.cards_total, 0)
        ) as history_cards_median
    from history_days
    left join expired_cards
        on
            history_days.program_id = expired_cards.program_id
            and history_days.expires_on = expired_cards.expires_on
    group by history_days.program_id
),

weighed_suspects as materialized (
    select
        suspects.*,
        coalesce(histories.history_days, 0) as history_days,
        histories.history_cards_median,
        suspects.today - earlier_days.last_on as elapsed_days,
        coalesce(histories.history_days, 0) >= 7
            as has_history
    from suspects
    left join earlier_days on suspects.program_id = earlier_days.program_id
    left join histories on suspects.program_id = histories.program_id
),

-- Only of these all cards are read.
unusual_suspects as materialized (
    select weighed_suspects.*
    from weighed_suspects
    where
        not weighed_suspects.has_history
        or weighed_suspects.cards_total
        > weighed_suspects.size_check_median_ratio
        * weighed_suspects.history_cards_median
        * weighed_suspects.elapsed_days
),

outstanding as materialized (
    select
        cards.program_id,
        sum(cards.points_balance) as points_outstanding
    from unusual_suspects
    inner join loyalty.loyalty_cards as cards on unusual_suspects.program_id = cards.program_id
    where cards.points_balance > 0
    group by cards.program_id
),

verdicts as materialized (
    select
        unusual_suspects.program_id,
        outstanding.points_outstanding,
        (
            unusual_suspects.has_history
            or unusual_suspects.points_total
            > unusual_suspects.size_check_points_share * outstanding.points_outstanding
        ) as is_held
    from unusual_suspects
    left join outstanding on unusual_suspects.program_id = outstanding.program_id
)

update loyalty.expiration_run_programs as run_programs
set
    size_check = case when verdicts.is_held then 'held' else 'passed' end,
    size_check_cards = programs.size_check_cards,
    size_check_median_ratio = programs.size_check_median_ratio,
    size_check_points_share = programs.size_check_points_share,
    history_days = weighed_suspects.history_days,
    history_cards_median = weighed_suspects.history_cards_median,
    elapsed_days = weighed_suspects.elapsed_days,
    points_outstanding = verdicts.points_outstanding
from programs
left join weighed_suspects on programs.program_id = weighed_suspects.program_id
left join verdicts on programs.program_id = verdicts.program_id
where
    run_programs.run_id = programs.run_id
    and run_programs.program_id = programs.program_id
