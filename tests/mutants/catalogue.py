"""All mutants, topic by topic, and those that are left out because nobody could tell."""

from __future__ import annotations

from importlib import import_module

from tests.mutants.mutant import Equivalent, Example, Mutant

# In the order of a day: select, decide, book; warn; send; report and prove; what is special.
TOPICS = (
    "dates", "selecting", "noticing", "deciding", "promising", "booking", "locking", "warning",
    "queueing", "claiming", "dating", "superseding", "answering", "recovering", "running",
    "reporting", "checking", "proving", "files", "holding", "approving", "reinstating", "undoing",
    "defining", "guarding", "lifecycling",
)  # fmt: skip
_modules = [import_module(f"tests.mutants.topics.{topic}") for topic in TOPICS]

MUTANTS: tuple[Mutant, ...] = tuple(mutant for module in _modules for mutant in module.MUTANTS)
EQUIVALENT: tuple[Equivalent, ...] = tuple(
    mutant for module in _modules for mutant in getattr(module, "EQUIVALENT", ())
)
# An example may tell several mutants from the right version.
EXAMPLES: tuple[Example, ...] = tuple(dict.fromkeys(mutant.example for mutant in MUTANTS))
