-- Notes why planned reinstatements are not carried out.
-- In: the run's undecided reinstatements: one card's or all; none for another kind. Out: one row
-- each in reinstatement_skips.
-- Binds: run_id, kind, reason, skipped_at, card_id (null: any).
-- Rerun: the first reason stands.
insert into loyalty.reinstatement_skips (run_id, expiration_id, card_id, reason, skipped_at)
select
    members.run_id,
    members.expiration_id,
    members.card_id,
    %(reason)s::text as reason,
    %(skipped_at)s::timestamptz as skipped_at
from loyalty.reinstatement_members as members
where
    members.run_id = %(run_id)s::bigint
    and %(kind)s::text = 'reinstatement'
    and (%(card_id)s::bigint is null or members.card_id = %(card_id)s::bigint)
    and not exists (
        select 1
        from loyalty.reinstatements
        where
            reinstatements.run_id = members.run_id
            and reinstatements.expiration_id = members.expiration_id
    )
on conflict do nothing
