"""Every mutant is in the catalogue for a reason: one example tells it from the right version."""

from __future__ import annotations

import pytest

from include.migrations import migrate
from tests.mutants.applying import MIGRATIONS, failure, mutated_copy, occurrences, pipeline_on
from tests.mutants.catalogue import EQUIVALENT, EXAMPLES, MUTANTS

STAGE_MUTANTS = [mutant for mutant in MUTANTS if mutant.stage != MIGRATIONS]
MIGRATION_MUTANTS = [mutant for mutant in MUTANTS if mutant.stage == MIGRATIONS]


def name_of(mutant):
    return mutant.name


@pytest.mark.parametrize("mutant", [*MUTANTS, *EQUIVALENT], ids=name_of)
def test_text_to_be_replaced_stands_once_in_the_present_sql(mutant):
    assert set(occurrences(mutant)) == {1}


def test_names_are_unique_and_the_catalogue_is_large_enough():
    names = [mutant.name for mutant in (*MUTANTS, *EQUIVALENT)]
    assert len(set(names)) == len(names)
    assert len(MUTANTS) >= 50


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.__name__)
def test_example_holds_on_the_true_sql(engine, example):
    if refutation := failure(example, engine):
        raise refutation


@pytest.mark.parametrize("mutant", STAGE_MUTANTS, ids=name_of)
def test_mutant_is_killed_by_its_example(engine, tmp_path, mutant):
    with pipeline_on(mutated_copy(mutant, tmp_path)):
        assert failure(mutant.example, engine) is not None


@pytest.mark.parametrize("mutant", MIGRATION_MUTANTS, ids=name_of)
def test_mutated_migration_is_killed_by_its_example(empty_database, tmp_path, mutant):
    with pipeline_on(mutated_copy(mutant, tmp_path)):
        migrate(empty_database)
        assert failure(mutant.example, empty_database) is not None
