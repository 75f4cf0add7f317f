"""Reads delivery-status reports (RFC 3464): which mail failed for good, and at which address."""

from __future__ import annotations

import mailbox
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, message_from_string
from email.message import Message
from pathlib import Path

from include.errors import ConfigurationError
from include.mail.answers import fails_address
from include.mail.message import usable_address

REPORT_BYTES_MAX = 10 << 20
_MESSAGE_ID = re.compile(r"<[^<>\s]+@[^<>\s]+>")


@dataclass(frozen=True)
class Failure:
    """A mail that failed for good at an address; the address may be an alias of the envelope's."""

    message_id: str
    addresses: frozenset[str] = field(repr=False)


def read_reports(path: Path) -> Iterator[bytes]:
    """Yield the mails in a Maildir, an mbox file or a folder of files, one by one.

    Raises:
        ConfigurationError: there is no such folder or file.
    """
    if path.is_file():
        box = mailbox.mbox(path, create=False)
        for key in box.iterkeys():
            yield box.get_bytes(key)
    elif path.is_dir():
        folders = [path / name for name in ("new", "cur") if (path / name).is_dir()] or [path]
        for file in sorted(file for folder in folders for file in folder.iterdir()):
            if file.is_file() and file.stat().st_size <= REPORT_BYTES_MAX:
                yield file.read_bytes()
    else:
        raise ConfigurationError(
            f"{str(path)!r} is no Maildir, mbox file or folder of mails; name one as FOLDER=…"
        )


def failures_of(raw: bytes) -> list[Failure]:
    """Return what a mail reports as failed for good; nothing if it is no report, or unreadable."""
    try:
        return list(_failures(message_from_bytes(raw)))
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        # Anybody can send a mail to the address that reports come to.
        return []


def _failures(report: Message) -> Iterator[Failure]:
    is_report = report.get_content_type() == "multipart/report"
    # A report is no answer to anybody, so its envelope has no sender; a person's mail has one.
    if not is_report or str(report.get("Return-Path", "<>")).strip() != "<>":
        return
    # The report's own parts, not those of a mail inside it.
    parts = [part for part in report.get_payload() if isinstance(part, Message)]
    message_id = _original_id(parts)
    if message_id is None:
        return
    blocks = [
        block
        for part in parts
        if part.get_content_type() == "message/delivery-status"
        for block in part.get_payload()
    ]
    for block in blocks:
        if not isinstance(block, Message) or not _is_final(block):
            continue
        named = (block.get(name) for name in ("Original-Recipient", "Final-Recipient"))
        addresses = frozenset(
            address.lower()
            for text in named
            if text and (address := usable_address(str(text).partition(";")[2].strip(" \t<>")))
        )
        yield Failure(message_id, addresses)


def _is_final(block: Message) -> bool:
    action = str(block.get("Action", "")).strip().lower()
    status = str(block.get("Status", "")).split(maxsplit=1)
    return action == "failed" and bool(status) and fails_address(status[0])


def _original_id(parts: list[Message]) -> str | None:
    for part in parts:
        original = None
        if part.get_content_type() == "message/rfc822":
            original = part.get_payload(0)
        elif part.get_content_type() == "text/rfc822-headers":
            original = message_from_string(str(part.get_payload()))
        if isinstance(original, Message):
            found = _MESSAGE_ID.search(str(original.get("Message-ID", "")))
            return found[0] if found else None
    return None
