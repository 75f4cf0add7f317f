-- Writes one part of a cohort file: what was queued or expired, without names or addresses.
-- In: the run's deeds of one kind between two cards. Out: CSV with a header, one row per mail.
-- A lifecycle run's kind is the code of its event's template.
-- Binds: run_id, kind, first_card_id, last_card_id.
-- Rerun: deeds of a run never change, so the same bytes come out.
copy (
    with
    deeds as (
        select
            warnings.email_log_id,
            warnings.card_id,
            warnings.cycle_started_at,
            warnings.due_on,
            warnings.stage_days,
            warnings.points
        from loyalty.expiration_warnings as warnings
        where
            warnings.run_id = %(run_id)s::bigint
            and %(kind)s::text = 'warning'
            and warnings.card_id between %(first_card_id)s::bigint and %(last_card_id)s::bigint
        union all
        select
            mails.id as email_log_id,
            expirations.card_id,
            expirations.cycle_started_at,
            expirations.due_on,
            null as stage_days,
            expirations.points
        from loyalty.expirations as expirations
        inner join loyalty.email_logs as mails
            on mails.occurrence_key = loyalty.expiry_occurrence_key(expirations.transaction_id)
        where
            expirations.run_id = %(run_id)s::bigint
            and %(kind)s::text = 'expiry'
            and expirations.card_id between %(first_card_id)s::bigint and %(last_card_id)s::bigint
        union all
        select
            mails.id as email_log_id,
            mails.card_id,
            null as cycle_started_at,
            null as due_on,
            null as stage_days,
            coalesce((mails.variables ->> 'points')::bigint, 0) as points
        from loyalty.email_logs as mails
        where
            mails.run_id = %(run_id)s::bigint
            and mails.template_code = %(kind)s::text
            and %(kind)s::text not in ('warning', 'expiry')
            and mails.card_id between %(first_card_id)s::bigint and %(last_card_id)s::bigint
    )

    select
        deeds.email_log_id,
        deeds.card_id,
        cards.merchant_id,
        cards.program_id,
        to_char(deeds.cycle_started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
            as cycle_started_at,
        deeds.due_on,
        deeds.stage_days,
        deeds.points
    from deeds
    inner join loyalty.loyalty_cards as cards on deeds.card_id = cards.id
    order by deeds.card_id, deeds.email_log_id
) to stdout with (format csv, header true)
