-- Columns that an application without expiration may lack. Each is nullable or has a constant
-- default, so adding it rewrites no table and breaks no insert of the application.
alter table loyalty.customers add column if not exists email_suppressed_at timestamptz;
alter table loyalty.customers add column if not exists preferred_language text;

alter table loyalty.stores add column if not exists default_language text default 'en';

alter table loyalty.loyalty_programs add column if not exists points_expiration_days integer;
alter table loyalty.loyalty_programs
add column if not exists warning_days smallint[] not null default '{14}';
alter table loyalty.loyalty_programs
add column if not exists min_notice_days integer not null default 0;
alter table loyalty.loyalty_programs
add column if not exists time_zone text not null default 'UTC';
alter table loyalty.loyalty_programs add column if not exists stamps_target integer;

alter table loyalty.loyalty_cards
add column if not exists total_points_voided bigint not null default 0;
alter table loyalty.loyalty_cards
add column if not exists last_expiration_warning_at timestamptz;

alter table loyalty.email_templates
add column if not exists variables jsonb not null default '[]';
alter table loyalty.store_email_templates
add column if not exists is_active boolean not null default true;

alter table loyalty.email_logs add column if not exists occurrence_key text;
alter table loyalty.email_logs add column if not exists variables jsonb not null default '{}';
alter table loyalty.email_logs add column if not exists attempts integer not null default 0;
alter table loyalty.email_logs add column if not exists next_attempt_at timestamptz;
alter table loyalty.email_logs add column if not exists message_id text;
alter table loyalty.email_logs add column if not exists error_message text;
alter table loyalty.email_logs add column if not exists store_id bigint;
alter table loyalty.email_logs add column if not exists sent_at timestamptz;
alter table loyalty.email_logs add column if not exists run_id bigint;
-- The pipeline's own marks on a mail: which sender holds it, and how often its fate was unknown.
alter table loyalty.email_logs add column if not exists sender_id integer;
alter table loyalty.email_logs
add column if not exists ambiguous_times smallint not null default 0;
