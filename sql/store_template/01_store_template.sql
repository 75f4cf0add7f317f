-- Stores an operator's wording of one of the platform's templates.
-- In: one checked template. Out: the platform's row of that code and language; the fingerprint of
-- the shipped version stays, so that the next release sees the edit and keeps it.
-- Binds: code, language, subject, body_html, body_text, variables.
-- Rerun: code and language are unique; the same words are stored again.
insert into loyalty.email_templates (code, language, subject, body_html, body_text, variables)
values (
    %(code)s::text,
    %(language)s::text,
    %(subject)s::text,
    %(body_html)s::text,
    %(body_text)s::text,
    %(variables)s::jsonb
)
on conflict (code, language) do update
    set
        subject = excluded.subject,
        body_html = excluded.body_html,
        body_text = excluded.body_text,
        variables = excluded.variables
