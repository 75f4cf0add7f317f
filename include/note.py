"""What operators are told. Imported wherever a DAG is read, so it imports nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """A subject, and sentences that say what happened and what to do; no customer's data."""

    subject: str
    sentences: tuple[str, ...]
