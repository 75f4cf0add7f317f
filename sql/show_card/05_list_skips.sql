-- Lists the latest times that a run planned the card and then left it, with the reason.
-- In: the card's skips. Out: one row per skip, the newest first, at most so many.
-- Binds: card_id, rows_max.
-- A rerun lists what there is then.
select
    skips.run_id,
    skips.kind,
    skips.reason,
    skips.skipped_at
from loyalty.expiration_skips as skips
where skips.card_id = %(card_id)s::bigint
order by skips.skipped_at desc, skips.run_id desc
limit %(rows_max)s::integer
