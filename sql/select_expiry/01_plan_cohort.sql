-- Plans the expiry: cards whose points could last be used before the run's local today.
-- In: cards of the run's programs. Out: one `expiry` row per card in expiration_cohort_members.
-- Under minimum notice a card is due only once its notice was opened and has run out.
-- Binds: run_id.
-- Rerun: the plan is insert-only; a card that is planned already keeps its row.
insert into loyalty.expiration_cohort_members (
    run_id, kind, card_id, program_id, merchant_id, cycle_started_at, due_on, usable_until, points
)
with
programs as materialized (
    select
        run_programs.*,
        -- As_of may be minutes ahead of the clock; a local day that still runs is not over.
        least(run_programs.today, run_programs.evaluated_on) as judged_on
    from loyalty.expiration_run_programs as run_programs
    where run_programs.run_id = %(run_id)s::bigint and run_programs.exempt_reason is null
),

inactive_cards as (
    select
        cards.*,
        programs.min_notice_days,
        programs.judged_on,
        (cards.last_activity_at at time zone programs.time_zone)::date
        + programs.points_expiration_days as due_on
    from programs
    cross join lateral (
        select
            candidates.id,
            candidates.program_id,
            candidates.merchant_id,
            candidates.last_activity_at,
            candidates.points_balance
        from loyalty.loyalty_cards as candidates
        where
            candidates.program_id = programs.program_id
            and candidates.points_balance > 0
            and candidates.is_active
            -- An instant before that is some program's zero, or lies outside the calendar: like
            -- null it tells of no activity.
            and candidates.last_activity_at > '1970-01-01 00:00:00+00'
            -- A day of slack for zones whose midnight moved; the dates below decide.
            and candidates.last_activity_at < programs.cutoff_at + interval '1 day'
        -- Keeps the planner on the inactivity index, program by program.
        offset 0
    ) as cards
),

noticed_cards as (
    select
        inactive_cards.*,
        notices.opened_on,
        greatest(
            inactive_cards.due_on,
            notices.promised_on,
            case
                when inactive_cards.min_notice_days > 0
                    then notices.opened_on + inactive_cards.min_notice_days
            end
        ) as usable_until
    from inactive_cards
    cross join
        lateral (
            select
                -- A warning under way may be accepted in this moment: its date counts already.
                max(greatest(
                    given.promised_on, case when mails.status = 'sending' then given.named_on end
                )) as promised_on,
                min(given.opened_on) as opened_on
            from loyalty.expiration_notices as given
            inner join loyalty.email_logs as mails on given.email_log_id = mails.id
            where
                given.card_id = inactive_cards.id
                and given.cycle_started_at = inactive_cards.last_activity_at
        ) as notices
    where inactive_cards.due_on < inactive_cards.judged_on
)

select
    %(run_id)s::bigint as run_id,
    'expiry' as kind,
    noticed_cards.id as card_id,
    noticed_cards.program_id,
    noticed_cards.merchant_id,
    noticed_cards.last_activity_at as cycle_started_at,
    noticed_cards.due_on,
    noticed_cards.usable_until,
    noticed_cards.points_balance as points
from noticed_cards
where
    noticed_cards.usable_until < noticed_cards.judged_on
    and (noticed_cards.min_notice_days = 0 or noticed_cards.opened_on is not null)
    and not exists (
        select 1
        from loyalty.expirations as expirations
        where
            expirations.card_id = noticed_cards.id
            and expirations.cycle_started_at = noticed_cards.last_activity_at
    )
    -- By its key, card by card: no statistics know a new run's rows yet, and a join made for none
    -- would compare every card with every other.
    and not exists (
        select 1
        from loyalty.expiration_cohort_members as planned
        where
            planned.run_id = %(run_id)s::bigint
            and planned.kind = 'expiry'
            and planned.card_id = noticed_cards.id
        offset 0
    )
-- The chunks read the plan in this order.
order by noticed_cards.id
