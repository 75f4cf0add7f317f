-- Queues the warning mails of one chunk, after deciding once more on the locked cards.
-- In: the chunk's plan rows whose card is still in its cycle, with points, active and unwarned.
-- Out: per card a mail in email_logs, its row in expiration_notices and in expiration_warnings;
-- one result row, the ids of the cards warned, and of those that were not.
-- Prepared: every chunk runs it.
-- Binds: run_id, card_ids (locked), booked_at.
-- Rerun: the occurrence key is unique; only a mail that does not stand any more is queued again.
with
due_members as materialized (
    select
        members.*,
        cards.customer_id,
        cards.enrolled_at_store_id,
        cards.points_balance,
        run_programs.points_expiration_days,
        loyalty.warning_occurrence_key(
            members.card_id, members.cycle_started_at, members.stage_days
        ) as occurrence_key,
        loyalty.mail_language(customers.preferred_language, stores.default_language) as language
    from loyalty.expiration_cohort_members as members
    inner join loyalty.expiration_run_programs as run_programs
        on
            members.run_id = run_programs.run_id
            and members.program_id = run_programs.program_id
    inner join loyalty.loyalty_cards as cards on members.card_id = cards.id
    inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
    inner join loyalty.merchants as merchants on cards.merchant_id = merchants.id
    inner join loyalty.customers as customers on cards.customer_id = customers.id
    left join loyalty.stores as stores on cards.enrolled_at_store_id = stores.id
    where
        members.run_id = %(run_id)s::bigint
        and members.kind = 'warning'
        and members.card_id = any(%(card_ids)s::bigint[])
        -- No equality: by its index a card would be looked for among all that share its instant,
        -- as imported cards do.
        and cards.last_activity_at is not distinct from members.cycle_started_at
        and cards.points_balance > 0
        and cards.is_active
        and programs.is_active
        and merchants.is_active
        and programs.id = members.program_id
        and programs.points_expiration_days = run_programs.points_expiration_days
        and programs.time_zone = run_programs.time_zone
        and not exists (
            select 1
            from loyalty.standing_warnings as standing
            where
                standing.card_id = members.card_id
                and standing.cycle_started_at = members.cycle_started_at
                and standing.stage_days <= members.stage_days
        )
        and not exists (
            select 1
            from loyalty.failed_warnings as failed
            where
                failed.card_id = members.card_id
                and failed.cycle_started_at = members.cycle_started_at
                and failed.stage_days <= members.stage_days
                and failed.failed_on >= run_programs.evaluated_on
        )
        and not exists (
            select 1
            from loyalty.expirations as expirations
            where
                expirations.card_id = members.card_id
                and expirations.cycle_started_at = members.cycle_started_at
        )
),

queued_mails as (
    insert into loyalty.email_logs as mails (
        template_code, language, card_id, customer_id, merchant_id, store_id, occurrence_key,
        variables, status, queued_at, run_id
    )
    select
        'loyalty_points_expiring' as template_code,
        due_members.language,
        due_members.card_id,
        due_members.customer_id,
        due_members.merchant_id,
        due_members.enrolled_at_store_id as store_id,
        due_members.occurrence_key,
        jsonb_build_object(
            'points', due_members.points_balance,
            'expiration_date', due_members.usable_until,
            'inactivity_days', due_members.points_expiration_days
        ) as variables,
        'queued' as status,
        %(booked_at)s::timestamptz as queued_at,
        due_members.run_id
    from due_members
    order by due_members.card_id
    on conflict (occurrence_key) do update
        set
            status = 'queued',
            variables = excluded.variables,
            attempts = 0,
            next_attempt_at = null,
            error_message = null,
            queued_at = excluded.queued_at,
            run_id = excluded.run_id
    returning mails.id as email_log_id, mails.card_id
),

-- Two lists in one order instead of a join: the planner takes what one statement hands from step
-- to step for a single row, and would compare every card of the chunk with every other.
decided as (
    select
        array_agg(due_members.card_id order by due_members.card_id) as card_ids,
        array_agg(due_members.cycle_started_at order by due_members.card_id) as cycle_starts,
        array_agg(due_members.stage_days order by due_members.card_id) as stages,
        array_agg(due_members.due_on order by due_members.card_id) as due_days,
        array_agg(due_members.points_balance order by due_members.card_id) as points
    from due_members
),

numbered as (
    select array_agg(queued_mails.email_log_id order by queued_mails.card_id) as email_log_ids
    from queued_mails
),

warned_members as materialized (
    select entries.*
    from decided
    cross join numbered
    cross join
        lateral unnest(
            numbered.email_log_ids,
            decided.card_ids,
            decided.cycle_starts,
            decided.stages,
            decided.due_days,
            decided.points
        ) as entries (email_log_id, card_id, cycle_started_at, stage_days, due_on, points)
),

noticed as (
    insert into loyalty.expiration_notices as notices (
        email_log_id, card_id, cycle_started_at, stage_days, due_on
    )
    select
        warned_members.email_log_id,
        warned_members.card_id,
        warned_members.cycle_started_at,
        warned_members.stage_days,
        warned_members.due_on
    from warned_members
    on conflict (email_log_id) do update set due_on = excluded.due_on
),

warned as (
    insert into loyalty.expiration_warnings (
        run_id, card_id, cycle_started_at, stage_days, due_on, points, email_log_id
    )
    select
        %(run_id)s::bigint as run_id,
        warned_members.card_id,
        warned_members.cycle_started_at,
        warned_members.stage_days,
        warned_members.due_on,
        warned_members.points,
        warned_members.email_log_id
    from warned_members
)

select
    decided.card_ids as warned_card_ids,
    array(
        select locked.card_id
        from unnest(%(card_ids)s::bigint[]) as locked (card_id)
        except all
        select warned_cards.card_id
        from unnest(decided.card_ids) as warned_cards (card_id)
    ) as kept_card_ids
from decided
