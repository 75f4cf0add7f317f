-- The pipeline reads the ledger's new rows and notes what it has read; nobody else does.
grant select on loyalty.lifecycle_runs, loyalty.lifecycle_unread
to loyalty_pipeline, loyalty_mailer, loyalty_reader;
grant insert on loyalty.lifecycle_runs to loyalty_pipeline;
grant usage on sequence loyalty.expiration_runs_id_seq to loyalty_pipeline;
grant insert, delete on loyalty.lifecycle_unread to loyalty_pipeline;
