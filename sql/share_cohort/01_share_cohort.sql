-- Shares what is left of a cohort among tasks: ranges of card ids with equally many cards each.
-- In: the run's undecided plan rows of one kind. Out: one row, the last card id of each share but
-- the last, ascending: that one has no end, so that the ranges together leave no card out.
-- Binds: run_id, kind, shares_max. Fewer cards than shares make fewer shares.
-- A rerun shares what is left by then; every range may be carried out again.
with
numbered_cards as (
    select
        undecided.card_id,
        ntile(%(shares_max)s::integer) over (order by undecided.card_id) as share_number
    from
        loyalty.undecided_cards(
            %(run_id)s::bigint, %(kind)s::text, 0, 9223372036854775807
        ) as undecided
),

share_ends as (
    select
        max(numbered_cards.card_id) as last_card_id,
        lead(numbered_cards.share_number) over (order by numbered_cards.share_number)
            as next_number
    from numbered_cards
    group by numbered_cards.share_number
)

select
    coalesce(
        array_agg(share_ends.last_card_id order by share_ends.last_card_id), '{}'
    ) as last_card_ids
from share_ends
where share_ends.next_number is not null
