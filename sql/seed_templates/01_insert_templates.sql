-- Adds the project's own templates to the platform's.
-- In: the templates shipped with this release. Out: those whose code and language the platform
-- lacked; one result row, their count. What is there stays as it is: it may have been edited.
-- Binds: codes, languages, subjects, body_htmls, body_texts, variable_lists (parallel).
-- Rerun: code and language are unique, so a rerun adds nothing.
with
inserted as (
    insert into loyalty.email_templates (
        code, language, subject, body_html, body_text, variables
    )
    select
        shipped.code,
        shipped.language,
        shipped.subject,
        shipped.body_html,
        shipped.body_text,
        shipped.variables::jsonb as variables
    from
        unnest(
            %(codes)s::text[],
            %(languages)s::text[],
            %(subjects)s::text[],
            %(body_htmls)s::text[],
            %(body_texts)s::text[],
            %(variable_lists)s::text[]
        ) as shipped (code, language, subject, body_html, body_text, variables)
    on conflict do nothing
    returning code
)

select count(*) as templates_added
from inserted
