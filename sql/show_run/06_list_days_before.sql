-- Lists the daily runs before this one, to compare it with.
-- In: closed daily runs that were no dry runs, with an earlier as_of. Out: seven rows at most.
-- Binds: run_id.
-- A rerun reads again; it changes nothing.
select
    earlier.id,
    earlier.as_of,
    earlier.warning_cards_queued,
    earlier.cards_expired,
    earlier.points_expired,
    earlier.programs_held,
    extract(epoch from earlier.closed_at - earlier.evaluated_at)::bigint as duration_seconds
from loyalty.expiration_runs as shown
inner join loyalty.expiration_runs as earlier on shown.as_of > earlier.as_of
where
    shown.id = %(run_id)s::bigint
    and earlier.run_type = 'daily'
    and earlier.status = 'closed'
    and not earlier.dry_run
order by earlier.as_of desc, earlier.id desc
limit 7
