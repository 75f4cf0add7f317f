-- A foreign key locks the row it refers to (`for key share`). Planning would wait for every card
-- that a till holds and fail at lock_timeout, and tills would wait for the whole selection.
-- Plan rows come from loyalty_cards itself, and cards are never deleted once they have a ledger.
alter table loyalty.expiration_cohort_members
drop constraint if exists expiration_cohort_members_card_fkey;
