from __future__ import annotations

import os
import subprocess
import sys

import pytest

from include.errors import TemplateError
from include.mail.checking import check_templates
from include.mail.shipped import shipped_templates
from include.mail.templates import Template
from include.settings import PROJECT_ROOT
from tests.mail.hostile import HARMLESS, HIDDEN_PARTS, HOSTILE_PARTS

REASONS = {
    "syntax error": "body_text, line 1: unexpected end of template",
    "endless loop": "body_html, line 1: mail templates print variables and choose with 'if'",
    "memory bomb": "nothing else (mul found)",
    "walk to Python internals": "nothing else (call found)",
    "method call": "nothing else (call found)",
    "missing variable": "it asks for customer_last_name; mails of this event have customer_first",
    "header with a line break": "subject holds a line break",
    "line break from a literal": "subject holds a line break",
    "growing filters": "more than 8 filters in one place",
    "missing variable in a rare branch": "it asks for customer_last_name",
    "line break in a rare branch": "subject holds a line break",
}


def template(code: str = "loyalty_points_expired", language: str = "fr", **parts: str) -> Template:
    return Template(code, language, **(HARMLESS | parts), store_id=7)


def refusal(*templates: Template) -> str:
    with pytest.raises(TemplateError) as caught:
        check_templates(templates)
    return str(caught.value)


@pytest.mark.parametrize("what", REASONS)
def test_what_a_stranger_tries_is_refused_with_its_reason(what):
    sentence = refusal(template(**(HOSTILE_PARTS | HIDDEN_PARTS)[what]))
    assert sentence.startswith("Store 7's template loyalty_points_expired (fr) cannot be used: ")
    assert REASONS[what] in sentence


def test_every_attempt_of_the_list_has_its_reason():
    assert REASONS.keys() == HOSTILE_PARTS.keys() | HIDDEN_PARTS.keys()


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"subject": "x" * 100_001}, "subject has more than 100,000 characters"),
        ({"body_html": "{{ points }}" * 501}, "body_html has more than 500 tags"),
        ({"subject": "{{ customer_first_name }}"}, "subject is empty"),
        ({"body_text": " \n"}, "body_text is empty"),
        ({"body_text": "{{ stamps }}"}, "it asks for stamps; mails of this event have"),
        ({"body_text": "{{ points|int + 1 }}"}, "nothing else (add found)"),
        ({"body_text": "{{ points_count|uper }}"}, "No filter named 'uper'"),
        ({"body_text": "{{ points_count < points }}"}, "body_text fails with a TypeError"),
        ({"body_html": "<p {{ points }}>a</p>"}, "among the attributes"),
    ],
)
def test_what_would_fail_later_is_refused_now(parts, reason):
    assert reason in refusal(template(**parts))


@pytest.mark.parametrize(
    ("code", "language", "reason"),
    [
        ("loyalty_birthday", "fr", "There is no event 'loyalty_birthday'; choose one of loyalty_"),
        ("loyalty_points_expired", "pt", "There is no language 'pt'; choose one of en, fr, de, lb"),
    ],
)
def test_unknown_events_and_languages_are_refused(code, language, reason):
    assert reason in refusal(template(code, language))


def test_a_checked_template_has_its_style_in_its_elements():
    page = "<style>p { color: red; }</style>{% if store_name %}<p>{{ points }}</p>{% endif %}"
    (checked,) = check_templates([template(body_html=page)])
    assert '{% if store_name %}<p style="color: red;">{{ points }}</p>{% endif %}' in (
        checked.body_html
    )
    assert (checked.subject, checked.body_text) == (HARMLESS["subject"], HARMLESS["body_text"])


def test_all_shipped_templates_pass_as_they_are():
    shipped = list(shipped_templates().values())
    checked = check_templates(shipped)
    assert [(each.code, each.subject) for each in checked] == [
        (each.code, each.subject) for each in shipped
    ]


@pytest.mark.parametrize(
    "page",
    [
        # Each of 15,000 elements would get 4,000 properties.
        "<style>" + "".join(f"p{{--a{n}:1}}" for n in range(4_000)) + "</style>" + "<p>" * 15_000,
        "<b>" * 33_000,  # nested so deep that reading it fills the stack
    ],
    ids=["styles", "nesting"],
)
def test_a_page_that_takes_too_much_is_refused_and_blamed(page):
    sentence = refusal(template(), template("loyalty_points_expiring", body_html=page), template())
    assert "loyalty_points_expiring (fr) cannot be used: trying it out takes too much" in sentence


def test_the_trial_is_limited_in_time_and_memory():
    told = "import resource as r; print(r.getrlimit(r.RLIMIT_CPU)[1], r.getrlimit(r.RLIMIT_AS)[1])"
    done = subprocess.run(
        [sys.executable, "-c", f"from include.mail import trial; trial.limit(); {told}"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["5", str(512 * 1024 * 1024)]


def test_the_trial_knows_nothing_of_this_process(monkeypatch, tmp_path):
    # What stands in for the trial tells what it can see.
    (tmp_path / "include/mail").mkdir(parents=True)
    (tmp_path / "include/mail/trial.py").write_text(
        "import json, os\nprint(json.dumps({'refused': ' '.join(sorted(os.environ))}))\n"
    )
    monkeypatch.setattr("include.mail.checking.PROJECT_ROOT", tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_LOYALTY_DB", "postgresql://user:password@db.example/shop")
    assert "AIRFLOW_CONN_LOYALTY_DB" in os.environ
    seen = refusal(template())
    assert "PYTHONPATH" in seen
    assert "AIRFLOW" not in seen


def test_a_trial_that_does_not_end_is_ended(monkeypatch, tmp_path):
    (tmp_path / "include/mail").mkdir(parents=True)
    (tmp_path / "include/mail/trial.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr("include.mail.checking.PROJECT_ROOT", tmp_path)
    monkeypatch.setattr("include.mail.checking.WALL_SECONDS_MAX", 1)
    assert "takes too much time or memory" in refusal(template())
