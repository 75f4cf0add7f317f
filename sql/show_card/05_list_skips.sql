-- Lists why runs left a card out though they had planned it.
-- In: expiration_skips of one card. Out: 50 rows at most, the newest first.
-- Binds: card_id.
-- A rerun reads again; it changes nothing.
select
    skips.run_id,
    skips.kind,
    skips.reason,
    skips.skipped_at
from loyalty.expiration_skips as skips
where skips.card_id = %(card_id)s::bigint
order by skips.run_id desc
limit 50
