from __future__ import annotations

from datetime import UTC, datetime
from email.header import Header
from pathlib import Path

import pytest

from include.inbox.index import Index
from include.inbox.reading import Mail, parse_mail, read_maildir
from include.inbox.receiver import open_maildir
from tests.inbox.running import mail

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def parsed(raw: bytes) -> Mail:
    return parse_mail(raw, key="1", received=NOON)


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("en", "Your 240 points: use them by 30 November"),
        ("de", "Ihre Punkte verfallen übermorgen: Grüße aus Köln"),
        ("fr", "Vos points expirent bientôt à Évreux, cœur de l'été"),
        ("lb", "Är Punkten verfalen, mir géife Iech gär gesinn"),
    ],
)
def test_subject_and_parts_read_as_written(language: str, subject: str) -> None:
    message = mail(subject=subject, html=f"<p>{subject}</p>", Content_Language=language)
    read = parsed(message.as_bytes())
    assert (read.subject, read.language, read.html) == (subject, language, f"<p>{subject}</p>\n")
    assert read.text == "Come and see us.\n"


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-8"])
def test_subject_folded_over_several_encoded_words_reads_as_one(charset: str) -> None:
    subject = "Grüße " * 40 + "Ende"
    encoded = Header(subject, charset, header_name="Subject").encode(linesep="\r\n")
    assert parsed(f"Subject: {encoded}\r\n\r\n".encode("ascii")).subject == subject


def test_text_in_latin_1_reads_as_written() -> None:
    raw = b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe\r\n"
    assert parsed(raw).text == "Grüße\n"


def test_envelope_recipient_counts_before_the_to_header() -> None:
    raw = b"X-Envelope-To: real@example.org\r\nTo: shown@example.org\r\n\r\n"
    assert parsed(raw).recipient == "real@example.org"


def test_dates_are_read_into_utc_and_unreadable_ones_are_none() -> None:
    sent = parsed(b"Date: Fri, 20 Nov 2026 03:00:00 +0100\r\n\r\n").sent
    assert sent == datetime(2026, 11, 20, 2, tzinfo=UTC)
    assert parsed(b"Date: Fri, 99 Nov 99999 99:99:99 +99999999\r\n\r\n").sent is None


def test_headers_are_found_in_any_case_and_kept_in_order() -> None:
    read = parsed(b"List-Unsubscribe: <mailto:a@example.org>\r\nX: 1\r\nX: 2\r\n\r\n")
    assert read.header("LIST-UNSUBSCRIBE") == "<mailto:a@example.org>"
    assert [value for name, value in read.headers if name == "X"] == ["1", "2"]


BROKEN = {
    "nothing": b"",
    "no header": b"just a line",
    "binary": bytes(range(256)) * 20,
    "no boundary": b"Content-Type: multipart/mixed\r\n\r\nbody",
    "boundary in no charset": b"Content-Type: multipart/mixed; boundary*=a\x00b'e'%FF\r\n\r\nbody",
    "unknown charset": b"Content-Type: text/plain; charset=klingon\r\n\r\nbody",
    "broken base64": b"Subject: =?utf-8?b?a?=\r\nContent-Transfer-Encoding: base64\r\n\r\n\xff",
    "broken uuencode": b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 f\r\n\xff\r\nend",
    "nested too deep": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth)
        for depth in range(2_000)
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_mail_reads_as_text_without_an_error(name: str) -> None:
    read = parsed(b"X-Loyalty-Template: any\r\n" + BROKEN[name])
    assert read.template == "any"
    everything = [read.subject, read.text, read.html or "", *sum(read.headers, ())]
    assert "".join(everything).encode("utf-8")


def test_codec_that_is_no_charset_of_mails_is_not_run() -> None:
    assert parsed(b"Content-Type: text/plain; charset=punycode\r\n\r\na-99").text == "a-99"


def test_broken_multipart_shows_its_body_as_it_came() -> None:
    assert parsed(BROKEN["no boundary"]).text == "body"


def test_maildir_reads_in_order_of_arrival(tmp_path: Path) -> None:
    open_maildir(tmp_path / "mails")
    for name, subject in (("100.M5P1Q2.a", "b"), ("100.M5P1Q1.a", "a"), ("100.M10P1Q0.a", "c")):
        (tmp_path / "mails/new" / name).write_bytes(f"Subject: {subject}\r\n\r\n".encode())
    assert [read.subject for read in read_maildir(tmp_path / "mails")] == ["a", "b", "c"]


def test_index_opens_a_mail_once_and_follows_what_comes_and_goes(tmp_path: Path) -> None:
    maildir = open_maildir(tmp_path / "mails")
    index = Index(tmp_path / "mails")
    first = maildir.add(b"Subject: first\r\n\r\n")
    assert [summary.subject for summary in index.newest_first()] == ["first"]
    (tmp_path / "mails/new" / first).write_bytes(b"Subject: changed\r\n\r\n")
    maildir.add(b"Subject: second\r\n\r\n")
    assert [summary.subject for summary in index.newest_first()] == ["second", "first"]
    maildir.remove(first)
    assert [summary.subject for summary in index.newest_first()] == ["second"]
    assert index.file(first) is None
    assert index.file("../../etc/passwd") is None
