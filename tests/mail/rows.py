"""Rows of the loyalty application and of the outbox, as the mail tests need them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, text

# The cycle starts on 25 March 2023; 365 days later is 24 March 2024, 14 days after NOW.
STARTED_AT = "2023-03-25T12:00:00+00:00"
NOW = "2024-03-10T12:00:00+00:00"


def run(engine: Engine, sql: str, **binds: Any) -> None:
    """Execute one statement in a transaction of its own."""
    with engine.begin() as connection:
        connection.execute(text(sql), binds)


def rows(engine: Engine, sql: str, **binds: Any) -> list[Any]:
    """Return the rows of a query."""
    with engine.begin() as connection:
        return list(connection.execute(text(sql), binds))


def one(engine: Engine, sql: str, **binds: Any) -> Any:
    """Return the one value of a query."""
    ((value,),) = rows(engine, sql, **binds)
    return value


def insert(engine: Engine, table: str, **columns: Any) -> int:
    """Insert one row and return its id."""
    names = ", ".join(columns)
    places = ", ".join(f":{name}" for name in columns)
    sql = f"insert into loyalty.{table} ({names}) values ({places}) returning id"
    return int(one(engine, sql, **columns))


def card(
    engine: Engine,
    *,
    email: str | None = "anna.muster@home.example",
    first_name: str = "Annabella",
    points: int = 1200,
    **program: Any,
) -> int:
    """Insert a merchant with a store, a program, a customer and a card; return the card's id."""
    merchant_id = insert(engine, "merchants", name="Café Kugel")
    store_id = insert(engine, "stores", merchant_id=merchant_id, name="Kugel Nord")
    customer_id = insert(engine, "customers", email=email, first_name=first_name)
    settings = {"points_expiration_days": 365, "time_zone": "Europe/Luxembourg"} | program
    program_id = insert(
        engine, "loyalty_programs", merchant_id=merchant_id, name="Kugelclub", **settings
    )
    return insert(
        engine,
        "loyalty_cards",
        program_id=program_id,
        merchant_id=merchant_id,
        customer_id=customer_id,
        enrolled_at_store_id=store_id,
        card_number="K-1",
        points_balance=points,
        last_activity_at=STARTED_AT,
    )


def warning(engine: Engine, card_id: int, *, stage_days: int = 14, **mail: Any) -> int:
    """Queue a card's warning with its notice; return the mail's id."""
    mail_id = _mail(
        engine,
        card_id,
        {
            "template_code": "loyalty_points_expiring",
            "occurrence_key": f"warning:{card_id}:{stage_days}",
        }
        | mail,
    )
    run(
        engine,
        "insert into loyalty.expiration_notices"
        " (email_log_id, card_id, cycle_started_at, stage_days, due_on)"
        " values (:mail_id, :card_id, :started_at, :stage_days, '2024-03-24')",
        mail_id=mail_id,
        card_id=card_id,
        started_at=STARTED_AT,
        stage_days=stage_days,
    )
    return mail_id


def expired(engine: Engine, card_id: int, *, key: str = "expired:1", **mail: Any) -> int:
    """Queue a mail about an expiry; return its id."""
    columns = {
        "template_code": "loyalty_points_expired",
        "occurrence_key": key,
        "variables": '{"points": 1200, "expiration_date": "2024-03-01", "inactivity_days": 365}',
    }
    return _mail(engine, card_id, columns | mail)


def _mail(engine: Engine, card_id: int, columns: dict[str, Any]) -> int:
    ((customer_id, merchant_id, store_id),) = rows(
        engine,
        "select customer_id, merchant_id, enrolled_at_store_id from loyalty.loyalty_cards"
        " where id = :card_id",
        card_id=card_id,
    )
    defaults = {
        "language": "en",
        "card_id": card_id,
        "customer_id": customer_id,
        "merchant_id": merchant_id,
        "store_id": store_id,
    }
    return insert(engine, "email_logs", **defaults | columns)


def mail_row(engine: Engine, mail_id: int) -> Any:
    """Return the mail as it is in the outbox."""
    return rows(engine, "select * from loyalty.email_logs where id = :id", id=mail_id)[0]


def status(engine: Engine, mail_id: int) -> str:
    """Return the mail's status."""
    return str(mail_row(engine, mail_id).status)


def notice(engine: Engine, mail_id: int) -> tuple[str | None, str | None, str | None]:
    """Return a warning's named_on, promised_on and opened_on as ISO dates."""
    ((named, promised, opened),) = rows(
        engine,
        "select named_on::text, promised_on::text, opened_on::text"
        " from loyalty.expiration_notices where email_log_id = :id",
        id=mail_id,
    )
    return named, promised, opened
