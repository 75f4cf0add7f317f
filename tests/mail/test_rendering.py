from __future__ import annotations

import time
import tracemalloc

import pytest
from markupsafe import Markup

from include.errors import TemplateError
from include.mail.rendering import RENDERED_CHARACTERS_MAX, Renderer
from include.mail.samples import sample
from include.mail.shipped import shipped_templates
from include.mail.templates import NAME_VARIABLES, Template

SECRET = "Zoé-the-customer"  # a planted name, not a password


def template(
    subject: str = "Hello",
    body_html: str = "<p>{{ name }}</p>",
    body_text: str = "{{ name }}",
    store_id: int | None = 7,
) -> Template:
    return Template("loyalty_points_expired", "fr", subject, body_html, body_text, store_id)


PLATFORMS = template(subject="The platform's", store_id=None)


@pytest.fixture
def renderer() -> Renderer:
    return Renderer()


def refusal(renderer: Renderer, broken: Template, **variables: str | int) -> str:
    with pytest.raises(TemplateError) as caught:
        renderer.render(broken, {"name": SECRET, "count": 3, **variables})
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__
    return str(caught.value)


def test_html_is_escaped_and_text_and_subject_are_not(renderer: Renderer) -> None:
    rendered = renderer.render(template(subject="{{ name }}"), {"name": "<b>M&M's</b>"})
    assert rendered.html == "<p>&lt;b&gt;M&amp;M&#39;s&lt;/b&gt;</p>"
    assert rendered.text == rendered.subject == "<b>M&M's</b>"


@pytest.mark.parametrize(
    "source",
    [
        "{{ name.__class__ }}",
        "{{ name.__class__.__mro__[1].__subclasses__() }}",
        "{{ name['upper'] }}",
        "{{ name|attr('upper') }}",
        "{{ name.upper() }}",
        "{{ name.upper }}",
        "{{ self }}",
        "{{ self._TemplateReference__context }}",
        "{{ 'a' * 10**9 }}",
        "{{ name ~ name }}",
        "{{ '%1000000000d' % count }}",
        "{{ name|center(10**9) }}",
        "{{ name|replace('a', 'aaaaaaaa') }}",
        "{{ name|safe }}",
        "{{ [name] }}",
        "{{ range(10**9) }}",
        "{% for letter in name %}{{ letter }}{% endfor %}",
        "{% set name = 'x' %}{{ name }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% autoescape false %}{{ name }}{% endautoescape %}",
        "{% include 'other' %}",
        "{% extends 'other' %}",
        "{% import 'other' as other %}",
        "{% raw %}",
        "{% if name",
        "{{ cycler }}",
        "{{ lipsum }}",
        "{{ unheard_of }}",
        "{{ name < count }}",
        "{{ name|upper(1, 2) }}",
        '{{ "\\ud800" }}',
        " \n ",
    ],
)
@pytest.mark.parametrize("part", ["subject", "body_html", "body_text"])
def test_hostile_and_broken_templates_are_refused(
    renderer: Renderer, part: str, source: str
) -> None:
    sentence = refusal(renderer, template(**{part: source}))
    assert sentence.startswith("Store 7's template loyalty_points_expired (fr) cannot be used: ")
    assert part in sentence


@pytest.mark.parametrize(
    "source",
    [
        "{{ name" + "|e" * 49_000 + " }}",
        "{{ 1" + " and 1" * 16_000 + " }}",
        "{{ " + "(" * 40_000 + "1" + ")" * 40_000 + " }}",
        "{{ " + "not " * 20_000 + "1 }}",
        "{{ " + "9" * 90_000 + " }}",
        "{% if 1 %}" * 200 + "x" + "{% endif %}" * 200,
        "{% if 1 %}" * 9_000,
        "{{ name }}" * 501,
        "x" * 100_001,
        "{#" * 40_000,
        "{{ '" + "<" * 90_000 + "'" + "|e|title" * 200 + " }}",
        "{% if name" + " == name" * 11_000 + " %}x{% endif %}",
        "{{ name" + "|default(name" * 9 + ")" * 9 + " }}",
    ],
    ids=lambda source: source[:14],
)
def test_templates_made_to_exhaust_the_sender_are_refused_soon(
    renderer: Renderer, source: str
) -> None:
    started = time.monotonic()
    refusal(renderer, template(body_html=source))
    assert time.monotonic() - started < 5  # a tenth of that on an idle machine


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("{{ 'a' * 10**9 }}", "print variables and choose with 'if', nothing else (mul found)"),
        ("\n{{ name.upper() }}", "line 2: mail templates print variables"),
        ("{{ name" + "|e" * 9 + " }}", "more than 8 filters in one place"),
        ("{{ name" + " and name" * 2_000 + " }}", "more than 8,000 words and signs in its tags"),
        ("{% if name", "unexpected end of template"),
        ("{{ unheard_of }}", "'unheard_of' is undefined"),
    ],
)
def test_the_sentence_says_why(renderer: Renderer, source: str, cause: str) -> None:
    assert cause in refusal(renderer, template(body_text=source))


def test_eight_filters_in_one_place_are_let_in(renderer: Renderer) -> None:
    chained = template(body_text="{{ name" + "|e|title" * 4 + " }}")
    assert renderer.render(chained, {"name": "zoé"}).text == "Zoé"


