-- Plan rows of all three kinds that are neither carried out nor skipped.
drop view loyalty.undecided_members;

create view loyalty.undecided_members as
select
    members.run_id,
    members.kind,
    members.card_id,
    members.program_id,
    members.cycle_started_at,
    members.stage_days,
    members.points
from loyalty.expiration_cohort_members as members
where
    not exists (
        select 1
        from loyalty.expiration_skips as skips
        where
            skips.run_id = members.run_id
            and skips.kind = members.kind
            and skips.card_id = members.card_id
    )
    and not exists (
        select 1
        from loyalty.expiration_warnings as warnings
        where
            members.kind = 'warning'
            and warnings.run_id = members.run_id
            and warnings.card_id = members.card_id
    )
    and not exists (
        select 1
        from loyalty.expirations as expirations
        where
            members.kind = 'expiry'
            and expirations.run_id = members.run_id
            and expirations.card_id = members.card_id
    )
union all
select
    members.run_id,
    'reinstatement' as kind,
    members.card_id,
    members.program_id,
    expirations.cycle_started_at,
    null as stage_days,
    members.points
from loyalty.reinstatement_members as members
inner join loyalty.expirations as expirations on members.expiration_id = expirations.transaction_id
where
    not exists (
        select 1
        from loyalty.reinstatement_skips as skips
        where skips.run_id = members.run_id and skips.expiration_id = members.expiration_id
    )
    and not exists (
        select 1
        from loyalty.reinstatements
        where
            reinstatements.run_id = members.run_id
            and reinstatements.expiration_id = members.expiration_id
    );

-- The cards that a run planned anything for.
create view loyalty.run_cards as
select
    members.run_id,
    members.card_id
from loyalty.expiration_cohort_members as members
union
select
    members.run_id,
    members.card_id
from loyalty.reinstatement_members as members;

-- The fingerprint of a run, with what this migration added: each new value only where it is set.
create or replace function loyalty.run_digest(wanted_run_id bigint)
returns text
language sql stable
set timezone = 'UTC'
return (
    with
    program_rows as (
        select
            programs.program_id,
            to_jsonb(programs) as row,
            array[
                'size_check_cards', 'size_check_median_ratio', 'size_check_points_share',
                'history_days', 'history_cards_median', 'elapsed_days', 'points_outstanding',
                'cards_reinstated', 'points_reinstated', 'reinstatements_skipped'
            ] as newer_names
        from loyalty.expiration_run_programs as programs
        where programs.run_id = run_digest.wanted_run_id
    ),

    lines as (
        select
            'program' as part,
            program_rows.program_id as card_id,
            (
                (program_rows.row - program_rows.newer_names)
                || coalesce(
                    (
                        select jsonb_object_agg(newer.name, newer.value)
                        from jsonb_each(program_rows.row) as newer (name, value)
                        where
                            newer.name = any(program_rows.newer_names)
                            and newer.value not in ('null'::jsonb, '0'::jsonb)
                    ),
                    '{}'::jsonb
                )
            )::text as line
        from program_rows
        union all
        select
            members.kind,
            members.card_id,
            to_jsonb(members)::text
        from loyalty.expiration_cohort_members as members
        where members.run_id = run_digest.wanted_run_id
        union all
        select
            'skip ' || skips.kind,
            skips.card_id,
            to_jsonb(skips)::text
        from loyalty.expiration_skips as skips
        where skips.run_id = run_digest.wanted_run_id
        union all
        select
            'warned',
            warnings.card_id,
            to_jsonb(warnings)::text
        from loyalty.expiration_warnings as warnings
        where warnings.run_id = run_digest.wanted_run_id
        union all
        select
            'expired',
            expirations.card_id,
            (
                (to_jsonb(expirations) - 'reinstated_by' - 'usable_until')
                || jsonb_strip_nulls(jsonb_build_object('usable_until', expirations.usable_until))
            )::text
        from loyalty.expirations as expirations
        where expirations.run_id = run_digest.wanted_run_id
        union all
        select
            'reinstatement',
            members.expiration_id,
            to_jsonb(members)::text
        from loyalty.reinstatement_members as members
        where members.run_id = run_digest.wanted_run_id
        union all
        select
            'skip reinstatement',
            skips.expiration_id,
            to_jsonb(skips)::text
        from loyalty.reinstatement_skips as skips
        where skips.run_id = run_digest.wanted_run_id
        union all
        select
            'reinstated',
            reinstatements.expiration_id,
            to_jsonb(reinstatements)::text
        from loyalty.reinstatements
        where reinstatements.run_id = run_digest.wanted_run_id
    )

    select
        encode(
            sha256(
                convert_to(coalesce(string_agg(md5(line), '' order by part, card_id), ''), 'UTF8')
            ),
            'hex'
        )
    from lines
);
