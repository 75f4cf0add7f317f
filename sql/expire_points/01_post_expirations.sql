-- Books the expiry of one chunk, after deciding once more on the locked cards as they are now and
-- on the settings as they are now: of the snapshot's and today's settings the kinder decides.
-- In: the chunk's plan rows still due. Out: per card its `points_expired` ledger row, its row in
-- expirations and its mail, all or none of them: no fact without its mail, no mail without its
-- fact; from its balance goes exactly what its ledger row says, counted as voided. Stamps,
-- last_activity_at and everything else stay. One result row, the cards that keep their points
-- (null: none).
-- Prepared: every chunk runs it.
-- Binds: run_id, card_ids (locked), booked_at.
-- Rerun: a cycle in expirations is not due again; its unique key stops whoever missed that, and
-- the mail's occurrence key (the ledger row) is unique.
with
-- The plan's rows program by program, so that settings are looked up once for all cards of one.
chunk_programs as materialized (
    select
        run_programs.time_zone,
        programs.id as program_id,
        members.card_ids,
        members.cycle_starts,
        -- As_of may be minutes ahead of the clock; a local day that still runs is not over.
        least(run_programs.today, run_programs.evaluated_on) as judged_on,
        greatest(run_programs.points_expiration_days, programs.points_expiration_days)
            as inactivity_days,
        greatest(
            run_programs.min_notice_days, least(coalesce(programs.min_notice_days, 0), 36500)
        ) as min_notice_days
    from (
        select
            chunk_members.program_id,
            array_agg(chunk_members.card_id) as card_ids,
            array_agg(chunk_members.cycle_started_at) as cycle_starts
        from loyalty.expiration_cohort_members as chunk_members
        where
            chunk_members.run_id = %(run_id)s::bigint
            and chunk_members.kind = 'expiry'
            and chunk_members.card_id = any(%(card_ids)s::bigint[])
        group by chunk_members.program_id
    ) as members
    inner join loyalty.expiration_run_programs as run_programs
        on members.program_id = run_programs.program_id
    inner join loyalty.loyalty_programs as programs on members.program_id = programs.id
    inner join loyalty.merchants as merchants on programs.merchant_id = merchants.id
    where
        run_programs.run_id = %(run_id)s::bigint
        and programs.is_active
        and merchants.is_active
        and programs.points_expiration_days between 1 and 36500
        and programs.time_zone = run_programs.time_zone
),

current_members as (
    select
        chunk_programs.judged_on,
        chunk_programs.inactivity_days,
        chunk_programs.min_notice_days,
        planned.cycle_started_at,
        cards.id as card_id,
        cards.merchant_id,
        cards.customer_id,
        cards.enrolled_at_store_id as store_id,
        cards.points_balance,
        cards.stamp_count,
        (cards.last_activity_at at time zone chunk_programs.time_zone)::date as active_on
    from chunk_programs
    cross join
        lateral unnest(chunk_programs.card_ids, chunk_programs.cycle_starts) as planned (
            card_id,
            cycle_started_at
        )
    inner join loyalty.loyalty_cards as cards on planned.card_id = cards.id
    where
        -- No equality: by its index a card would be looked for among all that share its instant,
        -- as imported cards do.
        cards.last_activity_at is not distinct from planned.cycle_started_at
        and cards.points_balance > 0
        and cards.is_active
        -- Nor here, or it would be looked for among all of its program.
        and cards.program_id is not distinct from chunk_programs.program_id
),

noticed_members as (
    select
        current_members.*,
        notices.opened_on,
        current_members.active_on + current_members.inactivity_days as due_on,
        greatest(
            current_members.active_on + current_members.inactivity_days,
            notices.promised_on,
            case
                when current_members.min_notice_days > 0
                    then notices.opened_on + current_members.min_notice_days
            end
        ) as usable_until
    from current_members
    cross join lateral (
        select
            -- A warning under way may be accepted in this moment: its date counts already.
            max(greatest(
                given.promised_on, case when mails.status = 'sending' then given.named_on end
            )) as promised_on,
            min(given.opened_on) as opened_on
        from loyalty.expiration_notices as given
        inner join loyalty.email_logs as mails on given.email_log_id = mails.id
        where
            given.card_id = current_members.card_id
            and given.cycle_started_at = current_members.cycle_started_at
    ) as notices
),

