-- Describes a held plan for the person who decides on it.
-- In: the held run's plan and size check, and the settings by which the last daily run before it
-- judged the program. Out: one row; the earlier settings are null where there was no such run.
-- Binds: run_id.
-- A rerun reads only.
with
held as (
    select
        run_programs.*,
        runs.held_run_id,
        programs.name as program_name,
        merchants.name as merchant_name
    from loyalty.expiration_runs as runs
    inner join loyalty.expiration_run_programs as run_programs on runs.id = run_programs.run_id
    inner join loyalty.loyalty_programs as programs on run_programs.program_id = programs.id
    inner join loyalty.merchants as merchants on run_programs.merchant_id = merchants.id
    where runs.id = %(run_id)s::bigint
),

plan as (
    select
        count(*) as cards_planned,
        coalesce(sum(members.points), 0)::bigint as points_planned,
        min(members.due_on) as first_due_on,
        max(members.due_on) as last_due_on
    from loyalty.expiration_cohort_members as members
    where members.run_id = %(run_id)s::bigint and members.kind = 'expiry'
),

earlier_run as (
    select max(runs.id) as run_id
    from held
    inner join loyalty.expiration_run_programs as judged on held.program_id = judged.program_id
    inner join loyalty.expiration_runs as runs on judged.run_id = runs.id
    where
        runs.id < held.held_run_id
        and runs.status = 'closed'
        and runs.run_type = 'daily'
        and not runs.dry_run
)

select
    held.held_run_id,
    held.program_id,
    held.program_name,
    held.merchant_name,
    held.today,
    plan.cards_planned,
    plan.points_planned,
    plan.first_due_on,
    plan.last_due_on,
    held.points_outstanding,
    held.history_days,
    held.history_cards_median,
    held.elapsed_days,
    held.size_check_cards,
    held.size_check_median_ratio,
    held.size_check_points_share,
    held.points_expiration_days,
    held.warning_days,
    held.min_notice_days,
    held.time_zone,
    earlier.run_id as earlier_run_id,
    earlier.today as earlier_today,
    earlier.exempt_reason as earlier_exempt_reason,
    earlier.points_expiration_days as earlier_points_expiration_days,
    earlier.warning_days as earlier_warning_days,
    earlier.min_notice_days as earlier_min_notice_days,
    earlier.time_zone as earlier_time_zone
from held
cross join plan
cross join earlier_run
left join loyalty.expiration_run_programs as earlier
    on earlier_run.run_id = earlier.run_id and held.program_id = earlier.program_id
