-- Brings the platform's templates up to date that nobody edited since they were stored.
-- In: rows whose words have the fingerprint of the version last stored, or are the new version's
-- by chance. Out: words, variables and fingerprint of this release; one result row, how many
-- changed.
-- Binds: codes, languages, subjects, body_htmls, body_texts, variable_lists (parallel).
-- Rerun: a row that is up to date is not touched.
with
shipped as (
    select
        given.*,
        loyalty.template_fingerprint(
            given.subject, given.body_html, given.body_text
        ) as fingerprint
    from
        unnest(
            %(codes)s::text[],
            %(languages)s::text[],
            %(subjects)s::text[],
            %(body_htmls)s::text[],
            %(body_texts)s::text[],
            %(variable_lists)s::text[]
        ) as given (code, language, subject, body_html, body_text, variables)
),

updated as (
    update loyalty.email_templates as platform
    set
        subject = shipped.subject,
        body_html = shipped.body_html,
        body_text = shipped.body_text,
        variables = shipped.variables::jsonb,
        shipped_fingerprint = shipped.fingerprint
    from shipped
    where
        platform.code = shipped.code
        and platform.language = shipped.language
        and loyalty.template_fingerprint(
            platform.subject, platform.body_html, platform.body_text
        ) in (platform.shipped_fingerprint, shipped.fingerprint)
        and (platform.shipped_fingerprint, platform.variables)
        is distinct from (shipped.fingerprint, shipped.variables::jsonb)
    returning platform.code
)

select count(*) as templates_updated
from updated
