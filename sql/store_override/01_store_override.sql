-- Stores a store's own wording of one template and switches it on.
-- In: one checked template, if its store exists. Out: the store's row of that code and language;
-- one result row, how many were stored (0: there is no such store).
-- Binds: store_id, code, language, subject, body_html, body_text.
-- Rerun: store, code and language are unique; the same words are stored again.
with
stored as (
    insert into loyalty.store_email_templates (
        store_id, template_code, language, subject, body_html, body_text, is_active
    )
    select
        stores.id as store_id,
        %(code)s::text as template_code,
        %(language)s::text as language,
        %(subject)s::text as subject,
        %(body_html)s::text as body_html,
        %(body_text)s::text as body_text,
        true as is_active
    from loyalty.stores as stores
    where stores.id = %(store_id)s::bigint
    on conflict (store_id, template_code, language) do update
        set
            subject = excluded.subject,
            body_html = excluded.body_html,
            body_text = excluded.body_text,
            is_active = true
    returning store_id
)

select count(*) as overrides_stored
from stored
