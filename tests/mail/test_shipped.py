from __future__ import annotations

import re
from html import unescape

import jinja2
import pytest
from jinja2 import meta

from include.mail.formats import SUPPORTED_LANGUAGES
from include.mail.rendering import Rendered, Renderer
from include.mail.samples import SAMPLES, sample
from include.mail.shipped import shipped_templates, spare_templates
from include.mail.templates import DECLARED_VARIABLES, Template

ENROLLED, BONUS = "loyalty_enrollment", "loyalty_welcome_bonus"
REWARD = "loyalty_reward_ready"
WARNING, EXPIRED = "loyalty_points_expiring", "loyalty_points_expired"
SHIPPED = [*shipped_templates().values(), *spare_templates()]
BY_KEY = {(each.code, each.language): each for each in SHIPPED}
RENDERER = Renderer()

every_template = pytest.mark.parametrize(
    "template", SHIPPED, ids=lambda each: f"{each.code}-{each.language}"
)


def variables(**overrides: str | int) -> dict[str, str | int]:
    return {
        "customer_first_name": "Zoé",
        "program_name": "Boulangerie Bonus",
        "merchant_name": "Boulangerie Schmit",
        "store_name": "Kirchberg",
        "card_number": "LU-0042-1187",
        "points": "1,250",
        "points_count": 1250,
        "expiration_date": "30 September 2026",
        "days_remaining": 14,
        "inactivity_days": 365,
        "stamps": 10,
        "stamps_target": 10,
    } | overrides


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def words_of_html(html: str) -> list[str]:
    body = html.partition("<body")[2].partition(">")[2]
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    # What a list of mails shows behind the subject, and the open mail does not.
    body, found = re.subn(r'<div class="preheader".*?</div>', "", body)
    assert found == 1
    return words(unescape(re.sub(r"<[^>]*>", " ", body)))


def names_in(source: str) -> set[str]:
    return meta.find_undeclared_variables(jinja2.Environment(autoescape=True).parse(source))


def mail(code: str, language: str, **overrides: str | int) -> Rendered:
    return RENDERER.render(BY_KEY[code, language], variables(**overrides))


def test_five_events_are_shipped_in_four_languages() -> None:
    codes = {ENROLLED, BONUS, WARNING, EXPIRED, REWARD}
    assert set(shipped_templates()) == {
        (code, lang) for code in codes for lang in SUPPORTED_LANGUAGES
    }
    assert len(shipped_templates()) == 20


@every_template
def test_text_and_html_each_ask_for_exactly_the_declared_variables(template: Template) -> None:
    declared = set(DECLARED_VARIABLES[template.code])
    assert names_in(template.body_html) == declared
    assert names_in(template.body_text) == declared
    assert names_in(template.subject) <= declared


@every_template
@pytest.mark.parametrize("count", [1, 1250])
@pytest.mark.parametrize("days", [0, 1, 14])
@pytest.mark.parametrize("empty", ["", "customer_first_name", "store_name", "card_number"])
def test_text_and_html_say_the_same(template: Template, count: int, days: int, empty: str) -> None:
    given = variables(
        points_count=count, points=f"{count:,}", days_remaining=days, inactivity_days=days or 365
    )
    rendered = RENDERER.render(template, given | ({empty: ""} if empty else {}))
    assert words(rendered.text) == words_of_html(rendered.html)


@every_template
@pytest.mark.parametrize("values", SAMPLES)
def test_longest_and_emptiest_values_stand_whole_in_text_and_html(
    template: Template, values: str
) -> None:
    given = sample(values, template.code, template.language)
    rendered = RENDERER.render(template, given)
    assert words(rendered.text) == words_of_html(rendered.html)
    shown = unescape(re.sub(r"<[^>]*>", "", rendered.html.partition("<body")[2]))
    for name in DECLARED_VARIABLES[template.code]:
        if name not in ("points_count", "days_remaining"):  # chosen by; said as a word
            assert str(given[name]) in rendered.text, name
            assert str(given[name]) in shown, name
    assert 0 < len(rendered.subject) <= 250


