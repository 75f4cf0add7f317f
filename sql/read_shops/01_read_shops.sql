-- Reads the stores whose mails a preview shows.
-- In: the store given, or every store with an active override of its own. Out: one row per store
-- with the names that its mails print, in id order.
-- Binds: store_id (null: all with an override).
-- A rerun reads again; it changes nothing.
select
    stores.id as store_id,
    stores.name as store_name,
    merchants.name as merchant_name,
    coalesce(min(programs.name), merchants.name) as program_name
from loyalty.stores as stores
inner join loyalty.merchants as merchants on stores.merchant_id = merchants.id
left join loyalty.loyalty_programs as programs on merchants.id = programs.merchant_id
where
    stores.id = %(store_id)s::bigint
    or (
        %(store_id)s::bigint is null
        and exists (
            select 1
            from loyalty.store_email_templates as overrides
            where overrides.store_id = stores.id and overrides.is_active
        )
    )
group by stores.id, stores.name, merchants.name
order by stores.id
