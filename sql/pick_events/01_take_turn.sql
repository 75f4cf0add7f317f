-- Waits until no other run is reading the ledger, and keeps others waiting: two runs at once would
-- read the same rows. Looking at the table stays possible.
-- In: nothing. Out: nothing; held until the transaction ends.
-- A rerun takes its turn again.
lock table loyalty.lifecycle_unread in exclusive mode
