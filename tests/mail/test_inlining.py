from __future__ import annotations

import re

import pytest

from include.mail.inlining import inline_css
from include.mail.shipped import shipped_templates
from include.mail.templates import Unusable

STYLE = "<style>p { color: red; } @media (max-width: 9px) { p { color: blue !important; } }</style>"


def page(body: str) -> str:
    return f"<html><head></head><body>{body}</body></html>"


def test_rules_move_into_their_elements_and_media_rules_stay():
    inlined = inline_css(page(f"{STYLE}<p>a</p>"))
    assert '<p style="color: red;">a</p>' in inlined
    assert inlined.count("p { color: blue !important; }") == 1
    assert "p { color: red; }" not in inlined


@pytest.mark.parametrize(
    "kept",
    [
        "<p>{{ points }}</p>",
        "<p>{% if points_count < 3 and '<b>' != points %}few{% else %}many{% endif %}</p>",
        "<table><tbody><tr><td>a</td></tr>{% if x %}<tr><td>b</td></tr>{% endif %}</tbody></table>",
        '<p title="{{ store_name }} {% if x %}&quot;{% endif %}">a</p>',
        "<title>{{ points }}</title>",
        "<p>{# <b> is not bold #}a {{ '}}' }} &amp; b</p>",
        "<!--[if mso]><table>{{ points }}</table><![endif]-->",
        "<p>{% raw %}{{ no tag }}{% endraw %}</p>",
    ],
)
def test_template_tags_stay_where_and_as_they_are(kept):
    assert inline_css(page(kept)) == page(kept)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("<style>p { color: {{ points }}; }</style><p>a</p>", "inside <style>"),
        ("<p {% if points %}title='a'{% endif %}>a</p>", "among the attributes"),
        ("<p {{ points }}='a'>a</p>", "among the attributes"),
        ("<table><tr>{{ a }}<p title='{{ b }}'>moves before the table", "where HTML allows no"),
        ("<p>\ue0000\ue001</p>", "private use"),
    ],
)
def test_tags_that_a_page_cannot_keep_are_refused(body, cause):
    with pytest.raises(Unusable, match=cause):
        inline_css(page(body))


def test_a_page_stored_once_is_stored_again_as_it_is():
    for template in shipped_templates().values():
        once = template.body_html
        again = inline_css(once)
        # The order of attributes in an element is all that may change.
        assert sorted(re.findall(r'[\w-]+="[^"]*"', again)) == sorted(
            re.findall(r'[\w-]+="[^"]*"', once)
        )
        assert re.sub(r"<[^>]*>", "", again) == re.sub(r"<[^>]*>", "", once)


def test_no_file_of_this_machine_is_read(tmp_path):
    (tmp_path / "secret.css").write_text("p { color: red; }")
    for address in (tmp_path / "secret.css", (tmp_path / "secret.css").as_uri()):
        link = f'<link rel="stylesheet" href="{address}"><p>a</p>'
        imported = f'<style>@import "{address}";</style><p>a</p>'
        assert "red" not in inline_css(page(link)) + inline_css(page(imported))
