"""The way it was done before: load every due card, change each as an object, commit once.

It re-checks nothing, so that points earned meanwhile are lost. It writes the same rows as the
pipeline, the plan and the expirations included, which the old task did not have.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Engine, Identity, MetaData, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from tests.bench.place import AS_OF


class Base(DeclarativeBase):
    """Tables of the schema `loyalty`, as far as the loop needs them."""

    metadata = MetaData(schema="loyalty")
    type_annotation_map: ClassVar = {int: BigInteger, dict[str, Any]: JSONB}


def _identity() -> Mapped[int]:
    return mapped_column(Identity(), primary_key=True)


class Program(Base):
    __tablename__ = "loyalty_programs"
    id: Mapped[int] = _identity()
    points_expiration_days: Mapped[int]


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = _identity()
    email: Mapped[str]
    preferred_language: Mapped[str | None]


class Card(Base):
    __tablename__ = "loyalty_cards"
    id: Mapped[int] = _identity()
    program_id: Mapped[int]
    merchant_id: Mapped[int]
    customer_id: Mapped[int]
    enrolled_at_store_id: Mapped[int | None]
    points_balance: Mapped[int]
    stamp_count: Mapped[int]
    total_points_voided: Mapped[int]
    last_activity_at: Mapped[datetime]


class Transaction(Base):
    __tablename__ = "loyalty_transactions"
    id: Mapped[int] = _identity()
    card_id: Mapped[int]
    merchant_id: Mapped[int]
    transaction_type: Mapped[str]
    points_delta: Mapped[int]
    points_balance_after: Mapped[int]
    stamps_delta: Mapped[int]
    stamps_balance_after: Mapped[int]
    notes: Mapped[str]
    transaction_at: Mapped[datetime]


class Expiration(Base):
    __tablename__ = "expirations"
    transaction_id: Mapped[int] = mapped_column(primary_key=True)
    card_id: Mapped[int]
    cycle_started_at: Mapped[datetime]
    due_on: Mapped[date]
    usable_until: Mapped[date]
    points: Mapped[int]
    run_id: Mapped[int]


class Member(Base):
    __tablename__ = "expiration_cohort_members"
    run_id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    card_id: Mapped[int] = mapped_column(primary_key=True)
    program_id: Mapped[int]
    merchant_id: Mapped[int]
    cycle_started_at: Mapped[datetime]
    due_on: Mapped[date]
    usable_until: Mapped[date]
    points: Mapped[int]


class Mail(Base):
    __tablename__ = "email_logs"
    id: Mapped[int] = _identity()
    template_code: Mapped[str]
    language: Mapped[str]
    card_id: Mapped[int]
    customer_id: Mapped[int]
    merchant_id: Mapped[int]
    store_id: Mapped[int | None]
    occurrence_key: Mapped[str]
    variables: Mapped[dict[str, Any]]
    status: Mapped[str]
    queued_at: Mapped[datetime]
    run_id: Mapped[int]


def expire(engine: Engine, run_id: int) -> None:
    """Expire every card without activity for longer than its program's days."""
    with Session(engine) as session:
        entries = {}
        for card, days, language in session.execute(_due_cards()).all():
            due_on = card.last_activity_at.date() + timedelta(days=days)
            entries[card] = entry = _entry(card, days)
            session.add_all((entry, _member(card, due_on, run_id)))
            card.total_points_voided += card.points_balance
            card.points_balance = 0
            entry.due_on, entry.days, entry.language = due_on, days, language
        session.flush()
        for card, entry in entries.items():
            session.add_all((_expiration(card, entry, run_id), _mail(card, entry, run_id)))
        session.commit()


def _due_cards() -> Any:
    active_until = AS_OF - func.make_interval(0, 0, 0, Program.points_expiration_days)
    return (
        select(Card, Program.points_expiration_days, Customer.preferred_language)
        .join(Program, Card.program_id == Program.id)
        .join(Customer, Card.customer_id == Customer.id)
        .where(Card.points_balance > 0, Card.last_activity_at < active_until)
    )


def _entry(card: Card, days: int) -> Transaction:
    return Transaction(
        card_id=card.id,
        merchant_id=card.merchant_id,
        transaction_type="points_expired",
        points_delta=-card.points_balance,
        points_balance_after=0,
        stamps_delta=0,
        stamps_balance_after=card.stamp_count,
        notes=f"Points expired after {days} days of inactivity",
        transaction_at=AS_OF,
    )


def _member(card: Card, due_on: date, run_id: int) -> Member:
    return Member(
        run_id=run_id,
        kind="expiry",
        card_id=card.id,
        program_id=card.program_id,
        merchant_id=card.merchant_id,
        cycle_started_at=card.last_activity_at,
        due_on=due_on,
        usable_until=due_on,
        points=card.points_balance,
    )


def _expiration(card: Card, entry: Any, run_id: int) -> Expiration:
    return Expiration(
        transaction_id=entry.id,
        card_id=card.id,
        cycle_started_at=card.last_activity_at,
        due_on=entry.due_on,
        usable_until=entry.due_on,
        points=-entry.points_delta,
        run_id=run_id,
    )


def _mail(card: Card, entry: Any, run_id: int) -> Mail:
    return Mail(
        template_code="loyalty_points_expired",
        language=entry.language or "en",
        card_id=card.id,
        customer_id=card.customer_id,
        merchant_id=card.merchant_id,
        store_id=card.enrolled_at_store_id,
        occurrence_key=f"expired:{entry.id}",
        variables={
            "points": -entry.points_delta,
            "expiration_date": entry.due_on.isoformat(),
            "inactivity_days": entry.days,
        },
        status="queued",
        queued_at=AS_OF,
        run_id=run_id,
    )
