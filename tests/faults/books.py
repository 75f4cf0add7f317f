"""What two databases must agree on, whatever happened to one of them on the way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from tests.rows import rows

Books = dict[str, list[tuple[Any, ...]]]

# Natural keys only: a card by its number, a run by its DAG run. Ids may differ.
_CARD = "join loyalty.loyalty_cards as cards on cards.id ="
_SETTLED = "case mails.status when 'ambiguous' then 'sent' else mails.status end"
STATEMENTS = {
    "cards": """
        select card_number, points_balance, stamp_count, total_points_earned,
            total_points_redeemed, total_points_voided, last_activity_at
        from loyalty.loyalty_cards
    """,
    "stamps": """
        select card_number from loyalty.loyalty_cards where last_expiration_warning_at is not null
    """,
    "ledger": f"""
        select card_number, transaction_type, points_delta, points_balance_after, stamps_delta,
            stamps_balance_after, ledger.store_id,
            case transaction_type
                when 'points_reinstated' then regexp_replace(notes, '\\d+', 'ID', 'g')
                else notes
            end
        from loyalty.loyalty_transactions as ledger {_CARD} ledger.card_id
    """,
    "expirations": f"""
        select card_number, cycle_started_at, due_on, usable_until, points,
            reinstated_by is not null
        from loyalty.expirations {_CARD} expirations.card_id
    """,
    "reinstatements": f"""
        select card_number, points, activity_id is not null
        from loyalty.reinstatements {_CARD} reinstatements.card_id
    """,
    "warnings": f"""
        select card_number, cycle_started_at, stage_days, due_on, points
        from loyalty.expiration_warnings {_CARD} expiration_warnings.card_id
    """,
    "notices": f"""
        select card_number, cycle_started_at, stage_days, due_on, named_on, promised_on, opened_on
        from loyalty.expiration_notices {_CARD} expiration_notices.card_id
    """,
    "mails": f"""
        select card_number, template_code, language, variables::text, {_SETTLED}
        from loyalty.email_logs as mails {_CARD} mails.card_id
    """,
    "skips": f"""
        select runs.dag_run_id, kind, card_number, reason
        from loyalty.expiration_skips as skips {_CARD} skips.card_id
        join loyalty.expiration_runs as runs on runs.id = skips.run_id
        union all
        select runs.dag_run_id, 'reinstatement', card_number, reason
        from loyalty.reinstatement_skips as skips {_CARD} skips.card_id
        join loyalty.expiration_runs as runs on runs.id = skips.run_id
    """,
    # A DAG run that is repeated after its close reports nothing new: such attempts add nothing.
    "report": """
        select runs.dag_run_id, programs.name, sum(report.warning_cards_planned),
            sum(report.warning_points_planned), sum(report.warning_cards_queued),
            sum(report.warning_cards_skipped), sum(report.expiry_cards_planned),
            sum(report.expiry_points_planned), sum(report.cards_expired),
            sum(report.points_expired), sum(report.expiry_cards_skipped),
            sum(report.cards_reinstated), sum(report.points_reinstated),
            sum(report.reinstatements_skipped)
        from loyalty.expiration_run_programs as report
        join loyalty.expiration_runs as runs on runs.id = report.run_id
        join loyalty.loyalty_programs as programs on programs.id = report.program_id
        where runs.status = 'closed'
        group by runs.dag_run_id, programs.name
    """,
}
# What does not depend on which run did it, and on which day: a warning that comes a day late may
# be another stage's, or too late to be sent.
LASTING = ("cards", "ledger", "expirations", "reinstatements")
# What does not depend on how many runs shared the work.
SHARED = (*LASTING, "stamps", "warnings", "notices", "mails")


def books(engine: Engine) -> Books:
    """Return the rows that two databases with the same history share."""
    return {name: sorted(rows(engine, each), key=repr) for name, each in STATEMENTS.items()}


def differences(found: Books, wanted: Books, *names: str) -> list[str]:
    """Return a line per row that only one of the two has; `names` bounds what is compared."""
    return [
        f"{name}: {mark} {row}"
        for name in names or tuple(STATEMENTS)
        for mark, mine, other in (
            ("lacks", wanted[name], found[name]),
            ("has besides", found[name], wanted[name]),
        )
        for row in _surplus(mine, other)
    ]


def _surplus(mine: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    left = list(other)
    surplus = []
    for row in mine:
        if row in left:
            left.remove(row)
        else:
            surplus.append(row)
    return surplus
