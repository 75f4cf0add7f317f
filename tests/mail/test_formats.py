from __future__ import annotations

from datetime import date

import pytest

from include.mail.formats import SUPPORTED_LANGUAGES, format_date, format_points


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "20 November 2026"),
        ("fr", "20 novembre 2026"),
        ("de", "20. November 2026"),
        ("lb", "20. November 2026"),
    ],
)
def test_dates_are_written_in_the_readers_long_form(language: str, expected: str) -> None:
    assert format_date(date(2026, 11, 20), language) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [("fr", "1er mars 2027"), ("de", "1. März 2027"), ("lb", "1. Mäerz 2027")],
)
def test_only_french_says_first_for_the_first_of_a_month(language: str, expected: str) -> None:
    assert format_date(date(2027, 3, 1), language) == expected


def test_french_leaves_other_days_that_begin_with_a_one_alone() -> None:
    assert format_date(date(2027, 3, 11), "fr") == "11 mars 2027"


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "1,234,567"), ("fr", "1.234.567"), ("de", "1.234.567"), ("lb", "1.234.567")],
)
def test_points_are_grouped_as_the_reader_groups_them(language: str, expected: str) -> None:
    assert format_points(1_234_567, language) == expected


@pytest.mark.parametrize("language", SUPPORTED_LANGUAGES)
def test_points_of_the_whole_bigint_range_keep_every_digit(language: str) -> None:
    text = format_points(9_223_372_036_854_775_807, language)
    assert "".join(filter(str.isdigit, text)) == "9223372036854775807"


def test_an_unknown_language_reads_as_english_like_its_template() -> None:
    assert format_date(date(2026, 11, 20), "pt") == "20 November 2026"
    assert format_points(1_000, "pt") == "1,000"
