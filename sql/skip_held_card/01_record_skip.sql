-- Notes that a till held the card longer than the last pass waits; it is due again tomorrow.
-- In: one planned card. Out: its row in expiration_skips.
-- Binds: run_id, kind, held_card_id, booked_at.
-- Rerun: the first reason stands.
insert into loyalty.expiration_skips (run_id, kind, card_id, reason, skipped_at)
select
    undecided.run_id,
    undecided.kind,
    undecided.card_id,
    'locked' as reason,
    %(booked_at)s::timestamptz as skipped_at
from loyalty.undecided_members as undecided
where
    undecided.run_id = %(run_id)s::bigint
    and undecided.kind = %(kind)s::text
    and undecided.card_id = %(held_card_id)s::bigint
on conflict do nothing
