-- Invariant 7: ledger, cohort and mail rows belong to their card's merchant, and a run for some
-- merchants touches no other's cards.
-- In: cards, their ledger, plan and mail rows. Out: one row per row of another merchant.
-- Binds: run_id (null: every row; else the plan and mails of that run, the ledger of its cards).
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

owned_rows as (
    select
        ledger.card_id,
        ledger.merchant_id,
        'ledger row ' || ledger.id as row_name
    from touched_cards
    inner join loyalty.loyalty_transactions as ledger on touched_cards.card_id = ledger.card_id
    union all
    select
        members.card_id,
        members.merchant_id,
        format('%%s plan of run %%s', members.kind, members.run_id) as row_name
    from loyalty.expiration_cohort_members as members
    where %(run_id)s::bigint is null or members.run_id = %(run_id)s::bigint
    union all
    select
        members.card_id,
        members.merchant_id,
        format('reinstatement plan of run %%s', members.run_id) as row_name
    from loyalty.reinstatement_members as members
    where %(run_id)s::bigint is null or members.run_id = %(run_id)s::bigint
    union all
    select
        mails.card_id,
        mails.merchant_id,
        'mail ' || mails.id as row_name
    from loyalty.email_logs as mails
    where
        mails.card_id is not null
        and (%(run_id)s::bigint is null or mails.run_id = %(run_id)s::bigint)
)

select
    owned_rows.card_id,
    format(
        '%%s names merchant %%s, the card is of merchant %%s',
        owned_rows.row_name,
        owned_rows.merchant_id,
        cards.merchant_id
    ) as detail
from owned_rows
inner join loyalty.loyalty_cards as cards on owned_rows.card_id = cards.id
where owned_rows.merchant_id <> cards.merchant_id
union all
select
    members.card_id,
    format(
        'run %%s was for merchants %%s, the card is of merchant %%s',
        runs.id,
        runs.merchant_ids,
        members.merchant_id
    ) as detail
from loyalty.expiration_runs as runs
inner join loyalty.expiration_cohort_members as members on runs.id = members.run_id
where
    (%(run_id)s::bigint is null or runs.id = %(run_id)s::bigint)
    and members.merchant_id <> all(runs.merchant_ids)
order by card_id, detail
