-- Notes that a dry run plans and does nothing.
-- In: the run's undecided plan rows. Out: one row each in expiration_skips.
-- Binds: run_id, kind, booked_at.
-- Rerun: the first reason stands.
insert into loyalty.expiration_skips (run_id, kind, card_id, reason, skipped_at)
select
    undecided.run_id,
    undecided.kind,
    undecided.card_id,
    'dry_run' as reason,
    %(booked_at)s::timestamptz as skipped_at
from loyalty.undecided_members as undecided
where undecided.run_id = %(run_id)s::bigint and undecided.kind = %(kind)s::text
on conflict do nothing
