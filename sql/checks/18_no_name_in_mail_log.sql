-- Invariant 18, as far as the database goes: no name and no address of a customer stands in the
-- variables or the error message of a mail.
-- In: mails and their customers. Out: one row per mail that tells; which word is not repeated.
-- Names count as whole words of two letters or more, in their spelling; addresses in any case.
-- Binds: run_id (null: every mail of the pipeline; else those of that run).
-- A rerun reads only.
with
texts as (
    select
        mails.id,
        mails.card_id,
        mails.customer_id,
        value.word as line
    from loyalty.email_logs as mails
    cross join lateral jsonb_each_text(mails.variables) as value (name, word)
    where
        mails.occurrence_key is not null
        and (%(run_id)s::bigint is null or mails.run_id = %(run_id)s::bigint)
    union all
    select
        mails.id,
        mails.card_id,
        mails.customer_id,
        mails.error_message as line
    from loyalty.email_logs as mails
    where
        mails.error_message is not null
        and mails.occurrence_key is not null
        and (%(run_id)s::bigint is null or mails.run_id = %(run_id)s::bigint)
),

compared_texts as (
    select
        texts.id,
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
    compared_texts.card_id,
    format('mail %%s holds a name or an address of its customer', compared_texts.id) as detail
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
    )
order by compared_texts.card_id, detail
