from __future__ import annotations

from include.mail.templates import Template, TemplateBook

WARNING, EXPIRED = "loyalty_points_expiring", "loyalty_points_expired"


def made(language: str, store_id: int | None = None) -> Template:
    return Template(WARNING, language, "s", "h", "t", store_id)


BOOK = TemplateBook(made(lang, store) for lang in ("en", "fr", "lb") for store in (None, 7))


def test_candidates_are_the_stores_then_the_platforms_then_english() -> None:
    expected = [made("fr", 7), made("fr"), made("en", 7), made("en")]
    assert BOOK.candidates(WARNING, "fr", 7) == expected


def test_luxembourgish_tries_french_before_english() -> None:
    tried = [each.language for each in BOOK.candidates(WARNING, "lb", None)]
    assert tried == ["lb", "fr", "en"]


def test_another_stores_override_is_never_a_candidate() -> None:
    assert BOOK.candidates(WARNING, "en", 8) == [made("en")]


def test_english_is_not_tried_twice_and_an_unknown_language_falls_to_it() -> None:
    assert BOOK.candidates(WARNING, "en", 7) == [made("en", 7), made("en")]
    assert BOOK.candidates(WARNING, "pt", 7) == [made("en", 7), made("en")]


def test_a_code_nobody_wrote_has_no_candidate() -> None:
    assert BOOK.candidates(EXPIRED, "en", 7) == []
