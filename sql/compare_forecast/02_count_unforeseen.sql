-- Counts what expired although the run before had not forecast it, and why, as far as the records
-- tell.
-- In: expiries since the run before until the run compared, held plans that these started included.
-- Out: one row per reason: cards and points.
-- Binds: run_id, forecast_run_id, taking_run_ids.
-- A rerun reads again; it changes nothing.
with
unforeseen as (
    select
        expirations.*,
        members.program_id
    from loyalty.expirations as expirations
    inner join loyalty.expiration_cohort_members as members
        on
            expirations.run_id = members.run_id
            and expirations.card_id = members.card_id
            and members.kind = 'expiry'
    inner join loyalty.expiration_run_programs as compared_programs
        on
            members.program_id = compared_programs.program_id
            and compared_programs.run_id = %(run_id)s::bigint
    where
        expirations.run_id = any(%(taking_run_ids)s::bigint[])
        and not exists (
            select 1
            from loyalty.expiration_forecast_cards as kept
            where
                kept.run_id = %(forecast_run_id)s::bigint
                and kept.card_id = expirations.card_id
                and kept.cycle_started_at = expirations.cycle_started_at
        )
),

judged as (
    select
        unforeseen.points,
        case
            when earlier.program_id is null or earlier.exempt_reason is not null
                then 'program_left_out'
            when
                (taken.points_expiration_days is distinct from earlier.points_expiration_days)
                or (taken.time_zone is distinct from earlier.time_zone)
                or taken.min_notice_days <> earlier.min_notice_days
                then 'settings'
            when coalesce(unforeseen.usable_until, unforeseen.due_on) > earlier.today
                then 'due_later'
            when
                exists (
                    select 1
                    from loyalty.loyalty_transactions as ledger
                    where
                        ledger.card_id = unforeseen.card_id
                        and ledger.points_delta > 0
                        and ledger.transaction_at >= runs.evaluated_at
                )
                then 'points_came'
            else 'unknown'
        end as reason
    from unforeseen
    inner join loyalty.expiration_run_programs as taken
        on unforeseen.run_id = taken.run_id and unforeseen.program_id = taken.program_id
    inner join loyalty.expiration_runs as runs on runs.id = %(forecast_run_id)s::bigint
    left join loyalty.expiration_run_programs as earlier
        on unforeseen.program_id = earlier.program_id and runs.id = earlier.run_id
)

select
    judged.reason,
    count(*) as cards_total,
    sum(judged.points)::bigint as points_total
from judged
group by judged.reason
order by cards_total desc, judged.reason asc
