from __future__ import annotations

import smtplib
import stat
from pathlib import Path

import pytest

from include.errors import ConfigurationError
from include.inbox.reading import read_mail
from include.inbox.receiver import SIZE_LIMIT_BYTES, open_maildir
from tests.inbox.running import RunningInbox, mail


def test_message_is_stored_before_it_is_acknowledged(inbox: RunningInbox) -> None:
    with inbox.smtp() as client:
        client.ehlo()
        client.mail("shop@example.org")
        client.rcpt("reader@example.org")
        before = inbox.keys()
        code, _ = client.data(b"Subject: here\r\n\r\nbody\r\n")
        (key,) = inbox.keys() - before
    assert code == 250
    assert read_mail(key, str(inbox.maildir / "new" / key)).subject == "here"


def test_stored_copy_is_the_envelope_and_then_every_byte_received(inbox: RunningInbox) -> None:
    sent = b"Subject: dots\r\nTo: everyone@example.org\r\n\r\n.\r\n..two\r\n\xff\xe4\r\n"
    with inbox.smtp() as client:
        before = inbox.keys()
        client.sendmail("shop@example.org", ["a@example.org", "b@example.org"], sent)
        (key,) = inbox.keys() - before
    envelope = (
        b"X-Envelope-To: a@example.org, b@example.org\r\nX-Envelope-From: shop@example.org\r\n"
    )
    assert (inbox.maildir / "new" / key).read_bytes() == envelope + sent


def test_folder_and_files_are_private(inbox: RunningInbox) -> None:
    key = inbox.send(mail())
    folders = [inbox.maildir, *(inbox.maildir / name for name in ("new", "cur", "tmp"))]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
    assert stat.S_IMODE((inbox.maildir / "new" / key).stat().st_mode) == 0o600


def test_utf8_addresses_are_kept(inbox: RunningInbox) -> None:
    with inbox.smtp() as client:
        before = inbox.keys()
        client.send_message(mail(), "shop@example.org", ["jürgen@example.org"])
        (key,) = inbox.keys() - before
    stored = read_mail(key, str(inbox.maildir / "new" / key))
    assert stored.recipient == "jürgen@example.org"


def test_mail_that_begins_with_a_folded_line_leaves_the_recipient_alone(
    inbox: RunningInbox,
) -> None:
    key = inbox.send(b" , forged@example.org\r\nSubject: folded\r\n\r\nbody\r\n")
    stored = read_mail(key, str(inbox.maildir / "new" / key))
    assert (stored.recipient, stored.subject) == ("reader@example.org", "folded")


def test_too_large_a_mail_is_refused_and_nothing_is_stored(inbox: RunningInbox) -> None:
    before = inbox.keys()
    line = b"x" * 998 + b"\r\n"
    with inbox.smtp() as client:
        client.ehlo()
        client.mail("shop@example.org")  # without a size, so that only the data tells
        client.rcpt("reader@example.org")
        code, _ = client.data(line * (SIZE_LIMIT_BYTES // len(line) + 1))
    assert code == 552
    assert inbox.keys() == before


def test_mail_that_cannot_be_stored_is_deferred_and_the_next_one_goes(
    inbox: RunningInbox, tmp_path: Path
) -> None:
    before = inbox.keys()
    (inbox.maildir / "tmp").rename(tmp_path / "aside")
    try:
        with pytest.raises(smtplib.SMTPDataError, match="451"):
            inbox.send(mail())
        assert inbox.keys() == before
    finally:
        (tmp_path / "aside").rename(inbox.maildir / "tmp")
    assert inbox.send(mail()) in inbox.keys()


def test_folder_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    mode = tmp_path.stat().st_mode
    with pytest.raises(ConfigurationError, match="holds other files"):
        open_maildir(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]
    assert tmp_path.stat().st_mode == mode


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"letter\.txt cannot hold mails: File exists\."):
        open_maildir(tmp_path / "letter.txt")
    assert (tmp_path / "letter.txt").read_text() == "mine"
