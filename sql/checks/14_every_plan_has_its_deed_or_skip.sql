-- Invariant 14: every deed has its plan row, every plan row its deed or its skip, and never both.
-- In: plans, deeds and skips. Out: one row per deed without plan, per plan row left undecided by a
-- closed run or by the run given, and per plan row both carried out and skipped.
-- Binds: run_id (null: every run, open ones undecided yet; else that run).
-- A rerun reads only.
with
judged_runs as (
    select
        runs.id,
        (runs.status = 'closed' or runs.id = %(run_id)s::bigint) as is_decided
    from loyalty.expiration_runs as runs
    where %(run_id)s::bigint is null or runs.id = %(run_id)s::bigint
),

deeds as (
    select
        warnings.run_id,
        'warning' as kind,
        warnings.card_id,
        warnings.points
    from judged_runs
    inner join loyalty.expiration_warnings as warnings on judged_runs.id = warnings.run_id
    union all
    select
        expirations.run_id,
        'expiry' as kind,
        expirations.card_id,
        expirations.points
    from judged_runs
    inner join loyalty.expirations as expirations on judged_runs.id = expirations.run_id
),

-- By sets: of a run whose rows nobody has counted yet the planner expects one, and would compare
-- each planned card with all deeds.
undecided_cards as materialized (
    select
        members.run_id,
        members.kind,
        members.card_id
    from judged_runs
    inner join loyalty.expiration_cohort_members as members on judged_runs.id = members.run_id
    where judged_runs.is_decided
    except
    select
        deeds.run_id,
        deeds.kind,
        deeds.card_id
    from deeds
    except
    select
        skips.run_id,
        skips.kind,
        skips.card_id
    from judged_runs
    inner join loyalty.expiration_skips as skips on judged_runs.id = skips.run_id
),

undecided_reinstatements as materialized (
    select
        members.run_id,
        members.expiration_id
    from judged_runs
    inner join loyalty.reinstatement_members as members on judged_runs.id = members.run_id
    where judged_runs.is_decided
    except
    select
        reinstatements.run_id,
        reinstatements.expiration_id
    from judged_runs
    inner join loyalty.reinstatements as reinstatements on judged_runs.id = reinstatements.run_id
    except
    select
        skips.run_id,
        skips.expiration_id
    from judged_runs
    inner join loyalty.reinstatement_skips as skips on judged_runs.id = skips.run_id
),

undecided as (
    select members.*
    from undecided_cards
    inner join loyalty.expiration_cohort_members as members
        on
            undecided_cards.run_id = members.run_id
            and undecided_cards.kind = members.kind
            and undecided_cards.card_id = members.card_id
)

select
    undecided.card_id,
    format(
        '%%s of %%s points planned by run %%s, neither carried out nor skipped',
        undecided.kind,
        undecided.points,
        undecided.run_id
    ) as detail
from undecided
union all
select
    members.card_id,
    format(
        'reinstatement of %%s points planned by run %%s, neither carried out nor skipped',
        members.points,
        members.run_id
    ) as detail
from undecided_reinstatements
inner join loyalty.reinstatement_members as members
    on
        undecided_reinstatements.run_id = members.run_id
        and undecided_reinstatements.expiration_id = members.expiration_id
union all
select
    deeds.card_id,
    format('%%s of %%s points by run %%s without a plan', deeds.kind, deeds.points, deeds.run_id)
        as detail
from deeds
left join loyalty.expiration_cohort_members as members
    on
        deeds.run_id = members.run_id
        and deeds.kind = members.kind
        and deeds.card_id = members.card_id
where members.card_id is null
union all
select
    deeds.card_id,
    format(
        '%%s of %%s points by run %%s carried out, and skipped as %%s',
        deeds.kind,
        deeds.points,
        deeds.run_id,
        skips.reason
    ) as detail
from deeds
inner join loyalty.expiration_skips as skips
    on
        deeds.run_id = skips.run_id
        and deeds.kind = skips.kind
        and deeds.card_id = skips.card_id
-- Of two attempts at once, one may find locked what the other is just carrying out.
where skips.reason <> 'locked'
union all
select
    reinstatements.card_id,
    format(
        'expiry %%s of %%s points given back by run %%s, and skipped as %%s',
        reinstatements.expiration_id,
        reinstatements.points,
        reinstatements.run_id,
        skips.reason
    ) as detail
from judged_runs
inner join loyalty.reinstatements as reinstatements on judged_runs.id = reinstatements.run_id
inner join loyalty.reinstatement_skips as skips
    on
        reinstatements.run_id = skips.run_id
        and reinstatements.expiration_id = skips.expiration_id
where skips.reason <> 'locked'
order by card_id, detail
