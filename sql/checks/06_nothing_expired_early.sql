-- Invariant 6: nothing expired before its time, by the run's own snapshot of the settings.
-- In: expirations, their run's settings and today, the promises of warnings sent before. Out: one
-- row per expiry whose local day of activity plus the days, or whose promise, is not past.
-- Binds: run_id (null: every card; else the cards of that run's plans).
-- A rerun reads only.
with
touched_cards as (
    select run_cards.card_id
    from loyalty.run_cards as run_cards
    where run_cards.run_id = %(run_id)s::bigint
    union
    select cards.id as card_id
    from loyalty.loyalty_cards as cards
    where %(run_id)s::bigint is null
),

expiries as (
    select
        expirations.card_id,
        expirations.points,
        expirations.cycle_started_at,
        expirations.due_on,
        run_programs.run_id,
        run_programs.today,
        run_programs.points_expiration_days,
        ledger.transaction_at,
        case
            when run_programs.exempt_reason is null
                then (expirations.cycle_started_at at time zone run_programs.time_zone)::date
        end as active_on
    from touched_cards
    inner join loyalty.expirations as expirations on touched_cards.card_id = expirations.card_id
    inner join loyalty.loyalty_cards as cards on expirations.card_id = cards.id
    inner join loyalty.expiration_run_programs as run_programs
        on
            expirations.run_id = run_programs.run_id
            and cards.program_id = run_programs.program_id
    inner join loyalty.loyalty_transactions as ledger on expirations.transaction_id = ledger.id
),

promised_expiries as (
    select
        expiries.*,
        promises.promised_on
    from expiries
    cross join lateral (
        select max(notices.promised_on) as promised_on
        from loyalty.expiration_notices as notices
        inner join loyalty.email_logs as mails on notices.email_log_id = mails.id
        where
            notices.card_id = expiries.card_id
            and notices.cycle_started_at = expiries.cycle_started_at
            and mails.sent_at < expiries.transaction_at
    ) as promises
)

select
    promised_expiries.card_id,
    format(
        '%%s points expired by run %%s on %%s: active on %%s, %%s days, due on %%s, promised %%s',
        promised_expiries.points,
        promised_expiries.run_id,
        promised_expiries.today,
        promised_expiries.active_on,
        promised_expiries.points_expiration_days,
        promised_expiries.due_on,
        coalesce(promised_expiries.promised_on::text, 'nothing')
    ) as detail
from promised_expiries
where
    greatest(
        promised_expiries.active_on + promised_expiries.points_expiration_days,
        promised_expiries.due_on,
        promised_expiries.promised_on
    ) >= promised_expiries.today
order by promised_expiries.card_id
