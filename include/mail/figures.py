"""What a sender tells of its mails when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# What a recorded batch counts, too.
_RECORDED = ("sent", "deferred", "failed", "suppressed", "ambiguous")


@dataclass
class SendFigures:
    """How many mails became what; `ambiguous` counts warnings that go out once more, too.

    `put_off` are mails on which a server hangs up that takes others, and the first of those that
    it refuses on our account while it takes none; they wait ten minutes.
    """

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    suppressed: int = 0
    superseded: int = 0
    ambiguous: int = 0
    put_off: int = 0

    def add(self, recorded: Mapping[str, Any]) -> None:
        """Add the counts of a batch, as `mails_<what>`."""
        for name in _RECORDED:
            setattr(self, name, getattr(self, name) + int(recorded[f"mails_{name}"]))

    def __str__(self) -> str:
        return ", ".join(f"{count} {name}" for name, count in asdict(self).items())
