"""Overrides that were written straight into the table, behind the check's back."""

import pytest

from include.mail.figures import SendFigures
from include.mail.sending import send_due
from tests.mail.hostile import HARMLESS, HIDDEN_PARTS, HOSTILE_PARTS
from tests.mail.rows import NOW, card, expired, insert, one, status
from tests.mail.scripted_server import scripted_server

PLATFORMS = "Your 1,200 points at Café Kugel have expired"


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setenv("LOYALTY_NOW", NOW)


def shop(engine, email):
    """Return a new store's id and the id of its customer's mail in the outbox."""
    card_id = card(engine, email=email)
    store_id = one(engine, "select max(id) from loyalty.stores")
    return store_id, expired(engine, card_id, key=f"expired:{email}")


def plant(engine, store_id, language="en", **parts):
    words = HARMLESS | parts
    columns = {"store_id": store_id, "template_code": "loyalty_points_expired"}
    insert(engine, "store_email_templates", language=language, **columns, **words)


def send(engine, server):
    return send_due(engine, server.as_mail_server(), named_ids=None)


def subjects(server):
    return {mail["To"]: mail["Subject"] for mail in server.mails}


@pytest.mark.parametrize("what", HOSTILE_PARTS)
def test_a_planted_template_costs_other_stores_nothing(engine, caplog, what):
    hostile_id, first = shop(engine, "first@home.example")
    own_id, second = shop(engine, "second@home.example")
    _, third = shop(engine, "third@home.example")
    plant(engine, hostile_id, **HOSTILE_PARTS[what])
    plant(engine, own_id)
    with scripted_server() as server:
        assert send(engine, server) == SendFigures(sent=3)
    assert subjects(server) == {
        "first@home.example": PLATFORMS,
        "second@home.example": "Our own words",
        "third@home.example": PLATFORMS,
    }
    assert [status(engine, each) for each in (first, second, third)] == ["sent"] * 3
    assert all(mail["Bcc"] is None for mail in server.mails)
    (told,) = [text for text in caplog.messages if "cannot be used" in text]
    assert told.startswith(f"Store {hostile_id}'s template loyalty_points_expired (en)")
    assert "Annabella" not in caplog.text


def test_all_of_them_at_once_and_each_store_gets_the_platforms_mail(engine):
    expected = {}
    for number, parts in enumerate(HOSTILE_PARTS.values()):
        store_id, _ = shop(engine, f"reader-{number}@home.example")
        plant(engine, store_id, **parts)
        expected[f"reader-{number}@home.example"] = PLATFORMS
    with scripted_server() as server:
        assert send(engine, server) == SendFigures(sent=len(HOSTILE_PARTS))
    assert subjects(server) == expected


@pytest.mark.parametrize("what", HIDDEN_PARTS)
def test_what_hides_in_a_rare_branch_falls_back_when_it_comes_up(engine, what):
    store_id, _ = shop(engine, "usual@home.example")
    plant(engine, store_id, **HIDDEN_PARTS[what])
    rare = '{"points": 7, "expiration_date": "2024-03-01", "inactivity_days": 365}'
    card_id = one(engine, "select max(id) from loyalty.loyalty_cards")
    expired(engine, card_id, key="expired:rare", variables=rare)
    with scripted_server() as server:
        assert send(engine, server) == SendFigures(sent=2)
    usual, came_up = (mail["Subject"] for mail in server.mails)
    assert usual == (HARMLESS | HIDDEN_PARTS[what])["subject"].partition("{%")[0]
    assert came_up == "Your 7 points at Café Kugel have expired"


def test_a_planted_luxembourgish_template_falls_back_in_luxembourgish(engine):
    store_id, _ = shop(engine, "first@home.example")
    with engine.begin() as connection:
        connection.exec_driver_sql("update loyalty.email_logs set language = 'lb'")
    plant(engine, store_id, "lb", **HOSTILE_PARTS["method call"])
    plant(engine, store_id, "fr")
    plant(engine, store_id, "en")
    with scripted_server() as server:
        send(engine, server)
    assert server.mails[0]["Subject"] == "Är 1.200 Punkte bei Café Kugel si verfall"
    assert server.mails[0]["Content-Language"] == "lb"
