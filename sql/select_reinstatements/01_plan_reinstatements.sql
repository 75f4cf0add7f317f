-- Plans to undo what a person names: the expiries of a run, of a program, or of some cards; where
-- several are given, only what all of them name.
-- In: expiries not given back yet. Out: one row per expiry in reinstatement_members.
-- Binds: run_id, expiring_run_id, program_id, card_ids (null each: any).
-- Rerun: the plan is insert-only; an expiry that is planned already keeps its row.
insert into loyalty.reinstatement_members (
    run_id, expiration_id, card_id, program_id, merchant_id, points
)
select
    %(run_id)s::bigint as run_id,
    expirations.transaction_id as expiration_id,
    expirations.card_id,
    cards.program_id,
    cards.merchant_id,
    expirations.points
from loyalty.expirations as expirations
inner join loyalty.loyalty_cards as cards on expirations.card_id = cards.id
inner join loyalty.expiration_run_programs as run_programs
    on cards.program_id = run_programs.program_id
where
    run_programs.run_id = %(run_id)s::bigint
    and expirations.reinstated_by is null
    and (
        %(expiring_run_id)s::bigint is null
        or expirations.run_id = %(expiring_run_id)s::bigint
    )
    and (%(program_id)s::bigint is null or cards.program_id = %(program_id)s::bigint)
    and (%(card_ids)s::bigint[] is null or expirations.card_id = any(%(card_ids)s::bigint[]))
    and not (
        %(expiring_run_id)s::bigint is null
        and %(program_id)s::bigint is null
        and %(card_ids)s::bigint[] is null
    )
on conflict do nothing
