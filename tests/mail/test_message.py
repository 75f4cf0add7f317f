from __future__ import annotations

import binascii
import email.policy
import re
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from include.errors import ConfigurationError
from include.mail.message import build_message, message_id, usable_address
from include.mail.rendering import Rendered

TEXT = "Moien Zoé,\n\n.a line with a dot\nFrom here on 1,250 Punkten = 🎉  \n"
HTML = "<p>Moien Zoé, 1.250 Punkten = 🎉</p>\n" + "é" * 3_000

HEADERS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "List-Unsubscribe",
    "Auto-Submitted",
    "Content-Language",
    "X-Loyalty-Template",
    "MIME-Version",
    "Content-Type",
}


def build(*, subject: str = "Är Punkten", text: str = TEXT, html: str = HTML, **more: Any) -> bytes:
    arguments: dict[str, Any] = {
        "rendered": Rendered(subject, text, html),
        "language": "lb",
        "template_code": "loyalty_points_expiring",
        "sender": "Boulangerie Schmit <bonus@schmit.lu>",
        "recipient": "zoe@example.lu",
        "message_id": "<abc@schmit.lu>",
        "date": datetime(2026, 11, 6, 2, 0, tzinfo=UTC),
        "unsubscribe": "mailto:stop@schmit.lu?subject=stop",
    }
    return build_message(**arguments | more)


def parse(raw: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=email.policy.SMTP).parsebytes(raw)


