"""What became of a mail at a mail server, and the server's words without anybody's address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Outcome = Literal[
    "sent",
    "temporary",
    "permanent",
    "suppressed",
    "unrenderable",
    "released",
    "ambiguous",
    "hung_up",
]

_ANSWER_CHARACTERS_MAX = 500
_ADDRESS = re.compile(r"[^\s<>\"'(),:;\[\]]*@[^\s<>\"'(),:;]+")


@dataclass(frozen=True)
class Answer:
    """What became of one mail; `text` is the server's answer without any address."""

    outcome: Outcome
    text: str | None = None


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
