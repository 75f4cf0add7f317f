"""Read stored mails; whatever a mail holds, reading it gives text and never an error."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path

HEAD_BYTES = 64 * 1024  # what a summary reads of a mail; its headers are well within
_VALUE_LETTERS = 10_000

_KEY = re.compile(r"(\d{1,10})\.M(\d{1,6})P\d+Q(\d{1,18})\.")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_HEADER = re.compile(rb"^([!-9;-~]+):(.*(?:\n[ \t].*)*)", re.MULTILINE)
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ENCODED_WORD = re.compile(r"=\?([\w.:-]{1,40})(?:\*[\w-]{0,20})?\?([bq])\?([^?]*)\?=", re.I)
_BETWEEN_ENCODED_WORDS = re.compile(r"(?<=\?=)\s+(?==\?)")
# A list, as some of Python's codecs (punycode, for one) would take hours for a large hostile mail.
_CHARSET = re.compile(
    r"us-ascii|ascii|utf-?8|utf-16(le|be)?|latin-?1|iso-8859-\d{1,2}|(windows-|cp)125\d|koi8-[ru]"
    r"|iso-2022-jp|shift_jis|euc-(jp|kr)|gb2312|gbk|gb18030|big5",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Mail:
    """One stored mail: texts decoded, `sent` the Date header where readable, `received` in UTC."""

    key: str
    received: datetime
    subject: str
    recipient: str
    sender: str
    sent: datetime | None
    language: str
    template: str
    text: str
    html: str | None
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str:
        """Return the first header of that name in any spelling of its case, or an empty text."""
        return _first(self.headers, name)


@dataclass(frozen=True)
class Summary:
    """What a list of mails shows of one."""

    key: str
    received: datetime
    subject: str
    recipient: str
    language: str
    template: str


def stored_files(maildir: Path) -> dict[str, str]:
    """Return the file of each mail by its Maildir key, read or unread."""
    return {
        entry.name.partition(":")[0]: entry.path
        for folder in ("new", "cur")
        for entry in os.scandir(maildir / folder)
        if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False)
    }


def arrival(file: str) -> tuple[datetime, int]:
    """Return when a mail was stored and its number in that process; sorts in order of arrival."""
    # The key tells microseconds; a file's time ticks every few milliseconds.
    if found := _KEY.match(os.path.basename(file)):
        seconds, micros, number = map(int, found.groups())
        return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros), number
    return datetime.fromtimestamp(os.stat(file).st_mtime, UTC), 0


def read_maildir(path: Path) -> list[Mail]:
    """Return the mails of a Maildir, the oldest first."""
    files = sorted(stored_files(path).items(), key=lambda item: arrival(item[1]))
    return [read_mail(key, file) for key, file in files]


def read_mail(key: str, file: str) -> Mail:
    """Return the mail that a file holds."""
    with open(file, "rb") as source:
        return parse_mail(source.read(), key=key, received=arrival(file)[0])


def read_summary(key: str, file: str) -> Summary:
    """Return what the list shows of the mail that a file holds; reads its beginning only."""
    with open(file, "rb") as source:
        headers = _headers(source.read(HEAD_BYTES))
    return Summary(
        key=key,
        received=arrival(file)[0],
        subject=_plain(_first(headers, "Subject")),
        recipient=_recipient(headers),
        language=_plain(_first(headers, "Content-Language")),
        template=_plain(_first(headers, "X-Loyalty-Template")),
    )


def parse_mail(raw: bytes, *, key: str, received: datetime) -> Mail:
    """Return the mail that `raw` is; a broken one shows its body as it came."""
    headers = _headers(raw)
    text, html = _bodies(raw)
    return Mail(
        key=key,
        received=received,
        subject=_plain(_first(headers, "Subject")),
        recipient=_recipient(headers),
        sender=_plain(_first(headers, "From") or _first(headers, "X-Envelope-From")),
        sent=_date(_first(headers, "Date")),
        language=_plain(_first(headers, "Content-Language")),
        template=_plain(_first(headers, "X-Loyalty-Template")),
        text=text,
        html=html,
        headers=tuple((name, _plain(value)) for name, value in headers),
    )


def _bodies(raw: bytes) -> tuple[str, str | None]:
    try:
        message = BytesParser().parsebytes(raw)
        text, html = _body(message, "text/plain"), _body(message, "text/html")
    except (RecursionError, ValueError, LookupError):
        text, html = None, None  # parts nested a thousand deep, or a nameless charset
    if text is None and html is None:
        text = _decoded(_HEAD_END.split(raw, maxsplit=1)[-1], None)
    return text or "", html


def _body(message: Message, kind: str) -> str | None:
    for part in message.walk():
        if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                return _decoded(payload, part.get_content_charset())
    return None


def _decoded(data: bytes, charset: str | None) -> str:
    known = charset if charset and _CHARSET.fullmatch(charset) else "utf-8"
    try:
        text = data.decode(known, "replace")
    except LookupError:
        text = data.decode("utf-8", "replace")
    return text.replace("\r\n", "\n")


def _headers(raw: bytes) -> list[tuple[str, str]]:
    # The parser of `email` takes three times as long, and a list may have to read 20,000 mails.
    found = _HEADER.findall(_HEAD_END.split(raw, maxsplit=1)[0])
    return [(name.decode("ascii"), value.decode("utf-8", "replace")) for name, value in found]


def _first(headers: Iterable[tuple[str, str]], name: str) -> str:
    return next((value for found, value in headers if found.lower() == name.lower()), "")


def _recipient(headers: list[tuple[str, str]]) -> str:
    # What the sender told the server counts, not what the mail says of itself.
    return _plain(_first(headers, "X-Envelope-To") or _first(headers, "To"))


def _plain(value: str) -> str:
    """Return a header's value as one line of text, its encoded words read."""
    text = _BETWEEN_ENCODED_WORDS.sub("", _FOLD.sub("", value[:_VALUE_LETTERS]))
    text = _ENCODED_WORD.sub(_encoded_word, text)
    return _CONTROLS.sub(" ", text).strip()


def _encoded_word(found: re.Match[str]) -> str:
    charset, coding, payload = found.groups()
    data = payload.encode("utf-8")
    if coding in "qQ":
        return _decoded(binascii.a2b_qp(data, header=True), charset)
    try:
        return _decoded(base64.b64decode(data + b"=="), charset)
    except binascii.Error:
        return found[0]


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value[:100])
        # A date of "-0000" comes without a time zone and means UTC.
        return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
