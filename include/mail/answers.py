"""What became of a mail at a mail server, and the server's words without anybody's address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Outcome = Literal[
    "sent",
    "temporary",
    "permanent",
    "unwelcome",
    "suppressed",
    "unrenderable",
    "released",
    "ambiguous",
    "hung_up",
]

_ANSWER_CHARACTERS_MAX = 500
# Address and mailbox, unknown reasons, routing (RFC 3463). The others (5.1.7 and 5.1.8 our sender,
# 5.3 system, 5.5 protocol, 5.6 content, 5.7 policy) tell of the mail or of us: the next mail to the
# address may well arrive.
_ADDRESS_FAILS = re.compile(r"5\.(?:[024]\.\d{1,3}|1\.(?![78]$)\d{1,3})")
_STATUS = re.compile(r"(5\.\d{1,3}\.\d{1,3})(?!\S)")
_CODES = re.compile(r"\d{3}(?: \d\.\d{1,3}\.\d{1,3})?(?!\S)")
_ADDRESS = re.compile(r"[^\s<>\"'(),:;\[\]]*@[^\s<>\"'(),:;]+")


@dataclass(frozen=True)
class Answer:
    """What became of one mail; `text` is the server's answer without any address."""

    outcome: Outcome
    text: str | None = None


def fails_address(status: str) -> bool:
    """Tell whether an enhanced status code says that mails to this address fail for good."""
    return bool(_ADDRESS_FAILS.fullmatch(status))


def refusal(code: int, text: str, recipient: str) -> Answer:
    """Return what a 4xx or 5xx about a mail makes of it.

    A server that says it is not the address is `unwelcome`; without such a word it is the address.
    What that makes of the mail depends on how the server takes others (`sending.py`).
    """
    said = scrub(f"{code} {text}", recipient)
    if code < 500:
        return Answer("temporary", said)
    status = _STATUS.match(text)
    is_ours = status is not None and not fails_address(status[1])
    return Answer("unwelcome" if is_ours else "permanent", said)


def taken_for(answers: Mapping[int, Answer], outcome: Outcome) -> dict[int, Answer]:
    """Return the answers with another outcome in place of `unwelcome`."""
    return {
        mail_id: replace(answer, outcome=outcome) if answer.outcome == "unwelcome" else answer
        for mail_id, answer in answers.items()
    }


def codes(answer: str) -> str:
    """Return a server's answer without its words, which may name anybody; else the whole text."""
    found = _CODES.match(answer)
    return found[0] if found else answer


def scrub(text: str, recipient: str = "") -> str:
    """Return a server's answer on one line without the addresses and the name it quotes."""
    clean = " ".join(_ADDRESS.sub("<address>", text).split())
    local_part = recipient.partition("@")[0]
    if local_part:
        whole_word = rf"(?<!\w){re.escape(local_part)}(?!\w)"
        clean = re.sub(whole_word, "<address>", clean, flags=re.IGNORECASE)
    printable = "".join(letter if letter.isprintable() else " " for letter in clean)
    return printable[:_ANSWER_CHARACTERS_MAX]


def decoded(text: bytes | str) -> str:
    """Return a server's words as text."""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text
