-- Held plans with their approval, and points that are given back.
-- New columns of rows that belong to closed runs are null or 0 there, and the fingerprint leaves
-- them out then: what was closed before this migration keeps its fingerprint.
alter table loyalty.expiration_runs
add column run_type text not null default 'daily'
constraint expiration_runs_type_known check (run_type in ('daily', 'held', 'reinstatement')),
add column held_run_id bigint
constraint expiration_runs_held_run_fkey references loyalty.expiration_runs (id),
add column decision text
constraint expiration_runs_decision_known check (
    decision in ('approved', 'rejected', 'timed_out', 'lapsed')
),
add column decided_by text,
add column programs_held integer not null default 0,
add column cards_reinstated bigint not null default 0,
add column points_reinstated bigint not null default 0,
add column reinstatements_skipped bigint not null default 0,
add constraint expiration_runs_held_has_origin
check ((run_type = 'held') = (held_run_id is not null));

alter table loyalty.expiration_run_programs
add column size_check_cards integer,
add column size_check_median_ratio numeric,
add column size_check_points_share numeric,
add column history_days integer,
add column history_cards_median numeric,
add column elapsed_days integer,
add column points_outstanding bigint,
add column cards_reinstated bigint not null default 0,
add column points_reinstated bigint not null default 0,
add column reinstatements_skipped bigint not null default 0,
add constraint expiration_run_programs_size_check_known
check (size_check in ('passed', 'held'));

alter table loyalty.expirations add column usable_until date;

alter table loyalty.expiration_skips drop constraint expiration_skips_reason_known;
alter table loyalty.expiration_skips
add constraint expiration_skips_reason_known check (
    reason in (
        'came_back', 'emptied', 'deactivated', 'settings_changed', 'promised_later',
        'notice_owed', 'already_expired', 'already_warned', 'locked', 'held', 'rejected',
        'timed_out', 'lapsed', 'dry_run'
    )
);

-- The plan of a reinstatement: one row per run and expiry, insert-only. `activity_id` is the
-- ledger row that reached the database late; null where a person undoes an expiry.
create table loyalty.reinstatement_members (
    run_id bigint not null,
    expiration_id bigint not null
    constraint reinstatement_members_expiration_fkey
    references loyalty.expirations (transaction_id),
    card_id bigint not null,
    program_id bigint not null,
    merchant_id bigint not null,
    points bigint not null
    constraint reinstatement_members_points_positive check (points > 0),
    activity_id bigint,
    constraint reinstatement_members_pkey primary key (run_id, expiration_id),
    constraint reinstatement_members_program_fkey
    foreign key (run_id, program_id)
    references loyalty.expiration_run_programs (run_id, program_id)
);

create index reinstatement_members_card_idx on loyalty.reinstatement_members (run_id, card_id);

-- What was given back: the ledger row, and the expiry that it undoes, once.
create table loyalty.reinstatements (
    transaction_id bigint not null constraint reinstatements_pkey primary key
    constraint reinstatements_transaction_fkey references loyalty.loyalty_transactions (id),
    expiration_id bigint not null
    constraint reinstatements_once unique
    constraint reinstatements_expiration_fkey references loyalty.expirations (transaction_id),
    card_id bigint not null
    constraint reinstatements_card_fkey references loyalty.loyalty_cards (id),
    points bigint not null constraint reinstatements_points_positive check (points > 0),
    activity_id bigint,
    run_id bigint not null,
    constraint reinstatements_member_fkey
    foreign key (run_id, expiration_id)
    references loyalty.reinstatement_members (run_id, expiration_id)
);

create index reinstatements_run_idx on loyalty.reinstatements (run_id, card_id);

create table loyalty.reinstatement_skips (
    run_id bigint not null,
    expiration_id bigint not null,
    card_id bigint not null,
    reason text not null
    constraint reinstatement_skips_reason_known check (
        reason in (
            'already_reinstated', 'deactivated', 'moved', 'locked', 'rejected', 'timed_out',
            'lapsed', 'dry_run'
        )
    ),
    skipped_at timestamptz not null,
    constraint reinstatement_skips_pkey primary key (run_id, expiration_id),
    constraint reinstatement_skips_member_fkey
    foreign key (run_id, expiration_id)
    references loyalty.reinstatement_members (run_id, expiration_id)
);
