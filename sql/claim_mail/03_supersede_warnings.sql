-- Sets aside the picked warnings that would tell the customer something untrue by now.
-- In: warnings whose card came back, was emptied or deactivated, whose points never expire any
-- more or are gone, whose later stage stands or is reached, or whose date has passed. Out: they
-- are `superseded`; one result row, their count. A cycle eligible again queues the same row.
-- Prepared: every batch runs it.
-- Binds: warning_ids and local_days (parallel, mails locked).
-- Rerun: a superseded warning is not picked.
with
stale_warnings as (
    select notices.email_log_id
    from
        unnest(%(warning_ids)s::bigint[], %(local_days)s::date[])
            as picked (email_log_id, local_day)
    inner join loyalty.expiration_notices as notices
        on picked.email_log_id = notices.email_log_id
    inner join loyalty.loyalty_cards as cards on notices.card_id = cards.id
    inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
    inner join loyalty.merchants as merchants on cards.merchant_id = merchants.id
    where
        cards.last_activity_at is distinct from notices.cycle_started_at
        or cards.points_balance <= 0
        or (cards.is_active and programs.is_active and merchants.is_active) is not true
        or coalesce(programs.points_expiration_days, 0) not between 1 and 36500
        or notices.named_on < picked.local_day
        or exists (
            select 1
            from unnest(coalesce(programs.warning_days, '{14}')::integer[]) as stage (days)
            where
                stage.days >= 0
                and least(stage.days, programs.points_expiration_days - 1) < notices.stage_days
                and notices.due_on - least(stage.days, programs.points_expiration_days - 1)
                <= picked.local_day
        )
        or exists (
            select 1
            from loyalty.expirations as expirations
            where
                expirations.card_id = notices.card_id
                and expirations.cycle_started_at = notices.cycle_started_at
        )
        or exists (
            select 1
            from loyalty.standing_warnings as standing
            where
                standing.card_id = notices.card_id
                and standing.cycle_started_at = notices.cycle_started_at
                and standing.stage_days < notices.stage_days
        )
),

superseded as (
    update loyalty.email_logs as mails
    set
        status = 'superseded',
        next_attempt_at = null
    from stale_warnings
    where mails.id = stale_warnings.email_log_id
    returning mails.id
)

select count(*) as mails_superseded
from superseded
