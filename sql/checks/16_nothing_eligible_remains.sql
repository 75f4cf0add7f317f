-- Invariant 16: after a run nothing eligible remains but what was skipped for a stated reason.
-- In: the run's snapshot (else that of the latest closed, full, real run), and cards, promises and
-- notices as they are now; none of the selecting stages' statements. Out: one row per card left.
-- Not judged: programs whose settings changed since, and cards whose ledger moved since the run
-- began (an id taken earlier may be committed later, hence a minute of slack).
-- Binds: run_id. A rerun reads only; a dry run has nothing to prove.
with
latest_run as (
    select max(runs.id) as run_id
    from loyalty.expiration_runs as runs
    where
        runs.status = 'closed'
        and runs.run_type = 'daily'
        and not runs.dry_run
        and runs.merchant_ids is null
),

judged_run as (
    select runs.*
    from loyalty.expiration_runs as runs
    cross join latest_run
    where
        runs.id = coalesce(%(run_id)s::bigint, latest_run.run_id)
        and runs.run_type = 'daily'
        and not runs.dry_run
),

unchanged_programs as materialized (
    select
        run_programs.*,
        judged_run.ledger_id_before,
        judged_run.evaluated_at,
        coalesce(first_stages.stage_days, 0) as first_stage_days,
        run_programs.points_expiration_days - 1 as stage_days_max,
        least(run_programs.today, run_programs.evaluated_on) as judged_on
    from judged_run
    inner join loyalty.expiration_run_programs as run_programs
        on judged_run.id = run_programs.run_id
    inner join loyalty.loyalty_programs as programs on run_programs.program_id = programs.id
    inner join loyalty.merchants as merchants on programs.merchant_id = merchants.id
    cross join
        lateral (
            select max(least(stage.days, run_programs.points_expiration_days - 1)) as stage_days
            from unnest(run_programs.warning_days) as stage (days)
            where stage.days >= 0
        ) as first_stages
    where
        run_programs.exempt_reason is null
        and programs.is_active
        and merchants.is_active
        and programs.points_expiration_days = run_programs.points_expiration_days
        and programs.time_zone = run_programs.time_zone
        and coalesce(programs.warning_days, '{14}')::smallint[] = run_programs.warning_days
        and least(greatest(coalesce(programs.min_notice_days, 0), 0), 36500)
        = run_programs.min_notice_days
),

idle_cards as (
    select
        unchanged_programs.*,
        cards.id as card_id,
        cards.points_balance,
        cards.last_activity_at,
        (cards.last_activity_at at time zone unchanged_programs.time_zone)::date
        + unchanged_programs.points_expiration_days as due_on
    from unchanged_programs
    inner join loyalty.loyalty_cards as cards on unchanged_programs.program_id = cards.program_id
    where
        cards.is_active
        and cards.points_balance > 0
        and cards.last_activity_at > '1970-01-01 00:00:00+00'
        -- Two days of slack hold every zone's midnight; the dates below decide.
        and cards.last_activity_at < (
            unchanged_programs.today
            - unchanged_programs.points_expiration_days
            + unchanged_programs.first_stage_days
            + 2
        )::timestamp at time zone 'UTC'
),

reached_cards as (
    select
        idle_cards.*,
        reached.stage_days
    from idle_cards
    cross join
        lateral (
            select min(least(stage.days, idle_cards.stage_days_max)) as stage_days
            from unnest(idle_cards.warning_days) as stage (days)
            where
                stage.days >= 0
                and idle_cards.due_on - least(stage.days, idle_cards.stage_days_max)
                <= idle_cards.evaluated_on
                and idle_cards.due_on - idle_cards.first_stage_days <= idle_cards.today
        ) as reached
    where idle_cards.due_on < idle_cards.judged_on or reached.stage_days is not null
),

noticed_cards as (
    select
        reached_cards.*,
        greatest(reached_cards.due_on, notices.promised_on) as promised_on,
        notices.opened_on + reached_cards.min_notice_days as notice_ends_on,
        notices.stage_days as warned_stage_days
    from reached_cards
    cross join lateral (
        select
            max(greatest(
                given.promised_on, case when mails.status = 'sending' then given.named_on end
            )) as promised_on,
            min(given.opened_on) as opened_on,
            min(given.stage_days) as stage_days
        from loyalty.expiration_notices as given
        inner join loyalty.email_logs as mails on given.email_log_id = mails.id
        where
            given.card_id = reached_cards.card_id
            and given.cycle_started_at = reached_cards.last_activity_at
    ) as notices
),

eligible_cards as (
    select
        noticed_cards.*,
        'expiry' as kind
    from noticed_cards
    where
        noticed_cards.promised_on < noticed_cards.judged_on
        and (
            noticed_cards.min_notice_days = 0
            or noticed_cards.notice_ends_on < noticed_cards.judged_on
        )
    union all
    select
        noticed_cards.*,
        'warning' as kind
    from noticed_cards
    where
        noticed_cards.stage_days is not null
        and (
            noticed_cards.warned_stage_days is null
            or noticed_cards.warned_stage_days > noticed_cards.stage_days
        )
        and (
            noticed_cards.promised_on >= noticed_cards.evaluated_on
            or (
                noticed_cards.min_notice_days > 0
                and coalesce(noticed_cards.notice_ends_on, noticed_cards.evaluated_on)
                >= noticed_cards.evaluated_on
            )
        )
)

select
    eligible_cards.card_id,
    format(
        '%%s of %%s points is left by run %%s: due on %%s, today %%s',
        eligible_cards.kind,
        eligible_cards.points_balance,
        eligible_cards.run_id,
        eligible_cards.due_on,
        eligible_cards.today
    ) as detail
from eligible_cards
where
    not exists (
        select 1
        from loyalty.expirations as expirations
        where
            expirations.card_id = eligible_cards.card_id
            and expirations.cycle_started_at = eligible_cards.last_activity_at
    )
    and not exists (
        select 1
        from loyalty.expiration_skips as skips
        where
            skips.run_id = eligible_cards.run_id
            and skips.kind = eligible_cards.kind
            and skips.card_id = eligible_cards.card_id
    )
    and not exists (
        select 1
        from loyalty.loyalty_transactions as ledger
        where
            ledger.card_id = eligible_cards.card_id
            and (
                ledger.id > eligible_cards.ledger_id_before
                or ledger.transaction_at >= eligible_cards.evaluated_at - interval '1 minute'
            )
    )
order by eligible_cards.card_id, eligible_cards.kind
