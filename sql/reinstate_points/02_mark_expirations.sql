-- Marks the expiries of this transaction as given back, once and for ever.
-- In: the reinstatements posted in this transaction. Out: reinstated_by of their expirations.
-- Binds: transaction_ids.
-- Rerun: the list holds only what this transaction posted.
update loyalty.expirations as expirations
set reinstated_by = reinstatements.transaction_id
from loyalty.reinstatements as reinstatements
where
    reinstatements.transaction_id = any(%(transaction_ids)s::bigint[])
    and expirations.transaction_id = reinstatements.expiration_id
