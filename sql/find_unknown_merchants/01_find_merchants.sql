-- Finds the ids that a run was given and that are no merchant's: a typo must not pass for a run
-- that had nothing to do.
-- In: merchants. Out: one row, the ids without a merchant; null if all have one.
-- Binds: merchant_ids.
-- A rerun reads again; it changes nothing.
select array_agg(named.id order by named.id) as unknown_ids
from unnest(%(merchant_ids)s::bigint[]) as named (id)
left join loyalty.merchants as merchants on named.id = merchants.id
where merchants.id is null
