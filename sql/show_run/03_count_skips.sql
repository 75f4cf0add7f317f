-- Counts why cards of a run's plan were not carried out.
-- In: the run's skips. Out: one row per kind and reason, with cards and points.
-- Binds: run_id.
-- A rerun counts the same once the run is closed.
select
    skips.kind,
    skips.reason,
    count(*) as cards_total,
    sum(members.points)::bigint as points_total
from loyalty.expiration_skips as skips
inner join loyalty.expiration_cohort_members as members
    on
        skips.run_id = members.run_id
        and skips.kind = members.kind
        and skips.card_id = members.card_id
where skips.run_id = %(run_id)s::bigint
group by skips.kind, skips.reason
union all
select
    'reinstatement' as kind,
    skips.reason,
    count(*) as cards_total,
    sum(members.points)::bigint as points_total
from loyalty.reinstatement_skips as skips
inner join loyalty.reinstatement_members as members
    on skips.run_id = members.run_id and skips.expiration_id = members.expiration_id
where skips.run_id = %(run_id)s::bigint
group by skips.reason
order by kind, reason
