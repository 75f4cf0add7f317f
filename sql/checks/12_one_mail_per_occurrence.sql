-- Invariant 12: every warning and every expiry has exactly one mail, in a known status.
-- In: the deeds and the mails of their occurrence. Out: one row per deed without its one mail, per
-- mail in no known status or `sending` without a sender, and per mail whose deed does not exist.
-- Mails that wait for the mail server are fine.
-- Binds: run_id (null: every run; else that run).
-- A rerun reads only.
with
deeds as (
    select
        warnings.card_id,
        loyalty.warning_occurrence_key(
            warnings.card_id, warnings.cycle_started_at, warnings.stage_days
        ) as occurrence_key
    from loyalty.expiration_warnings as warnings
    where %(run_id)s::bigint is null or warnings.run_id = %(run_id)s::bigint
    union
    select
        expirations.card_id,
        loyalty.expiry_occurrence_key(expirations.transaction_id) as occurrence_key
    from loyalty.expirations as expirations
    where %(run_id)s::bigint is null or expirations.run_id = %(run_id)s::bigint
),

mailed_deeds as (
    select
        deeds.card_id,
        deeds.occurrence_key,
        count(mails.id) as mails_total
    from deeds
    left join loyalty.email_logs as mails on deeds.occurrence_key = mails.occurrence_key
    group by deeds.card_id, deeds.occurrence_key
),

run_mails as (
    select
        mails.id,
        mails.card_id,
        mails.status,
        mails.sender_id,
        mails.occurrence_key,
        mails.template_code
    from loyalty.email_logs as mails
    where
        mails.run_id is not null
        and (%(run_id)s::bigint is null or mails.run_id = %(run_id)s::bigint)
),

-- By sets: of a run whose rows nobody has counted yet the planner expects one, and would compare
-- each mail with all deeds.
orphans as materialized (
    select run_mails.occurrence_key
    from run_mails
    where run_mails.template_code in ('loyalty_points_expiring', 'loyalty_points_expired')
    except
    select deeds.occurrence_key
    from deeds
)

select
    mailed_deeds.card_id,
    format('%%s mails for %%s', mailed_deeds.mails_total, mailed_deeds.occurrence_key) as detail
from mailed_deeds
where mailed_deeds.mails_total <> 1
union all
select
    run_mails.card_id,
    format(
        'mail %%s is %%s, sender %%s',
        run_mails.id,
        run_mails.status,
        coalesce(run_mails.sender_id::text, 'none')
    ) as detail
from run_mails
where
    run_mails.status not in (
        'queued', 'sending', 'deferred', 'sent', 'failed', 'suppressed', 'superseded', 'ambiguous'
    )
    or (run_mails.status = 'sending' and run_mails.sender_id is null)
union all
select
    run_mails.card_id,
    format('mail %%s (%%s) reports what no run did', run_mails.id, run_mails.occurrence_key)
        as detail
from run_mails
inner join orphans on run_mails.occurrence_key = orphans.occurrence_key
order by card_id, detail
