"""All mutants, topic by topic, and those that are left out because nobody could tell."""

from __future__ import annotations

from tests.mutants.mutant import Equivalent, Example, Mutant
from tests.mutants.topics import (
    answering,
    booking,
    checking,
    claiming,
    dates,
    deciding,
    defining,
    files,
    holding,
    locking,
    reinstating,
    reporting,
    selecting,
    superseding,
    warning,
)

TOPICS = (
    dates,
    selecting,
    deciding,
    booking,
    locking,
    warning,
    claiming,
    superseding,
    answering,
    reporting,
    checking,
    files,
    holding,
    reinstating,
    defining,
)
MUTANTS: tuple[Mutant, ...] = tuple(mutant for topic in TOPICS for mutant in topic.MUTANTS)
EQUIVALENT: tuple[Equivalent, ...] = tuple(
    mutant for topic in TOPICS for mutant in getattr(topic, "EQUIVALENT", ())
)
# An example may tell several mutants from the right version.
EXAMPLES: tuple[Example, ...] = tuple(dict.fromkeys(mutant.example for mutant in MUTANTS))
