-- Picks and locks one batch of mails that are due, in id order.
-- In: the queued and deferred mails of the pipeline whose time has come: those named, or any
-- above a given id. Out: one row: the ids of at most 50, and the last id looked at (null: nothing
-- is left). Passed over are the mails that other senders hold, and those about a card that a
-- chunk has in hand: what they say may just become untrue.
-- Binds: template_codes, named_ids (null: any), after_id, excluded_ids, sent_at.
-- Rerun: a mail is picked again only while nothing has become of it.
with
due_mails as materialized (
    select
        mails.id,
        mails.card_id
    from loyalty.email_logs as mails
    where
        mails.status in ('queued', 'deferred')
        and mails.id > %(after_id)s::bigint
        and (
            %(named_ids)s::bigint[] is null
            or mails.id = any(%(named_ids)s::bigint[])
        )
        and mails.id <> all(%(excluded_ids)s::bigint[])
        and (
            mails.next_attempt_at is null
            or mails.next_attempt_at <= %(sent_at)s::timestamptz
        )
        and mails.template_code = any(%(template_codes)s::text[])
        and mails.occurrence_key is not null
    order by mails.id
    limit 50
    for update skip locked
),

-- No chunk decides on these cards before the mails are claimed. A till's update goes on; its
-- `for update` waits for this transaction's end.
free_cards as materialized (
    select cards.id
    from
        loyalty.lock_mailed_cards(
            (select array_agg(distinct due_mails.card_id) from due_mails)
        ) as cards
)

select
    coalesce(
        array_agg(due_mails.id order by due_mails.id) filter (
            where
            due_mails.card_id is null
            or exists (
                select 1
                from free_cards
                where free_cards.id = due_mails.card_id
            )
        ),
        '{}'
    ) as email_log_ids,
    max(due_mails.id) as last_mail_id
from due_mails