def content(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return part.get_content().replace("\r\n", "\n")


def test_the_parsed_mail_has_every_header_once_and_no_defects() -> None:
    message = parse(build())
    assert set(message.keys()) == HEADERS
    assert len(message.keys()) == len(HEADERS)
    assert [part.defects for part in message.walk()] == [[], [], []]
    assert message["From"] == "Boulangerie Schmit <bonus@schmit.lu>"
    assert message["To"] == "zoe@example.lu"
    assert message["Subject"] == "Är Punkten"
    assert message["Date"].datetime == datetime(2026, 11, 6, 2, 0, tzinfo=UTC)
    assert message["Message-ID"] == "<abc@schmit.lu>"
    assert message["List-Unsubscribe"] == "<mailto:stop@schmit.lu?subject=stop>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "lb"
    assert message["X-Loyalty-Template"] == "loyalty_points_expiring"


def test_text_comes_first_and_both_bodies_arrive_unchanged() -> None:
    message = parse(build())
    assert message.get_content_type() == "multipart/alternative"
    parts = [part.get_content_type() for part in message.iter_parts()]
    assert parts == ["text/plain", "text/html"]
    assert content(message, "plain") == TEXT
    assert content(message, "html") == HTML


@pytest.mark.parametrize("body", ["a\r\nb\rc\nd", "x" * 10_000, "--=_boundary--", " ", "=3D", "\t"])
def test_any_body_arrives_with_crlf_line_ends(body: str) -> None:
    raw = build(text=body, html=body)
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    expected = body.replace("\r\n", "\n").replace("\r", "\n")
    assert content(parse(raw), "plain") == content(parse(raw), "html") == expected


@settings(max_examples=200, deadline=None)
@given(
    body=st.text(st.sampled_from("a =.\t\r\n\x00é🎉") | st.characters(codec="utf-8"), max_size=300)
)
def test_a_body_taken_line_by_line_is_what_the_standard_library_writes(body: str) -> None:
    assume(body.strip())
    raw = build(text=body, html="x").split(b"quoted-printable\r\n\r\n")[1]
    whole = binascii.b2a_qp("\n".join(re.split("\r\n|\r|\n", body)).encode(), istext=True)
    assert raw.partition(b"\r\n--=_")[0] == whole.replace(b"\n", b"\r\n")


def test_lines_are_short_and_pure_ascii_whatever_the_names() -> None:
    raw = build(subject="é🎉" * 120, text="é" * 10_000, html="🎉" * 10_000)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 78


def test_the_same_mail_gives_the_same_bytes_and_another_does_not() -> None:
    assert build() == build()
    assert build() != build(text="other")
    moved = datetime(2026, 11, 6, 3, 0, tzinfo=timezone(timedelta(hours=1)))
    assert build() == build(date=moved)  # the same instant on another clock


@pytest.mark.parametrize(
    "subject",
    [
        "plain",
        "é",
        "x" * 250,
        "word " * 49,
        "👩‍👧 party",
        "=?utf-8?q?=0D=0ABcc:_a@x.lu?=",
        "a, b: <c>",
    ],
)
def test_any_one_line_subject_is_read_back_as_written(subject: str) -> None:
    message = parse(build(subject=subject.strip()))
    assert message["Subject"] == subject.strip()
    assert set(message.keys()) == HEADERS


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\0"])
def test_no_argument_can_add_a_header(end: str) -> None:
    attack = f"{end}Bcc: spy@evil.example"
    for name in ("recipient", "message_id", "language", "template_code"):
        with pytest.raises(ValueError, match=r"recipient|header"):
            build(**{name: "x@y.lu" + attack})
    with pytest.raises(ValueError, match="control character"):
        build(subject="x" + attack)
    for name, start in (("sender", "a@b.lu"), ("unsubscribe", "mailto:a@b.lu")):
        with pytest.raises(ConfigurationError):
            build(**{name: start + attack})
    with pytest.raises(ConfigurationError):
        build(sender=f"Shop{attack} <a@b.lu>")


@pytest.mark.parametrize(
    "sender",
    ["", "Shop", "Shop <>", "a@b.lu, c@d.lu", "Shop <a@b.lu>, <c@d.lu>", "<a@b.lu> x", "a b@c.lu"],
)
def test_a_sender_that_is_not_one_address_is_refused(sender: str) -> None:
    with pytest.raises(ConfigurationError):
        build(sender=sender)


@pytest.mark.parametrize(
    "unsubscribe", ["", "stop@x.lu", "http://x.lu", "https://x.lu>, <mailto:y"]
)
def test_an_unsubscribe_address_is_mailto_or_https(unsubscribe: str) -> None:
    with pytest.raises(ConfigurationError):
        build(unsubscribe=unsubscribe)


@pytest.mark.parametrize(
    "name", ["Café Zoé", "Müller, Söhne & Co.", "A. B, C\\D", "M" * 200, "=?utf-8?q?x?="]
)
def test_a_senders_name_is_read_back_as_written(name: str) -> None:
    (address,) = parse(build(sender=f"{name} <bonus@schmit.lu>"))["From"].addresses
    assert (address.display_name, address.addr_spec) == (name, "bonus@schmit.lu")


def test_the_embedded_inbox_may_send_from_localhost() -> None:
    assert parse(build(sender="loyalty@localhost"))["From"] == "loyalty@localhost"


def test_a_date_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        build(date=datetime(2026, 11, 6))


def test_a_refused_recipient_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="recipient") as caught:
        build(recipient="zoe@example.lu;spy@evil.example")
    assert "zoe" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("zoe@example.lu", "zoe@example.lu"),
        (" zoe@example.lu\t", "zoe@example.lu"),
        ("Zoe.O'Neill+tag@Mail.Example.LU", "Zoe.O'Neill+tag@Mail.Example.LU"),
        ("zoe@bäckerei.lu", "zoe@xn--bckerei-5wa.lu"),
        ("zoe@BÄCKEREI.lu", "zoe@xn--bckerei-5wa.lu"),
        ("zoe@straße.de", "zoe@xn--strae-oqa.de"),
        ("zoe@例え.jp", "zoe@xn--r8jz45g.jp"),
    ],
)
def test_one_plausible_address_is_usable(text: str, expected: str) -> None:
    assert usable_address(text) == expected
    assert usable_address(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "zoe",
        "zoe@",
        "@example.lu",
        "zoe@localhost",
        "zoe@127.0.0.1",
        "zoe@[127.0.0.1]",
        "a@x.lu;b@y.lu",
        "a@x;b@y",
        "a@x.lu,b@y.lu",
        "a@x.lu b@y.lu",
        "a@b@x.lu",
        "Zoé <zoe@example.lu>",
        "<zoe@example.lu>",
        '"zoe"@example.lu',
        "zoé@example.lu",
        "zoe@example.lu\n",
        "zoe@example.lu\r\nRCPT TO:<b@y.lu>",
        "zoe@exam\nple.lu",
        "zoe@bäcker\nei.lu",
        "zoe@example.lu\u2028",
        ".zoe@example.lu",
        "zo..e@example.lu",
        "zoe@example..lu",
        "zoe@-example.lu",
        "zoe@example.lu.",
        "zoe@" + "a" * 64 + ".lu",
        "z" * 65 + "@example.lu",
        "z@" + "a.lu" * 100,
        "z@" + "é" * 10_000 + ".lu",
        "z@" + "\u200d" + ".lu",
        "🎉@example.lu",
    ],
)
def test_anything_else_is_no_usable_address(text: str) -> None:
    assert usable_address(text) is None


def test_message_ids_follow_from_the_occurrence_alone_and_do_not_tell_it() -> None:
    first = message_id("warning:42:2026-01-01:14", "schmit.lu")
    assert first == message_id("warning:42:2026-01-01:14", "schmit.lu")
    assert first != message_id("warning:43:2026-01-01:14", "schmit.lu")
    assert "warning" not in first
    assert parse(build(message_id=first))["Message-ID"] == first


@pytest.mark.parametrize("domain", ["", "a b", "x>\r\nBcc: y", "x.lu\n", "é.lu"])
def test_a_message_id_needs_a_plain_domain(domain: str) -> None:
    with pytest.raises(ConfigurationError):
        message_id("key", domain)
