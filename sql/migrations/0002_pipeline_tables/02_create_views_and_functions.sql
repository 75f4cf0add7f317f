-- Definitions that several stages and checks share, so that they cannot drift apart.

-- The language a mail is written in: the customer's, else the store's, else English.
create function loyalty.mail_language(customer_language text, store_language text)
returns text
language sql immutable parallel safe
return coalesce(
    (array['en', 'fr', 'de', 'lb'])[array_position(
        array['en', 'fr', 'de', 'lb'],
        split_part(replace(lower(trim(customer_language)), '_', '-'), '-', 1)
    )],
    (array['en', 'fr', 'de', 'lb'])[array_position(
        array['en', 'fr', 'de', 'lb'],
        split_part(replace(lower(trim(store_language)), '_', '-'), '-', 1)
    )],
    'en'
);

-- Names one occurrence of a mail about one cycle of one card; the same in every session.
create function loyalty.warning_occurrence_key(
    card_id bigint, cycle_started_at timestamptz, stage_days integer
)
returns text
language sql stable parallel safe
return format(
    'warning:%s:%s:%s',
    card_id,
    to_char(cycle_started_at at time zone 'UTC', 'YYYYMMDD"T"HH24MISS.US"Z"'),
    stage_days
);

create function loyalty.expiry_occurrence_key(transaction_id bigint)
returns text
language sql immutable parallel safe
return 'expired:' || transaction_id::text;

-- Warnings that stand: queued, under way, accepted or refused for good. A superseded one, or one
-- that was put off too often, may be queued again and does not stand.
create view loyalty.standing_warnings as
select
    notices.email_log_id,
    notices.card_id,
    notices.cycle_started_at,
    notices.stage_days
from loyalty.expiration_notices as notices
inner join loyalty.email_logs as mails on notices.email_log_id = mails.id
where
    mails.status <> 'superseded'
    and not (mails.status = 'failed' and notices.opened_on is null);

-- Plan rows that are neither carried out nor skipped.
create view loyalty.undecided_members as
select members.*
from loyalty.expiration_cohort_members as members
where
    not exists (
        select 1
        from loyalty.expiration_skips as skips
        where
            skips.run_id = members.run_id
            and skips.kind = members.kind
            and skips.card_id = members.card_id
    )
    and not exists (
        select 1
        from loyalty.expiration_warnings as warnings
        where
            members.kind = 'warning'
            and warnings.run_id = members.run_id
            and warnings.card_id = members.card_id
    )
    and not exists (
        select 1
        from loyalty.expirations as expirations
        where
            members.kind = 'expiry'
            and expirations.run_id = members.run_id
            and expirations.card_id = members.card_id
    );

-- A fingerprint of everything a run reported and did; taken when the run closes. The time zone
-- is fixed because the text form of an instant follows the session's.
create function loyalty.run_digest(wanted_run_id bigint)
returns text
language sql stable
set timezone = 'UTC'
return (
    with
    lines as (
        select
            'program' as part,
            programs.program_id as card_id,
            to_jsonb(programs)::text as line
        from loyalty.expiration_run_programs as programs
        where programs.run_id = run_digest.wanted_run_id
        union all
        select
            members.kind,
            members.card_id,
            to_jsonb(members)::text
        from loyalty.expiration_cohort_members as members
        where members.run_id = run_digest.wanted_run_id
        union all
        select
            'skip ' || skips.kind,
            skips.card_id,
            to_jsonb(skips)::text
        from loyalty.expiration_skips as skips
        where skips.run_id = run_digest.wanted_run_id
        union all
        select
            'warned',
            warnings.card_id,
            to_jsonb(warnings)::text
        from loyalty.expiration_warnings as warnings
        where warnings.run_id = run_digest.wanted_run_id
        union all
        select
            'expired',
            expirations.card_id,
            (to_jsonb(expirations) - 'reinstated_by')::text
        from loyalty.expirations as expirations
        where expirations.run_id = run_digest.wanted_run_id
    )

    select
        encode(
            sha256(
                convert_to(coalesce(string_agg(md5(line), '' order by part, card_id), ''), 'UTF8')
            ),
            'hex'
        )
    from lines
);
