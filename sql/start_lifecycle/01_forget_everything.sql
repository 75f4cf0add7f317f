-- Forgets which ledger rows are unread, those that are missing too.
-- In: lifecycle_unread. Out: no row.
-- A rerun finds none.
delete from loyalty.lifecycle_unread
