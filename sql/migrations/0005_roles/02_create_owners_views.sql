-- What the pipeline has to ask about customers without reading names and addresses: both run with
-- the rights of the tables' owner.

-- Locks the customers that nobody changes, as the foreign key of a queued mail will; returns them.
create function loyalty.lock_customers(customer_ids bigint[])
returns table (id bigint)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $body$
    select customers.id
    from loyalty.customers as customers
    where customers.id = any(customer_ids)
    order by customers.id
    for key share skip locked
$body$;

-- Mails whose variables or error message hold a name or the address of their customer; which word
-- is not told. Names count as whole words of two letters or more, in their spelling; addresses in
-- any case.
create view loyalty.mails_naming_a_customer as
with
texts as (
    select
        mails.id,
        mails.run_id,
        mails.card_id,
        mails.customer_id,
        value.word as line
    from loyalty.email_logs as mails
    cross join lateral jsonb_each_text(mails.variables) as value (name, word)
    where mails.occurrence_key is not null
    union all
    select
        mails.id,
        mails.run_id,
        mails.card_id,
        mails.customer_id,
        mails.error_message as line
    from loyalty.email_logs as mails
    where mails.error_message is not null and mails.occurrence_key is not null
),

compared_texts as (
    select
        texts.id,
        texts.run_id,
        texts.card_id,
        lower(texts.line) as line,
        lower(btrim(customers.email)) as email,
        ' ' || regexp_replace(texts.line, '\W+', ' ', 'g') || ' ' as words,
        regexp_replace(btrim(customers.first_name), '\W+', ' ', 'g') as first_name,
        regexp_replace(btrim(customers.last_name), '\W+', ' ', 'g') as last_name
    from texts
    inner join loyalty.customers as customers on texts.customer_id = customers.id
)

select distinct
    compared_texts.id as email_log_id,
    compared_texts.run_id,
    compared_texts.card_id
from compared_texts
where
    (compared_texts.email <> '' and strpos(compared_texts.line, compared_texts.email) > 0)
    or (
        length(compared_texts.first_name) > 1
        and strpos(compared_texts.words, ' ' || compared_texts.first_name || ' ') > 0
    )
    or (
        length(compared_texts.last_name) > 1
        and strpos(compared_texts.words, ' ' || compared_texts.last_name || ' ') > 0
    );
