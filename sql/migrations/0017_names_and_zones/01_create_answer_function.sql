-- Returns a mail server's answer without the names of the mail's customer: whole words of two
-- letters or more in their spelling, which is what the view mails_naming_a_customer looks for.
-- Whoever is called No or User loses a word of the answer; nobody's name is kept. What does not
-- begin with a reply code are our own words.
create or replace function loyalty.without_names(wanted_customer_id bigint, answer text)
returns text
language sql stable strict
set search_path = pg_catalog, pg_temp
as $body$
    select coalesce(
        regexp_replace(answer, '\m(?:' || string_agg(patterns.name, '|') || ')\M', '...', 'g'),
        answer
    )
    from loyalty.customers as customers
    cross join lateral (values (customers.first_name), (customers.last_name)) as given (name)
    cross join lateral (
        select regexp_replace(
            regexp_replace(given.name, '^\W+|\W+$', '', 'g'), '\W+', '\\W+', 'g'
        ) as name
    ) as patterns
    where
        customers.id = wanted_customer_id
        and length(patterns.name) > 1
        and answer ~ '^\d{3}\D'
$body$;

revoke all on function loyalty.without_names(bigint, text) from public;
grant execute on function loyalty.without_names(bigint, text) to loyalty_mailer;
