-- Notes why planned cards are not carried out.
-- In: the run's undecided plan rows of one kind: one card's, or those of some programs, or all.
-- Out: one row each in expiration_skips.
-- Binds: run_id, kind, reason, skipped_at, card_id (null: any), program_ids (null: any).
-- Rerun: the first reason stands.
insert into loyalty.expiration_skips (run_id, kind, card_id, reason, skipped_at)
select
    undecided.run_id,
    undecided.kind,
    undecided.card_id,
    %(reason)s::text as reason,
    %(skipped_at)s::timestamptz as skipped_at
from loyalty.undecided_members as undecided
where
    undecided.run_id = %(run_id)s::bigint
    and undecided.kind = %(kind)s::text
    and undecided.kind <> 'reinstatement'
    and (%(card_id)s::bigint is null or undecided.card_id = %(card_id)s::bigint)
    and (
        %(program_ids)s::bigint[] is null
        or undecided.program_id = any(%(program_ids)s::bigint[])
    )
on conflict do nothing
