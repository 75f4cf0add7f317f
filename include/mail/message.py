"""Build a mail as bytes; the same mail always gives the same bytes, and no data makes a header."""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime, quote
from functools import lru_cache

import idna

from include.errors import ConfigurationError
from include.mail.rendering import Rendered

_LOCAL_PART = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_SENDER = re.compile(r'\s*"?(?P<name>[^"<>]{0,200}?)"?\s*<(?P<address>[^<>]*)>')
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9._-]+@[A-Za-z0-9.-]+>")
_UNSUBSCRIBE = re.compile(r"(?:https://|mailto:)[!-;=?-~]+")  # printable ASCII but < and >
_ONE_CLICK = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
_NAME_CHARACTERS_MAX = 200
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,100}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LINE_KEPT_MAX = 500
_WORD_BYTES_MAX = 39  # 52 letters in base64, a line of 73 behind the longest header name


def message_id(occurrence_key: str, domain: str) -> str:
    """Return the Message-ID of an occurrence: the same at every attempt, and telling nothing.

    Raises:
        ConfigurationError: `domain` is no plain domain name.
    """
    if not _DOMAIN.fullmatch(domain):
        raise ConfigurationError(f"{domain!r} is no domain; set a sender such as name@example.org.")
    return f"<{hashlib.sha256(occurrence_key.encode()).hexdigest()[:40]}@{domain}>"


def usable_address(text: str) -> str | None:
    """Return the one address that `text` is, ready for an envelope, or None.

    No lists, names, quotes or line breaks. A domain in another script becomes punycode; a local
    part in another script would need a server that speaks SMTPUTF8, so it is not usable.
    """
    address = _address(text.strip(" \t"))
    if address is None:
        return None
    _, *parents = address.rpartition("@")[2].split(".")
    return address if parents and not parents[-1].isdigit() else None  # no bare host, no 127.0.0.1


def build_message(
    *,
    rendered: Rendered,
    language: str,
    template_code: str,
    sender: str,
    recipient: str,
    message_id: str,
    date: datetime,
    unsubscribe: str,
    sender_name: str = "",
    reply_to: str | None = None,
) -> bytes:
    """Return the mail with CRLF line ends, ready for SMTP's DATA but for dot-stuffing.

    `sender` is an address or `Name <address>`, with another name if `sender_name` holds one;
    `recipient` and `reply_to` come from `usable_address`, `date` knows its time zone, `unsubscribe`
    is a mailto: or https: address. The latter is of this mail alone: a POST to it unsubscribes
    without a further question (RFC 8058).

    Raises:
        ConfigurationError: the sender or the unsubscribe address cannot stand in a header.
        ValueError: another argument cannot; a mistake of the caller, never quoted.
    """
    if usable_address(recipient) != recipient:
        raise ValueError("The recipient is not one usable address.")
    if not _UNSUBSCRIBE.fullmatch(unsubscribe):
        raise ConfigurationError("The unsubscribe address has to start with mailto: or https://.")
    boundary = _boundary(message_id)
    headers = {
        "From": _sender(sender, " ".join(_CONTROL.sub(" ", sender_name).split())),
        **_reply_to(reply_to),
        "To": recipient,
        "Subject": _encoded(rendered.subject),
        "Date": _date(date),
        "Message-ID": _matching(_MESSAGE_ID, message_id, "Message-ID"),
        "List-Unsubscribe": f"<{unsubscribe}>",
        **(_ONE_CLICK if unsubscribe.startswith("https:") else {}),
        "Auto-Submitted": "auto-generated",
        "Content-Language": _matching(_TOKEN, language, "language"),
        "X-Loyalty-Template": _matching(_TOKEN, template_code, "template code"),
        "MIME-Version": "1.0",
        "Content-Type": f'multipart/alternative; boundary="{boundary}"',
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")
    return head + b"\r\n" + _alternatives(boundary.encode("ascii"), rendered)


def _alternatives(boundary: bytes, rendered: Rendered) -> bytes:
    parts = [
        b"--%b\r\nContent-Type: text/%b; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n%b\r\n"
        % (boundary, kind, _quoted(body))
        for kind, body in ((b"plain", rendered.text), (b"html", rendered.html))
    ]
    return b"".join(parts) + b"--%b--\r\n" % boundary


def _quoted(body: str) -> bytes:
    # Line by line: most lines are the template's own, the same in mail after mail.
    lines = body.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return b"\r\n".join(
        _quoted_line(line) if len(line) <= _LINE_KEPT_MAX else _quoted_anew(line) for line in lines
    )


def _quoted_anew(line: str) -> bytes:
    # Quoted-printable keeps every line below 77 letters, as SMTP allows 998, by soft breaks.
    return binascii.b2a_qp(line.encode(), istext=True).replace(b"\n", b"\r\n")


_quoted_line = lru_cache(maxsize=4096)(_quoted_anew)


def _boundary(message_id: str) -> str:
    # Quoted-printable never writes "=_", so no body can hold the boundary.
    return f"=_{hashlib.sha256(message_id.encode()).hexdigest()[:24]}"


def _date(date: datetime) -> str:
    if date.tzinfo is None:
        raise ValueError("The date lacks its time zone.")
    return format_datetime(date.astimezone(UTC))


def _matching(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"The {what} cannot stand in a header.")
    return text


def _encoded(text: str) -> str:
    """Return a header's words, folded; text that is or looks encoded is encoded in full."""
    if _CONTROL.search(text):
        raise ValueError("A header's text holds a control character.")
    if text.isascii() and len(text) <= 60 and "=?" not in text:
        return text
    return "\r\n ".join(_encoded_words(text))


def _encoded_words(text: str) -> Iterator[str]:
    # The standard library's Header does the same ten times slower. No letter is cut in two.
    word = b""
    for letter in map(str.encode, text):
        if len(word) + len(letter) > _WORD_BYTES_MAX:
            yield f"=?utf-8?b?{b64encode(word).decode()}?="
            word = b""
        word += letter
    yield f"=?utf-8?b?{b64encode(word).decode()}?="


def _reply_to(address: str | None) -> dict[str, str]:
    if address is None:
        return {}
    if usable_address(address) != address:
        raise ValueError("Reply-To is not one usable address.")
    return {"Reply-To": address}


@lru_cache(maxsize=256)
def _sender(sender: str, other_name: str) -> str:
    named = _SENDER.fullmatch(sender)
    name = other_name[:_NAME_CHARACTERS_MAX] or (named["name"] if named else "")
    address = _address((named["address"] if named else sender).strip())
    if address is None or _CONTROL.search(sender):
        raise ConfigurationError("The sender is no address; set name@example.org, or Name <it>.")
    if not name:
        return address
    if name.isascii() and "=?" not in name:
        return f'"{quote(name)}" <{address}>'
    return f"{_encoded(name)} <{address}>"


def _address(text: str) -> str | None:
    local, _, domain = text.partition("@")
    ascii_domain = _ascii_domain(domain)
    if ascii_domain is None or not _LOCAL_PART.fullmatch(local) or len(local) > 64:
        return None
    return f"{local}@{ascii_domain}"


def _ascii_domain(domain: str) -> str | None:
    if not domain.isascii() and len(domain) <= 253:
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError:
            return None
    return domain if len(domain) <= 253 and _DOMAIN.fullmatch(domain) else None
