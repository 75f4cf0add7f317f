-- Mails whose variables or error message hold a name or the address of their customer; which word
-- is not told. Names count as whole words of two letters or more, in their spelling; addresses in
-- any case. What does not begin with a reply code are our own words, which know no names: a
-- customer called The would be found in them.
create or replace view loyalty.mails_naming_a_customer as
with
texts as (
    select
        mails.id,
        mails.run_id,
        mails.card_id,
        mails.customer_id,
        value.word as line,
        value.word as foreign_words
    from loyalty.email_logs as mails
    cross join lateral jsonb_each_text(mails.variables) as value (name, word)
    where mails.occurrence_key is not null
    union all
    select
        mails.id,
        mails.run_id,
        mails.card_id,
        mails.customer_id,
        mails.error_message as line,
        substring(mails.error_message from '^\d{3}\D.*') as foreign_words
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
        ' ' || regexp_replace(texts.foreign_words, '\W+', ' ', 'g') || ' ' as words,
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
