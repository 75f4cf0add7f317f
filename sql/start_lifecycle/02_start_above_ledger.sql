-- Lets the lifecycle mails start with what comes after the ledger's last row.
-- In: the ledger's highest id. Out: the one range without an end.
-- A rerun starts above what the ledger holds then.
insert into loyalty.lifecycle_unread (first_id)
select coalesce(max(ledger.id), 0) + 1 as first_id
from loyalty.loyalty_transactions as ledger
