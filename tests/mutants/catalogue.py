"""All mutants, topic by topic, and those that are left out because nobody could tell."""

from __future__ import annotations

from tests.mutants.mutant import Equivalent, Example, Mutant
from tests.mutants.topics import booking, dates, deciding, locking, selecting, warning

TOPICS = (dates, selecting, deciding, booking, locking, warning)
MUTANTS: tuple[Mutant, ...] = tuple(mutant for topic in TOPICS for mutant in topic.MUTANTS)
EQUIVALENT: tuple[Equivalent, ...] = tuple(
    mutant for topic in TOPICS for mutant in getattr(topic, "EQUIVALENT", ())
)
# An example may tell several mutants from the right version.
EXAMPLES: tuple[Example, ...] = tuple(dict.fromkeys(mutant.example for mutant in MUTANTS))
