"""What the live application does while the pipeline works, each as one transaction.

Every function returns the work of one session.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from tests import factories
from tests.interleavings.gates import Work

AT = "2026-01-02T02:00:00+00:00"


def earn(*card_ids: int) -> Work:
    """Earn 5 points on each card, in the order given."""

    def work(engine: Engine) -> None:
        with engine.begin() as till:
            for card_id in card_ids:
                factories.earn(till, card_id, 5, AT)

    return work


def earn_ledger_first(card_id: int) -> Work:
    """Earn 5 points: the ledger row first, its running balance as read then, the card last.

    Its ledger row's foreign key lets no `for update` in, so the balance read is the one it moves.
    """

    def work(engine: Engine) -> None:
        with engine.begin() as till:
            ledger_id = _insert_earn(till, card_id)
            balance = till.exec_driver_sql(
                "select points_balance from loyalty.loyalty_cards where id = %(card_id)s",
                {"card_id": card_id},
            ).scalar_one()
            till.exec_driver_sql(
                "update loyalty.loyalty_transactions set points_balance_after = %(balance)s"
                " where id = %(ledger_id)s",
                {"balance": balance + 5, "ledger_id": ledger_id},
            )
            till.exec_driver_sql(
                "update loyalty.loyalty_cards set points_balance = points_balance + 5,"
                " total_points_earned = total_points_earned + 5,"
                " last_activity_at = greatest(last_activity_at, %(at)s) where id = %(card_id)s",
                {"at": AT, "card_id": card_id},
            )

    return work


def _insert_earn(till: Connection, card_id: int) -> int:
    return int(
        till.exec_driver_sql(
            "insert into loyalty.loyalty_transactions"
            " (card_id, merchant_id, transaction_type, points_delta, transaction_at)"
            " select id, merchant_id, 'points_earned', 5, %(at)s from loyalty.loyalty_cards"
            " where id = %(card_id)s returning id",
            {"at": AT, "card_id": card_id},
        ).scalar_one()
    )


def redeem_all(card_id: int) -> Work:
    """Redeem whatever the till has read, unless it is there no more when it is taken."""

    def work(engine: Engine) -> None:
        with engine.begin() as till:
            points = till.exec_driver_sql(
                "select points_balance from loyalty.loyalty_cards where id = %(card_id)s",
                {"card_id": card_id},
            ).scalar_one()
            enough = till.exec_driver_sql(
                "select from loyalty.loyalty_cards where id = %(card_id)s"
                " and points_balance >= %(points)s for update",
                {"card_id": card_id, "points": points},
            ).rowcount
            if points and enough:
                factories.redeem(till, card_id, points, AT)

    return work


def adjust(card_id: int) -> Work:
    """Add 20 points by hand; no activity."""
    return lambda engine: factories.adjust(engine, card_id, 20, AT)


def stamp(card_id: int) -> Work:
    """Earn a stamp: an activity that moves no points."""
    return lambda engine: factories.write_ledger(
        engine, card_id, "stamp_earned", AT, stamps=1, is_activity=True
    )


def deactivate(card_id: int) -> Work:
    """Block a card."""
    return _statements(f"update loyalty.loyalty_cards set is_active = false where id = {card_id}")


def lengthen_program(program_id: int) -> Work:
    """Let a program's points live 400 days."""
    return _statements(
        f"update loyalty.loyalty_programs set points_expiration_days = 400 where id = {program_id}"
    )


def suppress(card_id: int) -> Work:
    """Note that a customer's address bounced."""
    return _statements(
        f"update loyalty.customers set email_suppressed_at = '{AT}' where id ="
        f" (select customer_id from loyalty.loyalty_cards where id = {card_id})"
    )


def erase(card_id: int) -> Work:
    """Erase a customer: name and address, the addresses of old mails, and block the card."""
    return _statements(
        "update loyalty.customers set email = null, first_name = null, last_name = null,"
        f" email_suppressed_at = '{AT}' where id ="
        f" (select customer_id from loyalty.loyalty_cards where id = {card_id})",
        f"update loyalty.email_logs set recipient_email = null where card_id = {card_id}",
        f"update loyalty.loyalty_cards set is_active = false where id = {card_id}",
    )


def close_shop(card_id: int) -> Work:
    """Take a merchant out of business: its row first, locked as strongly as can be."""
    merchant = f"(select merchant_id from loyalty.loyalty_cards where id = {card_id})"
    return _statements(
        f"select from loyalty.merchants where id = {merchant} for update",
        f"update loyalty.loyalty_cards set is_active = false where merchant_id = {merchant}",
        f"update loyalty.merchants set is_active = false where id = {merchant}",
    )


def _statements(*statements: str) -> Work:
    def work(engine: Engine) -> None:
        with engine.begin() as application:
            for statement in statements:
                application.exec_driver_sql(statement)

    return work
