-- Notes why planned cards are not carried out.
-- In: the run's undecided plan rows of one kind: one card's, or those of some programs, or all.
-- Out: one row each in expiration_skips.
-- Binds: run_id, kind, reason, skipped_at, card_id (null: any), program_ids (null: any).
-- Rerun: the first reason stands.
insert into loyalty.expiration_skips (run_id, kind, card_id, reason, skipped_at)
with
undecided as (
    select
        members.run_id,
        members.kind,
        members.card_id,
        members.program_id
    from
        loyalty.undecided_cards(
            %(run_id)s::bigint,
            %(kind)s::text,
            coalesce(%(card_id)s::bigint - 1, -9223372036854775808),
            coalesce(%(card_id)s::bigint, 9223372036854775807)
        ) as cards
    inner join loyalty.expiration_cohort_members as members on cards.card_id = members.card_id
    where members.run_id = %(run_id)s::bigint and members.kind = %(kind)s::text
)

select
    undecided.run_id,
    undecided.kind,
    undecided.card_id,
    %(reason)s::text as reason,
    %(skipped_at)s::timestamptz as skipped_at
from undecided
where
    %(program_ids)s::bigint[] is null
    or undecided.program_id = any(%(program_ids)s::bigint[])
on conflict do nothing
