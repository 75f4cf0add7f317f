-- Notes why a planned and locked card keeps its points.
-- In: the chunk's plan rows without an expiry of this run. Out: one row each in expiration_skips.
-- Only with: kept_card_ids
-- Prepared: every chunk runs it.
-- Binds: run_id, kept_card_ids (locked), booked_at.
-- Rerun: the first reason stands.
insert into loyalty.expiration_skips (run_id, kind, card_id, reason, skipped_at)
select
    undecided.run_id,
    undecided.kind,
    undecided.card_id,
    case
        when exists (
            select 1
            from loyalty.expirations as expirations
            where
                expirations.card_id = undecided.card_id
                and expirations.cycle_started_at = undecided.cycle_started_at
        ) then 'already_expired'
        when (cards.last_activity_at is distinct from undecided.cycle_started_at) then 'came_back'
        when cards.points_balance = 0 then 'emptied'
        when (cards.is_active and programs.is_active and merchants.is_active) is not true
            then 'deactivated'
        when
            (programs.points_expiration_days is distinct from run_programs.points_expiration_days)
            or (programs.time_zone is distinct from run_programs.time_zone)
            or programs.id <> undecided.program_id
            then 'settings_changed'
        when programs.min_notice_days > run_programs.min_notice_days then 'notice_owed'
        else 'promised_later'
    end as reason,
    %(booked_at)s::timestamptz as skipped_at
from loyalty.undecided_members as undecided
inner join loyalty.expiration_run_programs as run_programs
    on
        undecided.run_id = run_programs.run_id
        and undecided.program_id = run_programs.program_id
inner join loyalty.loyalty_cards as cards on undecided.card_id = cards.id
inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
inner join loyalty.merchants as merchants on cards.merchant_id = merchants.id
where
    undecided.run_id = %(run_id)s::bigint
    and undecided.kind = 'expiry'
    and undecided.card_id = any(%(kept_card_ids)s::bigint[])
on conflict do nothing