def test_a_mail_that_grows_without_end_is_refused(renderer: Renderer) -> None:
    growing = template(body_html="{{ name }}" * 300)
    sentence = refusal(renderer, growing, name="x" * 10_000)  # 300 * 10,000 letters
    assert f"{RENDERED_CHARACTERS_MAX:,}" in sentence


def test_it_is_refused_before_it_fills_the_memory(renderer: Renderer) -> None:
    growing = template(body_text="{{ name }}" * 500)
    tracemalloc.start()
    refusal(renderer, growing, name="x" * 100_000)  # 500 * 100,000 = 50 MB in full
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 15_000_000


def test_a_broken_template_is_compiled_once(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal(renderer, template(body_html="{% if"))
    monkeypatch.setattr(Renderer, "_part", None)  # would fail if called
    assert "body_html" in refusal(renderer, template(body_html="{% if"))


@pytest.mark.parametrize(
    "hostile",
    ["Zoé\r\nBcc: x@y.lu", "Zoé\nBcc: x@y.lu", "Zoé\u2028Bcc: x@y.lu", "Zoé\x85\x00Bcc: x@y.lu"],
)
def test_line_breaks_in_data_become_a_space_everywhere(renderer: Renderer, hostile: str) -> None:
    rendered = renderer.render(template(subject="For {{ name }}"), {"name": hostile})
    assert rendered.subject == "For Zoé Bcc: x@y.lu"
    assert rendered.text == "Zoé Bcc: x@y.lu"


@pytest.mark.parametrize("source", ["One\nTwo", "One\r\nBcc: x@y.lu", '{{ "a\\nb" }}', "a\u2028b"])
def test_a_line_break_in_a_templates_own_subject_is_refused(
    renderer: Renderer, source: str
) -> None:
    assert "subject holds a line break" in refusal(renderer, template(subject=source))


def test_a_subject_ends_somewhere(renderer: Renderer) -> None:
    rendered = renderer.render(template(subject="Hi {{ name }}"), {"name": "x" * 10_000})
    assert rendered.subject == "Hi " + "x" * 246 + "…"  # 3 + 246 + 1 = 250
    assert rendered.text == "x" * 10_000


@pytest.mark.parametrize("value", [1.5, None, True, b"x", ["x"], {"x": 1}, Markup("<b>")], ids=repr)
def test_variables_other_than_plain_text_and_whole_numbers_are_refused(
    renderer: Renderer, value: object
) -> None:
    with pytest.raises(TemplateError, match="Variable name is a"):
        renderer.render_first([template(), PLATFORMS], {"name": value})  # type: ignore[dict-item]


def test_half_a_surrogate_pair_in_data_does_not_stop_the_mail(renderer: Renderer) -> None:
    assert renderer.render(template(), {"name": "a\ud83d"}).text == "a\ufffd"


def test_merchants_may_choose_and_print(renderer: Renderer) -> None:
    body = "{% if count > 1 and name is defined %}{{ name|upper }}{% else %}one{% endif %}"
    chosen = template(body_text=body)
    assert renderer.render(chosen, {"name": "zoé", "count": 2}).text == "ZOÉ"
    assert renderer.render(chosen, {"name": "zoé", "count": 1}).text == "one"


def test_the_first_candidate_that_renders_is_taken_without_complaint(renderer: Renderer) -> None:
    rendered, used, errors = renderer.render_first([template(), PLATFORMS], {"name": "Zoé"})
    assert (rendered.subject, used, errors) == ("Hello", template(), [])


def test_a_broken_override_falls_back_and_is_reported(renderer: Renderer) -> None:
    broken = template(body_text="{{ unheard_of }}")
    rendered, used, errors = renderer.render_first([broken, PLATFORMS], {"name": "Zoé"})
    assert (rendered.subject, used) == ("The platform's", PLATFORMS)
    assert [str(error) for error in errors] == [
        "Store 7's template loyalty_points_expired (fr) cannot be used:"
        " body_text: 'unheard_of' is undefined."
    ]


def test_when_every_candidate_is_broken_each_cause_is_named(renderer: Renderer) -> None:
    broken = [template(body_text="{{ a }}"), template(body_text="{{ b }}", store_id=None)]
    with pytest.raises(TemplateError, match=r"'a' is undefined.*The platform's.*'b' is undefined"):
        renderer.render_first(broken, {"name": "Zoé"})


def test_without_a_candidate_the_error_says_what_to_do(renderer: Renderer) -> None:
    with pytest.raises(TemplateError, match="load the templates"):
        renderer.render_first([], {"name": "Zoé"})


@pytest.mark.parametrize("shipped", shipped_templates().values(), ids=lambda t: t.code + t.language)
@pytest.mark.parametrize(
    "text", ["👩‍👧 Ünï", "x" * 10_000, "<script>alert(1)</script>", "{{ 7*7 }}"]
)
def test_shipped_templates_bear_any_data(renderer: Renderer, shipped: Template, text: str) -> None:
    given = sample("one", shipped.code, shipped.language) | dict.fromkeys(NAME_VARIABLES, text)
    rendered = renderer.render(shipped, given)
    assert text in rendered.text
    assert "<script" not in rendered.html