due_members as materialized (
    select
        noticed_members.card_id,
        noticed_members.merchant_id,
        noticed_members.customer_id,
        noticed_members.store_id,
        noticed_members.points_balance,
        noticed_members.stamp_count,
        noticed_members.inactivity_days,
        noticed_members.cycle_started_at,
        noticed_members.due_on,
        noticed_members.usable_until,
        loyalty.mail_language(customers.preferred_language, stores.default_language) as language
    from noticed_members
    inner join loyalty.customers as customers on noticed_members.customer_id = customers.id
    left join loyalty.stores as stores on noticed_members.store_id = stores.id
    where
        noticed_members.usable_until < noticed_members.judged_on
        and (noticed_members.min_notice_days = 0 or noticed_members.opened_on is not null)
        and not exists (
            select 1
            from loyalty.expirations as expirations
            where
                expirations.card_id = noticed_members.card_id
                and expirations.cycle_started_at = noticed_members.cycle_started_at
        )
),

posted as (
    insert into loyalty.loyalty_transactions (
        card_id, merchant_id, store_id, transaction_type, points_delta, points_balance_after,
        stamps_delta, stamps_balance_after, notes, transaction_at
    )
    select
        due_members.card_id,
        due_members.merchant_id,
        null as store_id,
        'points_expired' as transaction_type,
        -due_members.points_balance as points_delta,
        0 as points_balance_after,
        0 as stamps_delta,
        due_members.stamp_count as stamps_balance_after,
        format('Points expired after %%s days of inactivity', due_members.inactivity_days)
            as notes,
        %(booked_at)s::timestamptz as transaction_at
    from due_members
    order by due_members.card_id
    returning id, card_id, points_delta
),

-- Lists in one order instead of a join: the planner takes what one statement hands from step to
-- step for a single row, and would compare every card of the chunk with every other.
decided as (
    select
        array_agg(due_members.card_id order by due_members.card_id) as card_ids,
        array_agg(due_members.merchant_id order by due_members.card_id) as merchant_ids,
        array_agg(due_members.customer_id order by due_members.card_id) as customer_ids,
        array_agg(due_members.store_id order by due_members.card_id) as store_ids,
        array_agg(due_members.language order by due_members.card_id) as languages,
        array_agg(due_members.cycle_started_at order by due_members.card_id) as cycle_starts,
        array_agg(due_members.due_on order by due_members.card_id) as due_days,
        array_agg(due_members.usable_until order by due_members.card_id) as usable_days,
        array_agg(due_members.inactivity_days order by due_members.card_id) as inactivity_days
    from due_members
),

numbered as (
    select
        array_agg(posted.id order by posted.card_id) as transaction_ids,
        array_agg(posted.points_delta order by posted.card_id) as points_deltas
    from posted
),

entries as materialized (
    select entries.*
    from decided
    cross join numbered
    cross join
        lateral unnest(
            numbered.transaction_ids,
            numbered.points_deltas,
            decided.card_ids,
            decided.merchant_ids,
            decided.customer_ids,
            decided.store_ids,
            decided.languages,
            decided.cycle_starts,
            decided.due_days,
            decided.usable_days,
            decided.inactivity_days
        ) as entries (
            transaction_id,
            points_delta,
            card_id,
            merchant_id,
            customer_id,
            store_id,
            language,
            cycle_started_at,
            due_on,
            usable_until,
            inactivity_days
        )
),

debited as (
    update loyalty.loyalty_cards as cards
    set
        points_balance = cards.points_balance + entries.points_delta,
        total_points_voided = cards.total_points_voided - entries.points_delta
    from entries
    where cards.id = entries.card_id
),

queued as (
    insert into loyalty.email_logs (
        template_code, language, card_id, customer_id, merchant_id, store_id, occurrence_key,
        variables, status, queued_at, run_id
    )
    select
        'loyalty_points_expired' as template_code,
        entries.language,
        entries.card_id,
        entries.customer_id,
        entries.merchant_id,
        entries.store_id,
        loyalty.expiry_occurrence_key(entries.transaction_id) as occurrence_key,
        jsonb_build_object(
            'points', -entries.points_delta,
            'expiration_date', entries.usable_until,
            'inactivity_days', entries.inactivity_days
        ) as variables,
        'queued' as status,
        %(booked_at)s::timestamptz as queued_at,
        %(run_id)s::bigint as run_id
    from entries
),

expired as (
    insert into loyalty.expirations (
        transaction_id, card_id, cycle_started_at, due_on, usable_until, points, run_id
    )
    select
        entries.transaction_id,
        entries.card_id,
        entries.cycle_started_at,
        entries.due_on,
        entries.usable_until,
        -entries.points_delta as points,
        %(run_id)s::bigint as run_id
    from entries
)

select
    case
        when cardinality(%(card_ids)s::bigint[]) > coalesce(cardinality(decided.card_ids), 0)
            then array(
                select locked.card_id
                from unnest(%(card_ids)s::bigint[]) as locked (card_id)
                except all
                select expired_cards.card_id
                from unnest(decided.card_ids) as expired_cards (card_id)
            )
    end as kept_card_ids
from decided
