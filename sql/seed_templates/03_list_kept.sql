-- Names the platform's templates that differ from this release because they were edited.
-- In: the platform's rows of the shipped codes and languages. Out: one result row, their names.
-- Binds: codes, languages, subjects, body_htmls, body_texts (parallel).
-- A rerun reads again; it changes nothing.
select
    coalesce(
        array_agg(
            platform.code || ' (' || platform.language || ')'
            order by platform.code, platform.language
        ),
        '{}'
    ) as templates_kept
from loyalty.email_templates as platform
inner join
    unnest(
        %(codes)s::text[],
        %(languages)s::text[],
        %(subjects)s::text[],
        %(body_htmls)s::text[],
        %(body_texts)s::text[]
    ) as shipped (code, language, subject, body_html, body_text)
    on platform.code = shipped.code and platform.language = shipped.language
where
    loyalty.template_fingerprint(platform.subject, platform.body_html, platform.body_text)
    <> loyalty.template_fingerprint(shipped.subject, shipped.body_html, shipped.body_text)
