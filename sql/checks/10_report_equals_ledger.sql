-- Invariant 10: the report of a closed run equals the ledger, and no expiry bypassed a run.
-- In: reports, ledger rows of their expirations, warnings, skips. Out: one row per program whose
-- report differs, per run whose totals differ, and per `points_expired` row written since the
-- first run that no run accounts for.
-- Binds: run_id (null: every run and card; else that run and the cards of its plans).
-- A rerun reads only; an open run has no report yet.
with
touched_cards as (
    select run_cards.card_id
    from loyalty.run_cards as run_cards
    where run_cards.run_id = %(run_id)s::bigint
    union
    select cards.id as card_id
    from loyalty.loyalty_cards as cards
    where %(run_id)s::bigint is null
),

closed_runs as (
    select runs.*
    from loyalty.expiration_runs as runs
    where
        runs.status = 'closed'
        and (%(run_id)s::bigint is null or runs.id = %(run_id)s::bigint)
),

facts as (
    select
        members.run_id,
        members.program_id,
        count(ledger.id) as cards_expired,
        coalesce(-sum(ledger.points_delta), 0) as points_expired,
        count(warnings.card_id) as cards_warned,
        count(skips.card_id) filter (
            where expirations.card_id is null and warnings.card_id is null
        ) as cards_skipped
    from closed_runs
    inner join loyalty.expiration_cohort_members as members on closed_runs.id = members.run_id
    left join loyalty.expirations as expirations
        on
            members.kind = 'expiry'
            and members.run_id = expirations.run_id
            and members.card_id = expirations.card_id
    left join loyalty.loyalty_transactions as ledger on expirations.transaction_id = ledger.id
    left join loyalty.expiration_warnings as warnings
        on
            members.kind = 'warning'
            and members.run_id = warnings.run_id
            and members.card_id = warnings.card_id
    left join loyalty.expiration_skips as skips
        on
            members.run_id = skips.run_id
            and members.kind = skips.kind
            and members.card_id = skips.card_id
    group by members.run_id, members.program_id
),

reinstated_facts as (
    select
        members.run_id,
        members.program_id,
        count(distinct ledger.card_id) as cards_reinstated,
        coalesce(sum(ledger.points_delta), 0) as points_reinstated
    from closed_runs
    inner join loyalty.reinstatement_members as members on closed_runs.id = members.run_id
    left join loyalty.reinstatements as reinstatements
        on
            members.run_id = reinstatements.run_id
            and members.expiration_id = reinstatements.expiration_id
    left join loyalty.loyalty_transactions as ledger on reinstatements.transaction_id = ledger.id
    group by members.run_id, members.program_id
),

reports as (
    select
        run_programs.run_id,
        run_programs.program_id,
        run_programs.cards_expired,
        run_programs.points_expired,
        run_programs.warning_cards_queued as cards_warned,
        run_programs.warning_cards_skipped + run_programs.expiry_cards_skipped as cards_skipped,
        coalesce(facts.cards_expired, 0) as ledger_cards_expired,
        coalesce(facts.points_expired, 0) as ledger_points_expired,
        coalesce(facts.cards_warned, 0) as found_cards_warned,
        coalesce(facts.cards_skipped, 0) as found_cards_skipped,
        run_programs.cards_reinstated,
        run_programs.points_reinstated,
        coalesce(reinstated_facts.cards_reinstated, 0) as ledger_cards_reinstated,
        coalesce(reinstated_facts.points_reinstated, 0) as ledger_points_reinstated
    from closed_runs
    inner join loyalty.expiration_run_programs as run_programs
        on closed_runs.id = run_programs.run_id
    left join facts
        on run_programs.run_id = facts.run_id and run_programs.program_id = facts.program_id
    left join reinstated_facts
        on
            run_programs.run_id = reinstated_facts.run_id
            and run_programs.program_id = reinstated_facts.program_id
),

report_totals as (
    select
        closed_runs.id as run_id,
        closed_runs.cards_expired,
        closed_runs.points_expired,
        closed_runs.warning_cards_queued,
        closed_runs.points_reinstated,
        coalesce(sum(reports.points_reinstated), 0) as programs_points_reinstated,
        coalesce(sum(reports.cards_expired), 0) as programs_cards_expired,
        coalesce(sum(reports.points_expired), 0) as programs_points_expired,
        coalesce(sum(reports.cards_warned), 0) as programs_cards_warned
    from closed_runs
    left join reports on closed_runs.id = reports.run_id
    group by
        closed_runs.id,
        closed_runs.cards_expired,
        closed_runs.points_expired,
        closed_runs.warning_cards_queued,
        closed_runs.points_reinstated
),

first_run as (
    select min(runs.ledger_id_before) as ledger_id_before
    from loyalty.expiration_runs as runs
)

select
    null::bigint as card_id,
    format(
        'run %%s, program %%s reports %%s cards and %%s points expired, %%s warned, %%s skipped; '
        'the ledger and the deeds say %%s, %%s, %%s, %%s',
        reports.run_id,
        reports.program_id,
        reports.cards_expired,
        reports.points_expired,
        reports.cards_warned,
        reports.cards_skipped,
        reports.ledger_cards_expired,
        reports.ledger_points_expired,
        reports.found_cards_warned,
        reports.found_cards_skipped
    ) as detail
from reports
where
    reports.cards_expired <> reports.ledger_cards_expired
    or reports.points_expired <> reports.ledger_points_expired
    or reports.cards_warned <> reports.found_cards_warned
    or reports.cards_skipped <> reports.found_cards_skipped
union all
select
    null::bigint as card_id,
    format(
        'run %%s, program %%s reports %%s cards and %%s points given back; the ledger %%s, %%s',
        reports.run_id,
        reports.program_id,
        reports.cards_reinstated,
        reports.points_reinstated,
        reports.ledger_cards_reinstated,
        reports.ledger_points_reinstated
    ) as detail
from reports
where
    reports.cards_reinstated <> reports.ledger_cards_reinstated
    or reports.points_reinstated <> reports.ledger_points_reinstated
union all
select
    null::bigint as card_id,
    format(
        'run %%s reports %%s cards and %%s points expired, %%s warned; its programs %%s, %%s, %%s',
        report_totals.run_id,
        report_totals.cards_expired,
        report_totals.points_expired,
        report_totals.warning_cards_queued,
        report_totals.programs_cards_expired,
        report_totals.programs_points_expired,
        report_totals.programs_cards_warned
    ) as detail
from report_totals
where
    report_totals.cards_expired <> report_totals.programs_cards_expired
    or report_totals.points_expired <> report_totals.programs_points_expired
    or report_totals.warning_cards_queued <> report_totals.programs_cards_warned
    or report_totals.points_reinstated <> report_totals.programs_points_reinstated
union all
select
    ledger.card_id,
    format('%%s points expired by ledger row %%s of no run', -ledger.points_delta, ledger.id)
        as detail
from touched_cards
inner join loyalty.loyalty_transactions as ledger on touched_cards.card_id = ledger.card_id
cross join first_run
left join loyalty.expirations as expirations on ledger.id = expirations.transaction_id
where
    ledger.transaction_type = 'points_expired'
    and ledger.id > first_run.ledger_id_before
    and expirations.transaction_id is null
order by card_id, detail