@every_template
def test_the_page_names_its_language_and_fetches_nothing(template: Template) -> None:
    assert f'<html lang="{template.language}"' in template.body_html
    assert not re.search(r"https?:|<img|<link|<script|url\(|@import", template.body_html)


@every_template
def test_all_languages_share_one_layout(template: Template) -> None:
    english = BY_KEY[template.code, "en"]
    tags, expected = (
        [tag for tag in re.findall(r"<[^>]+>", each.body_html) if not tag.startswith("<html")]
        for each in (template, english)
    )
    assert tags == expected


@every_template
def test_greeting_without_a_name_has_no_gap(template: Template) -> None:
    text = mail(template.code, template.language, customer_first_name="").text
    assert not re.search(r" ,|  ", text)
    assert re.search(r"^(Hello|Bonjour|Guten Tag|Moien),$", text, re.MULTILINE)


@every_template
def test_without_a_store_its_label_goes_too(template: Template) -> None:
    label = {"en": "Store", "fr": "Magasin"}.get(template.language, "Geschäft")
    assert label in mail(template.code, template.language).text
    assert label not in mail(template.code, template.language, store_name="").text


@pytest.mark.parametrize(
    ("language", "today", "tomorrow", "later"),
    [
        ("en", "That is today.", "That is tomorrow.", "You have 14 days left."),
        ("fr", "C\u2019est aujourd\u2019hui.", "C\u2019est demain.", "Il vous reste 14 jours."),
        ("de", "Das ist heute.", "Das ist morgen.", "Ihnen bleiben noch 14 Tage."),
        ("lb", "Dat ass haut.", "Dat ass muer.", "Dir hutt nach 14 Deeg Zäit."),
    ],
)
def test_a_warning_counts_the_days_as_people_do(
    language: str, today: str, tomorrow: str, later: str
) -> None:
    sentences = [today, tomorrow, later]
    for days, expected in zip((0, 1, 14), sentences, strict=True):
        text = mail(WARNING, language, days_remaining=days).text
        assert [sentence for sentence in sentences if sentence in text] == [expected]


@pytest.mark.parametrize(
    ("language", "one", "many"),
    [
        ("en", "1 point on", "2 points on"),
        ("fr", "1 point de votre carte", "2 points de votre carte"),
        ("de", "ist 1 Punkt nach", "sind 2 Punkte nach"),
        ("lb", "ass leider 1 Punkt verfall", "si leider 2 Punkte verfall"),
    ],
)
def test_one_point_is_singular(language: str, one: str, many: str) -> None:
    assert one in mail(EXPIRED, language, points="1", points_count=1).text
    assert many in mail(EXPIRED, language, points="2", points_count=2).text


@pytest.mark.parametrize(
    ("language", "one", "many"),
    [
        ("en", "1 day without", "365 days without"),
        ("fr", "1 jour sans", "365 jours sans"),
        ("de", "1 Tag ohne", "365 Tagen ohne"),
        ("lb", "1 Dag ouni", "365 Deeg ouni"),
    ],
)
def test_one_day_of_inactivity_is_singular(language: str, one: str, many: str) -> None:
    assert one in mail(EXPIRED, language, inactivity_days=1).text
    assert many in mail(EXPIRED, language, inactivity_days=365).text


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "Your 1,250 points at Boulangerie Schmit: use them by 30 September 2026"),
        ("fr", "Vos 1,250 points chez Boulangerie Schmit\u00a0: à utiliser jusqu\u2019au 30 Sept"),
        ("de", "Ihre 1,250 Punkte bei Boulangerie Schmit: einlösbar bis 30 September 2026"),
        ("lb", "Är 1,250 Punkte bei Boulangerie Schmit: valabel bis a mat dem 30 September"),
    ],
)
def test_a_warnings_subject_says_what_where_and_until_when(language: str, expected: str) -> None:
    assert mail(WARNING, language).subject.startswith(expected)


