-- Notes why a planned and locked card does not get its points back.
-- In: the chunk's planned reinstatements that were not carried out. Out: one row each in
-- reinstatement_skips.
-- Binds: run_id, card_ids (locked), booked_at.
-- Rerun: the first reason stands.
insert into loyalty.reinstatement_skips (run_id, expiration_id, card_id, reason, skipped_at)
select
    members.run_id,
    members.expiration_id,
    members.card_id,
    case
        when expirations.reinstated_by is not null then 'already_reinstated'
        when (cards.is_active and programs.is_active and merchants.is_active) is not true
            then 'deactivated'
        else 'moved'
    end as reason,
    %(booked_at)s::timestamptz as skipped_at
from loyalty.reinstatement_members as members
inner join loyalty.expirations as expirations
    on members.expiration_id = expirations.transaction_id
inner join loyalty.loyalty_cards as cards on members.card_id = cards.id
inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
inner join loyalty.merchants as merchants on cards.merchant_id = merchants.id
where
    members.run_id = %(run_id)s::bigint
    and members.card_id = any(%(card_ids)s::bigint[])
    and not exists (
        select 1
        from loyalty.reinstatements
        where
            reinstatements.run_id = members.run_id
            and reinstatements.expiration_id = members.expiration_id
    )
on conflict do nothing
