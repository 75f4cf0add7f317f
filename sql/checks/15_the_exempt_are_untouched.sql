-- Invariant 15: the inactive and the exempt are untouched, and a dry run touches nobody.
-- In: warnings and expirations. Out: one row per deed in a program that its run's snapshot
-- exempts, that never expires, that the run knows nothing of, or in a dry run.
-- Whether a card was active then is not on record; the deeds decide that on the locked row.
-- Binds: run_id (null: every run; else that run).
-- A rerun reads only.
with
deeds as (
    select
        warnings.run_id,
        'warning' as kind,
        warnings.card_id,
        warnings.points
    from loyalty.expiration_warnings as warnings
    where %(run_id)s::bigint is null or warnings.run_id = %(run_id)s::bigint
    union all
    select
        expirations.run_id,
        'expiry' as kind,
        expirations.card_id,
        expirations.points
    from loyalty.expirations as expirations
    where %(run_id)s::bigint is null or expirations.run_id = %(run_id)s::bigint
),

judged_deeds as (
    select
        deeds.*,
        case
            when runs.dry_run then 'dry run'
            when run_programs.run_id is null then 'program unknown to the run'
            when coalesce(run_programs.points_expiration_days, 0) <= 0 then 'never expires'
            else run_programs.exempt_reason
        end as exemption
    from deeds
    inner join loyalty.expiration_runs as runs on deeds.run_id = runs.id
    inner join loyalty.loyalty_cards as cards on deeds.card_id = cards.id
    left join loyalty.expiration_run_programs as run_programs
        on deeds.run_id = run_programs.run_id and cards.program_id = run_programs.program_id
)

select
    judged_deeds.card_id,
    format(
        '%%s of %%s points by run %%s although exempt: %%s',
        judged_deeds.kind,
        judged_deeds.points,
        judged_deeds.run_id,
        judged_deeds.exemption
    ) as detail
from judged_deeds
where judged_deeds.exemption is not null
order by judged_deeds.card_id, judged_deeds.kind
