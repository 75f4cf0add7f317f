"""What one part of a soak tells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """What a part tried, and what it found: one line per violation, none if all is well."""

    name: str
    tried: int
    violations: tuple[str, ...]
