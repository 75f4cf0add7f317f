-- Reads the templates that mails may be written from: the platform's, and the stores' own.
-- In: the templates of the given codes; overrides only while they are active. Out: one row per
-- template; store_id is null for the platform's.
-- Binds: template_codes.
-- A rerun reads again; it changes nothing.
select
    platform.code,
    platform.language,
    platform.subject,
    platform.body_html,
    platform.body_text,
    null::bigint as store_id
from loyalty.email_templates as platform
where platform.code = any(%(template_codes)s::text[])
union all
select
    overrides.template_code as code,
    overrides.language,
    overrides.subject,
    overrides.body_html,
    overrides.body_text,
    overrides.store_id
from loyalty.store_email_templates as overrides
where
    overrides.template_code = any(%(template_codes)s::text[])
    and overrides.is_active
