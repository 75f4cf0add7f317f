"""Whose mail it is: sender, answers, signature; with the server's eyes."""

from __future__ import annotations

import re

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from include.mail.figures import SendFigures
from include.mail.sending import send_due
from include.mail.signing import Signature, sign
from tests.mail.rows import NOW, card, expired, mail_row, run
from tests.mail.scripted_server import scripted_server

SIGNATURE = Signature(
    "shop.example",
    "s1",
    generate_private_key(65537, 2048)
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode(),
)


@pytest.fixture(autouse=True)
def _clock(at):
    at(NOW)


def sent(engine, change="", **settings):
    mail_id = expired(engine, card(engine))
    if change:
        run(engine, change)
    with scripted_server() as server:
        figures = send_due(engine, server.as_mail_server(**settings), named_ids=None)
    assert figures == SendFigures(sent=1)
    assert server.recipients == [mail_row(engine, mail_id).recipient_email]
    assert len(server.mails[0].get_all("To")) == 1
    return server


def test_mail_is_in_the_merchants_name_from_our_address(engine):
    (mail,) = sent(engine).mails
    assert [(each.display_name, each.addr_spec) for each in mail["From"].addresses] == [
        ("Café Kugel", "points@shop.example")
    ]
    assert mail["Reply-To"] is None
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "en"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('B "the" <x@y.lu>, \\ Co', 'B "the" <x@y.lu>, \\ Co'),
        ("Line\r\nBcc: spy@evil.example", "Line Bcc: spy@evil.example"),
        ("M" * 300, "M" * 200),
        ("  ", "Points"),
        ("=?utf-8?q?x?=", "=?utf-8?q?x?="),
    ],
)
def test_merchants_name_can_be_anything_and_adds_no_header(engine, name, shown):
    mail_id = expired(engine, card(engine))
    run(engine, "update loyalty.merchants set name = :name", name=name)
    with scripted_server() as server:
        send_due(engine, server.as_mail_server(), named_ids=None)
    (address,) = server.mails[0]["From"].addresses
    assert (address.display_name, address.addr_spec) == (shown, "points@shop.example")
    assert server.mails[0]["Bcc"] is None
    assert mail_row(engine, mail_id).status == "sent"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("hello@kugel.example", "hello@kugel.example"),
        ("hello@müller.example", "hello@xn--mller-kva.example"),
        ("a@b.example, c@d.example", None),
        ("nobody", None),
        ("", None),
    ],
)
def test_answers_go_to_the_merchant_where_it_has_a_usable_address(engine, address, expected):
    change = f"update loyalty.merchants set reply_to_email = '{address}'"
    assert sent(engine, change).mails[0]["Reply-To"] == expected


def test_internationalised_domain_travels_as_punycode(engine):
    change = "update loyalty.customers set email = 'anna@bücher.example'"
    assert sent(engine, change).recipients == ["anna@xn--bcher-kva.example"]


def test_one_click_marks_the_mail_even_behind_other_parameters(engine, monkeypatch):
    monkeypatch.setenv("LOYALTY_UNSUBSCRIBE_URL", "https://shop.example/bye?a=1")
    (mail,) = sent(engine).mails
    assert re.fullmatch(
        r"<https://shop\.example/bye\?a=1&mail=[0-9a-f]{40}>", mail["List-Unsubscribe"]
    )


def test_configured_key_signs_what_travels(engine):
    server = sent(engine, signature=SIGNATURE)
    head, _, mail = server.payloads[0].partition(b"From:")
    assert sign(b"From:" + mail, SIGNATURE) == server.payloads[0]
    assert b"d=shop.example; s=s1;" in head
    assert b":list-unsubscribe:" in head


def test_without_a_key_nothing_is_signed(engine):
    assert sent(engine).mails[0]["DKIM-Signature"] is None
