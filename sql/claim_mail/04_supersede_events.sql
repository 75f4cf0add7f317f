-- Sets aside the picked mails that would announce something that is gone by now.
-- In: enrollments, bonuses and rewards of a card, program or merchant that was deactivated since
-- they were queued; rewards that were redeemed since, or whose stamps are below the target;
-- expiries whose points were given back. Out: they are `superseded`; one result row, their count. A
-- reward reached again has its own event.
-- The card is only read, as it is now: a till waits for no mail, and what it does a moment later
-- comes too late for the mail, as it would once the mail is under way.
-- Prepared: every batch runs it.
-- Binds: email_log_ids (locked).
-- Rerun: a superseded mail is not picked.
with
gone_mails as (
    select mails.id
    from loyalty.email_logs as mails
    inner join loyalty.loyalty_cards as cards on mails.card_id = cards.id
    inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
    inner join loyalty.merchants as merchants on cards.merchant_id = merchants.id
    where
        mails.id = any(%(email_log_ids)s::bigint[])
        and mails.template_code in (
            'loyalty_enrollment', 'loyalty_welcome_bonus', 'loyalty_reward_ready'
        )
        and (
            (cards.is_active and programs.is_active and merchants.is_active) is not true
            or (
                mails.template_code = 'loyalty_reward_ready'
                and (
                    coalesce(programs.stamps_target, 0) <= 0
                    or cards.stamp_count < programs.stamps_target
                    or exists (
                        select 1
                        from loyalty.loyalty_transactions as later_rows
                        where
                            later_rows.card_id = mails.card_id
                            and later_rows.transaction_type = 'stamp_redeemed'
                            -- The key ends with the id of the ledger row that reached the target.
                            and later_rows.id
                            > substring(mails.occurrence_key from '^reward:(\d{1,18})$')::bigint
                    )
                )
            )
        )
    union all
    select mails.id
    from loyalty.email_logs as mails
    inner join loyalty.expirations as expirations on mails.card_id = expirations.card_id
    where
        mails.id = any(%(email_log_ids)s::bigint[])
        and mails.template_code = 'loyalty_points_expired'
        and mails.occurrence_key = loyalty.expiry_occurrence_key(expirations.transaction_id)
        and expirations.reinstated_by is not null
),

superseded as (
    update loyalty.email_logs as mails
    set
        status = 'superseded',
        next_attempt_at = null
    from gone_mails
    where mails.id = gone_mails.id
    returning mails.id
)

select count(*) as events_superseded
from superseded