@pytest.mark.parametrize(
    ("language", "today", "tomorrow"),
    [
        ("en", ": today, 30 ", ": use them by tomorrow, 30 "),
        ("fr", ": dernier jour aujourd\u2019hui, 30 ", ": à utiliser jusqu\u2019à demain, 30 "),
        ("de", ": heute, 30 ", ": einlösbar bis morgen, 30 "),
        ("lb", ": haut, 30 ", ": valabel bis muer, 30 "),
    ],
)
def test_a_warnings_subject_says_today_and_tomorrow(
    language: str, today: str, tomorrow: str
) -> None:
    assert today in mail(WARNING, language, days_remaining=0).subject
    assert tomorrow in mail(WARNING, language, days_remaining=1).subject


@pytest.mark.parametrize("language", SUPPORTED_LANGUAGES)
@pytest.mark.parametrize("days", [0, 1, 2, 90])
def test_a_warnings_subject_always_names_the_date(language: str, days: int) -> None:
    assert "30 September 2026" in mail(WARNING, language, days_remaining=days).subject


@pytest.mark.parametrize(
    ("language", "one", "many"),
    [
        ("en", "1 point to your", "1,250 points to your"),
        ("fr", "de 1 point.", "de 1.250 points."),
        ("de", "1 Punkt gutgeschrieben", "1.250 Punkte gutgeschrieben"),
        ("lb", "1 Punkt op Ärer", "1.250 Punkten op Ärer"),
    ],
)
def test_one_welcome_point_is_singular(language: str, one: str, many: str) -> None:
    for values, expected in (("one", one), ("ordinary", many)):
        given = sample(values, BONUS, language)
        assert expected in RENDERER.render(BY_KEY[BONUS, language], given).text


@pytest.mark.parametrize(
    ("language", "one", "many"),
    [
        ("en", "1 stamp on", "10 stamps on"),
        ("fr", "1 tampon sur", "10 tampons sur"),
        ("de", "1 Stempel gesammelt", "10 Stempel gesammelt"),
        ("lb", "1 Stempel gesammelt", "10 Stempele gesammelt"),
    ],
)
def test_one_stamp_is_singular(language: str, one: str, many: str) -> None:
    assert one in mail(REWARD, language, stamps=1).text
    assert many in mail(REWARD, language, stamps=10).text


@every_template
def test_a_list_of_mails_shows_the_facts_behind_the_subject(template: Template) -> None:
    rendered = RENDERER.render(template, variables())
    (shown,) = re.findall(
        r'<div class="preheader" style="display: none;.*?>(.*?)</div>', rendered.html
    )
    for fact in unescape(shown).split(" · "):
        assert re.search(rf"^{re.escape(fact)}$", rendered.text, re.MULTILINE)


@pytest.mark.parametrize("code", DECLARED_VARIABLES)
@pytest.mark.parametrize("values", ["one", "ordinary"])
def test_luxembourgish_keeps_the_n_rule(code: str, values: str) -> None:
    rendered = RENDERER.render(BY_KEY[code, "lb"], sample(values, code, "lb"))
    for text in (rendered.subject, rendered.text):
        # A final n stands before vowels, d, t, z, h and n, before a figure, and where one pauses.
        assert not re.search(r"n [bcfgjklmpqrsvwx]", text, re.IGNORECASE)


@pytest.mark.parametrize("code", DECLARED_VARIABLES)
def test_french_puts_no_break_spaces_where_french_does(code: str) -> None:
    template = BY_KEY[code, "fr"]
    for source in (template.subject, template.body_text):
        assert not re.search(r" [:!?»]|« |\w[!?»]|\w:(?!\w)", source)
