-- Cuts a planned cohort into chunks of so many cards, in id order.
-- In: the run's plan rows of one kind above after_card_id, up to last_card_id_max, decided or not.
-- Out: one row, the last card of each chunk (null: nothing is planned).
-- Binds: run_id, kind, after_card_id, last_card_id_max, chunk_size (cards).
-- A rerun cuts the same chunks, because a plan does not change once it is selected.
with
planned_cards as (
    select members.card_id
    from loyalty.expiration_cohort_members as members
    where
        members.run_id = %(run_id)s::bigint
        and members.kind = %(kind)s::text
        and members.card_id > %(after_card_id)s::bigint
        and members.card_id <= %(last_card_id_max)s::bigint
    union
    select members.card_id
    from loyalty.reinstatement_members as members
    where
        members.run_id = %(run_id)s::bigint
        and %(kind)s::text = 'reinstatement'
        and members.card_id > %(after_card_id)s::bigint
        and members.card_id <= %(last_card_id_max)s::bigint
),

numbered_cards as (
    select
        planned_cards.card_id,
        row_number() over (order by planned_cards.card_id) - 1 as number
    from planned_cards
),

chunks as (
    select max(numbered_cards.card_id) as last_card_id
    from numbered_cards
    group by numbered_cards.number / %(chunk_size)s::integer
)

select array_agg(chunks.last_card_id order by chunks.last_card_id) as last_card_ids
from chunks
