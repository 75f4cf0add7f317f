-- Runs that queued or sent lifecycle mails. They share their numbers with expiration_runs, so that
-- a run's files and mails belong to one run of either table.
create table loyalty.lifecycle_runs (
    id bigint not null default nextval('loyalty.expiration_runs_id_seq')
    constraint lifecycle_runs_pkey primary key,
    dag_id text not null,
    dag_run_id text not null,
    opened_at timestamptz not null,
    constraint lifecycle_runs_dag_run_key unique (dag_id, dag_run_id)
);

-- A file's run is in one of two tables now.
alter table loyalty.cohort_exports drop constraint cohort_exports_run_fkey;

-- The ids whose ledger rows no lifecycle run has read: one range without an end, and before it the
-- ids that were missing when their neighbours were read. A row may still come for them, because
-- its id is taken before it is committed: see docs/decisions/0007.
create table loyalty.lifecycle_unread (
    first_id bigint not null constraint lifecycle_unread_pkey primary key,
    last_id bigint,
    noticed_at timestamptz,
    -- Transactions from this one on began after the ids were noticed missing.
    noticed_before xid8,
    constraint lifecycle_unread_range_in_order check (last_id >= first_id),
    constraint lifecycle_unread_missing_since check (
        (last_id is null) = (noticed_at is null) and (last_id is null) = (noticed_before is null)
    )
);

create unique index lifecycle_unread_one_open_idx
on loyalty.lifecycle_unread ((last_id is null)) where last_id is null;

-- What happened before the installation is nobody's news.
insert into loyalty.lifecycle_unread (first_id)
select coalesce(max(ledger.id), 0) + 1 as first_id
from loyalty.loyalty_transactions as ledger;

-- Names one occurrence: a card is enrolled once, a bonus or a reward is one ledger row.
create function loyalty.lifecycle_occurrence_key(
    template_code text, card_id bigint, transaction_id bigint
)
returns text
language sql immutable parallel safe
return case template_code
    when 'loyalty_enrollment' then 'enrolled:' || card_id::text
    when 'loyalty_welcome_bonus' then 'welcome_bonus:' || transaction_id::text
    when 'loyalty_reward_ready' then 'reward:' || transaction_id::text
end;
