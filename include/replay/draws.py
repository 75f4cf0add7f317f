"""Choices that look random and are the same for ever, in any language: they come from SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Option = TypeVar("Option")


def draw(seed: int, purpose: str, numbers: Iterable[int]) -> NDArray[np.uint64]:
    """Return one number below 2^64 for each of `numbers`.

    It is the first eight bytes, most significant first, of the SHA-256 of the ASCII text
    `<seed>:<purpose>:<number>`. A library's random stream could change with its version.
    """
    digests = (
        hashlib.sha256(f"{seed}:{purpose}:{number}".encode()).digest()[:8] for number in numbers
    )
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)


def choose(
    options: tuple[Option, ...], *, seed: int, purpose: str, numbers: Iterable[int]
) -> list[Option]:
    """Return for each of `numbers` the option at its draw modulo the number of options."""
    drawn = draw(seed, purpose, numbers) % np.uint64(len(options))
    return [options[index] for index in drawn.tolist()]
