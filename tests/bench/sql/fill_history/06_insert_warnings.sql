-- What each run warned of, and which notice the mail gave.
-- In: the mails of planned warnings. Out: a warning and a notice each.
-- Binds: none.
-- Rerun: only on a platform without runs.
with
warned as (
    insert into loyalty.expiration_warnings (
        run_id, card_id, cycle_started_at, stage_days, due_on, points, email_log_id
    )
    select
        members.run_id,
        members.card_id,
        members.cycle_started_at,
        members.stage_days,
        members.due_on,
        members.points,
        mails.id as email_log_id
    from loyalty.expiration_cohort_members as members
    inner join loyalty.email_logs as mails
        on
            mails.run_id = members.run_id
            and mails.card_id = members.card_id
            and mails.template_code = 'loyalty_points_expiring'
    where members.kind = 'warning'
    returning *
)

insert into loyalty.expiration_notices (
    email_log_id, card_id, cycle_started_at, stage_days, due_on, named_on, promised_on, opened_on
)
select
    warned.email_log_id,
    warned.card_id,
    warned.cycle_started_at,
    warned.stage_days,
    warned.due_on,
    warned.due_on as named_on,
    warned.due_on as promised_on,
    warned.due_on - warned.stage_days as opened_on
from warned
