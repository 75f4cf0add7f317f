-- Adds the project's own templates that the platform lacks.
-- In: the templates shipped with this release. Out: those whose code and language the platform
-- lacked; one result row, their count.
-- Binds: codes, languages, subjects, body_htmls, body_texts, variable_lists (parallel).
-- Rerun: code and language are unique, so a rerun adds nothing.
with
inserted as (
    insert into loyalty.email_templates (
        code, language, subject, body_html, body_text, variables, shipped_fingerprint
    )
    select
        shipped.code,
        shipped.language,
        shipped.subject,
        shipped.body_html,
        shipped.body_text,
        shipped.variables::jsonb as variables,
        loyalty.template_fingerprint(
            shipped.subject, shipped.body_html, shipped.body_text
        ) as shipped_fingerprint
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
