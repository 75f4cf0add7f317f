-- One number for the words of a template, the same for the same words.
create or replace function loyalty.template_fingerprint(
    subject text, body_html text, body_text text
)
returns text
language sql immutable strict parallel safe
return md5(jsonb_build_array(subject, body_html, body_text)::text);
