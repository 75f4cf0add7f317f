"""Rows as no shop should have them: none of them stops another card, and no mail goes astray."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from include.mail.sending import send_due
from include.reconcile import violations
from tests import factories
from tests.day import run_day
from tests.mail.scripted_server import ScriptedServer, scripted_server
from tests.rows import balance, execute, rows

AS_OF = "2026-07-02T02:00:00+00:00"
NEXT_DAY = "2026-07-03T02:00:00+00:00"
OVERDUE = "2025-06-01T12:00:00+00:00"  # + 365 days = 1 June 2026
SOON = "2025-07-10T12:00:00+00:00"  # + 365 days = 10 July 2026, 8 days ahead
LONG = "n" * 10_000
INTEGER_MIN, INTEGER_MAX = -(2**31), 2**31 - 1

PEOPLE: list[dict[str, Any]] = [
    {"first_name": None, "last_name": None},
    {"first_name": "", "last_name": ""},
    {"first_name": LONG, "last_name": LONG},
    {"first_name": "Zoë 😀👩‍👩‍👧 \u202e\ufffe"},
    {"first_name": "A\r\nBcc: evil@x.example\r\n\r\nboo \u2028 \x0b \x85"},
    {"first_name": "=cmd|' /C calc'!A1"},
    {"first_name": "{{ 7777 * 7 }} {% for %} <script>"},
    {"preferred_language": "tlh"},
    {"preferred_language": LONG},
    {"preferred_language": "lb_LU.UTF-8"},
]
NO_ADDRESSES = [
    None, "", "  ", "a@x;b@y", "a@x.example;b@y.example", "a@x.example,b@y.example",
    "a@x.example b@y.example", "a@x.example\nb@y.example", "a@x.example>\r\nRCPT TO:<b@y.example",
    "A <a@x.example>", "<a@x.example>", "a@@x.example", '"a b"@x.example', "a@localhost",
    "a@[127.0.0.1]", "é@x.example", f"{LONG}@x.example", f"a@{LONG}.example", "=cmd|'!A1", "😀",
]  # fmt: skip
SETTINGS: list[tuple[dict[str, Any], bool]] = [  # and whether the overdue card expires all the same
    ({"points_expiration_days": INTEGER_MAX}, False),
    ({"points_expiration_days": INTEGER_MIN}, False),
    ({"points_expiration_days": 36_500}, False),
    ({"min_notice_days": INTEGER_MIN}, True),
    ({"min_notice_days": INTEGER_MAX}, False),
    ({"warning_days": []}, True),
    ({"warning_days": [None]}, True),
    ({"warning_days": [-32_768, None, 32_767, 14]}, True),
    ({"warning_days": [[14, 7], [3, 1]]}, True),
    ({"time_zone": ""}, False),
    ({"time_zone": "Mars/Olympus"}, False),
    ({"time_zone": "'; drop table"}, False),
    ({"time_zone": LONG}, False),
    ({"name": LONG}, True),
    ({"name": "{{ 7777 * 7 }}\r\nBcc: evil@x.example"}, True),
]
LATER_SETTINGS: list[tuple[dict[str, Any], str]] = [  # and what becomes of a warning queued before
    ({"points_expiration_days": INTEGER_MIN}, "superseded"),
    ({"points_expiration_days": INTEGER_MAX}, "superseded"),
    ({"points_expiration_days": None}, "superseded"),
    ({"min_notice_days": INTEGER_MIN}, "sent"),
    ({"min_notice_days": INTEGER_MAX}, "sent"),
    ({"warning_days": [-32_768, None, 32_767]}, "sent"),
    ({"time_zone": "Mars/Olympus"}, "sent"),
]
FUTURE = ["infinity", "294276-12-31 23:59:59+00", "2026-12-31 00:00:00+00"]
NO_ACTIVITY = [
    "-infinity",
    "4714-11-24 00:00:00+00 BC",  # the first instant there is; no zone but UTC can show it
    "0001-01-01 00:00:00+00",
    "1970-01-01 00:00:00+00",
]
ZONES = ["UTC", "Pacific/Kiritimati", "America/New_York"]


@pytest.fixture
def post(at) -> Iterator[ScriptedServer]:
    at(AS_OF)
    with scripted_server() as server:
        yield server


@pytest.fixture
def plain_card(engine: Engine) -> int:
    """A card in order; its points are to expire and its mail is to go whatever else there is."""
    customer = factories.customer(engine, email="plain@x.example")
    return factories.card(engine, points=5, last_activity_at=OVERDUE, customer_id=customer)


def run_and_send(engine: Engine, post: ScriptedServer, *, as_of: str = AS_OF) -> None:
    run_day(engine, as_of)
    send_due(engine, post.as_mail_server(), named_ids=None)
    assert violations(engine, None) == []
    for mail in post.mails:
        assert [len(mail.get_all("To")), mail["Cc"], mail["Bcc"]] == [1, None, None]
        assert "54439" not in mail.as_string(), "a template in the data was carried out"


def statuses(engine: Engine, card_id: int) -> list[str]:
    statement = "select status from loyalty.email_logs where card_id = %(id)s order by id"
    return [row[0] for row in rows(engine, statement, id=card_id)]


def test_every_odd_customer_gets_exactly_one_mail(engine, post, plain_card) -> None:
    wanted = ["plain@x.example"]
    for number, person in enumerate(PEOPLE):
        customer = factories.customer(engine, email=f"odd{number}@x.example", **person)
        factories.card(engine, last_activity_at=OVERDUE, customer_id=customer)
        wanted.append(f"odd{number}@x.example")
    run_and_send(engine, post)
    assert post.recipients == wanted
    assert [mail["To"] for mail in post.mails] == wanted


def test_address_that_is_not_exactly_one_is_suppressed_alone(engine, post, plain_card) -> None:
    program = factories.program(engine)
    cards = {
        factories.card(
            engine,
            program,
            last_activity_at=OVERDUE,
            customer_id=factories.customer(engine, email=address),
        ): address
        for address in NO_ADDRESSES
    }
    run_and_send(engine, post)
    for card, address in cards.items():
        assert (balance(engine, card), statuses(engine, card)) == (0, ["suppressed"]), address
    assert statuses(engine, plain_card) == ["sent"]
    assert post.recipients == ["plain@x.example"]
    assert rows(engine, "select distinct recipient_email from loyalty.email_logs order by 1") == [
        ("plain@x.example",), (None,),
    ]  # fmt: skip


def test_address_in_another_script_is_one_recipient(engine, post) -> None:
    customer = factories.customer(engine, email=" reader@münchen.example ")
    factories.card(engine, last_activity_at=OVERDUE, customer_id=customer)
    run_and_send(engine, post)
    assert post.recipients == ["reader@xn--mnchen-3ya.example"]


def test_odd_card_number_stops_neither_the_card_nor_its_mail(engine, post, plain_card) -> None:
    cards = {
        factories.card(engine, last_activity_at=OVERDUE, card_number=number): number
        for number in ("", LONG, "1\r\n2", "=1+1", '"', "😀")
    }
    run_and_send(engine, post)
    for card, number in cards.items():
        assert (balance(engine, card), statuses(engine, card)) == (0, ["sent"]), number


@pytest.mark.parametrize(
    ("instants", "without_activity"), [(FUTURE, 0), (NO_ACTIVITY, 24)], ids=["future", "zero"]
)
def test_instant_outside_the_calendar_touches_no_card_and_stops_none(
    engine, post, instants: list[str], without_activity: int
) -> None:
    odd, plain = [], []
    for zone, notice in ((zone, notice) for zone in ZONES for notice in (0, 5)):
        program = factories.program(engine, time_zone=zone, min_notice_days=notice)
        plain.append(factories.card(engine, program, last_activity_at=SOON))
        for instant in instants:
            odd.append(factories.card(engine, program, points=7, last_activity_at=None))
            change = "update loyalty.loyalty_cards set last_activity_at = %(at)s where id = %(id)s"
            execute(engine, change, at=instant, id=odd[-1])
    run_and_send(engine, post)
    assert [(balance(engine, each), statuses(engine, each)) for each in odd] == [(7, [])] * len(odd)
    assert [statuses(engine, each) for each in plain] == [["sent"]] * len(plain)
    # Three zones, with and without notice, four instants: 24 cards count as without activity.
    statement = "select cards_without_activity from loyalty.expiration_runs"
    assert rows(engine, statement) == [(without_activity,)]


def test_odd_settings_stop_no_other_program(engine, post, plain_card) -> None:
    overdue = []
    for settings, _ in SETTINGS:
        program = factories.program(engine, **settings)
        overdue.append(factories.card(engine, program, points=5, last_activity_at=OVERDUE))
        factories.card(engine, program, points=5, last_activity_at=SOON)
    run_and_send(engine, post)
    for card, (settings, expires) in zip(overdue, SETTINGS, strict=True):
        assert balance(engine, card) == (0 if expires else 5), settings
    assert (balance(engine, plain_card), statuses(engine, plain_card)) == (0, ["sent"])


def test_settings_that_turn_odd_before_the_mails_go_stop_nobodys_mail(
    engine, post, plain_card, at
) -> None:
    programs = [factories.program(engine, min_notice_days=3) for _ in LATER_SETTINGS]
    cards = [factories.card(engine, program, last_activity_at=SOON) for program in programs]
    run_day(engine, AS_OF)
    for program, (settings, _) in zip(programs, LATER_SETTINGS, strict=True):
        ((name, value),) = settings.items()
        change = f"update loyalty.loyalty_programs set {name} = %(value)s where id = %(id)s"
        execute(engine, change, value=value, id=program)
    at(NEXT_DAY)
    run_and_send(engine, post, as_of=NEXT_DAY)
    for card, (settings, status) in zip(cards, LATER_SETTINGS, strict=True):
        assert statuses(engine, card) == [status], settings
    assert statuses(engine, plain_card) == ["sent"]
