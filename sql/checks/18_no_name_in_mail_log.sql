-- Invariant 18, as far as the database goes: no name and no address of a customer stands in the
-- variables or the error message of a mail.
-- In: the view mails_naming_a_customer, which may read names where the checks may not. Out: one row
-- per mail that tells; which word is not repeated.
-- Binds: run_id (null: every mail of the pipeline; else those of that run).
-- A rerun reads only.
select
    telling.card_id,
    format('mail %%s holds a name or an address of its customer', telling.email_log_id) as detail
from loyalty.mails_naming_a_customer as telling
where %(run_id)s::bigint is null or telling.run_id = %(run_id)s::bigint
order by telling.card_id, detail
