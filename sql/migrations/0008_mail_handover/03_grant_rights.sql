-- The mailer marks what it hands over, notes the day of a failure, and suppresses the addresses
-- that bounced.
grant update (handed_over_at) on loyalty.email_logs to loyalty_mailer;
grant update (failed_on) on loyalty.expiration_notices to loyalty_mailer;
grant update (email_suppressed_at) on loyalty.customers to loyalty_mailer;
grant select (handed_over_at) on loyalty.email_logs to loyalty_pipeline, loyalty_reader;
grant select on loyalty.failed_warnings to loyalty_pipeline, loyalty_mailer, loyalty_reader;
