-- What each role may do, table by table and column by column. Nobody may change or delete a ledger
-- row, delete anything, or write another column of a card than an expiry or a warning must.
grant usage on schema loyalty
to loyalty_pipeline, loyalty_mailer, loyalty_editor, loyalty_reader;
revoke all on function loyalty.lock_customers(bigint[]) from public;

-- Everybody: the application's settings, and which version the schema has.
grant select on
loyalty.merchants, loyalty.stores, loyalty.loyalty_programs, loyalty.pipeline_version
to loyalty_pipeline, loyalty_mailer, loyalty_editor, loyalty_reader;

-- Runs, plans, deeds and the ledger may be read by all but the editors; customers only as far as
-- they are no persons, mails without their address.
grant select on
loyalty.loyalty_cards,
loyalty.loyalty_transactions,
loyalty.expiration_runs,
loyalty.expiration_run_programs,
loyalty.expiration_cohort_members,
loyalty.expirations,
loyalty.expiration_warnings,
loyalty.expiration_notices,
loyalty.expiration_skips,
loyalty.reinstatement_members,
loyalty.reinstatements,
loyalty.reinstatement_skips,
loyalty.cohort_exports,
loyalty.standing_warnings,
loyalty.undecided_members,
loyalty.run_cards,
loyalty.mails_naming_a_customer
to loyalty_pipeline, loyalty_mailer, loyalty_reader;
grant select (id, preferred_language, email_suppressed_at) on loyalty.customers
to loyalty_pipeline, loyalty_reader;
grant select (
    id, template_code, language, card_id, customer_id, merchant_id, store_id, occurrence_key,
    variables, status, attempts, next_attempt_at, message_id, error_message, queued_at, sent_at,
    run_id, sender_id, ambiguous_times
) on loyalty.email_logs
to loyalty_pipeline, loyalty_reader;

-- The pipeline: plans, books, queues mails.
grant execute on function loyalty.lock_customers(bigint[]) to loyalty_pipeline;
grant insert on loyalty.loyalty_transactions to loyalty_pipeline;
grant update (points_balance, total_points_voided, last_expiration_warning_at)
on loyalty.loyalty_cards to loyalty_pipeline;
grant insert (
    template_code, language, card_id, customer_id, merchant_id, store_id, occurrence_key,
    variables, status, queued_at, run_id
), update (
    status, variables, attempts, next_attempt_at, error_message, queued_at, run_id
) on loyalty.email_logs to loyalty_pipeline;
grant insert, update on
loyalty.expiration_runs, loyalty.expiration_run_programs, loyalty.cohort_exports
to loyalty_pipeline;
grant insert on
loyalty.expiration_cohort_members,
loyalty.expirations,
loyalty.expiration_warnings,
loyalty.expiration_skips,
loyalty.expiration_notices,
loyalty.reinstatement_members,
loyalty.reinstatements,
loyalty.reinstatement_skips
to loyalty_pipeline;
grant update (reinstated_by) on loyalty.expirations to loyalty_pipeline;
grant update (due_on) on loyalty.expiration_notices to loyalty_pipeline;

-- The mailer: looks up names and addresses, writes what became of a mail.
grant select on loyalty.email_logs, loyalty.email_templates, loyalty.store_email_templates
to loyalty_mailer;
grant select (id, email, first_name, last_name, preferred_language, email_suppressed_at)
on loyalty.customers to loyalty_mailer;
grant usage on sequence loyalty.mail_sender_id_seq to loyalty_mailer;
grant update (
    status, variables, attempts, next_attempt_at, message_id, error_message, sent_at,
    recipient_email, sender_id, ambiguous_times
) on loyalty.email_logs to loyalty_mailer;
grant update (named_on, promised_on, opened_on) on loyalty.expiration_notices to loyalty_mailer;

-- Editors: the templates. Readers may look at them too.
grant select, insert, update on loyalty.email_templates, loyalty.store_email_templates
to loyalty_editor;
grant select on loyalty.email_templates, loyalty.store_email_templates to loyalty_reader;
