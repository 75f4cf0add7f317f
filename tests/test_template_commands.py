"""`make templates` and `make preview`, from their arguments to what a person reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from include.commands import preview, templates
from include.embedded import processes
from include.errors import SchemaError, TemplateError
from include.inbox.reading import read_maildir
from include.settings import state_dir
from tests.mail.hostile import HARMLESS
from tests.mail.rows import card, one

ROOT = Path(__file__).resolve().parent.parent
CODE = "loyalty_points_expired"


@pytest.fixture
def call(monkeypatch, engine, capsys):
    """Run a command on the test's database; return what it printed."""

    def run(command, *arguments):
        monkeypatch.setattr(command, "loyalty_engine", lambda: engine)
        monkeypatch.setattr(sys, "argv", ["command", *arguments])
        assert command.main() == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "subject.j2").write_text(HARMLESS["subject"] + "\n")
    (tmp_path / "body.html.j2").write_text(HARMLESS["body_html"])
    (tmp_path / "body.txt.j2").write_text(HARMLESS["body_text"])
    return str(tmp_path)


def test_templates_says_what_it_did_and_what_it_kept(call, engine, folder):
    assert call(templates) == "20 templates added, 0 updated.\n"
    call(templates, "--code", CODE, "--language", "fr", folder)
    assert call(templates) == (
        "0 templates added, 0 updated.\n"
        "1 were edited in the database and kept as they are: loyalty_points_expired (fr). "
        "Delete the row of one to get the project's own again.\n"
    )


def test_templates_stores_a_stores_own(call, engine, folder):
    card(engine)
    store_id = one(engine, "select max(id) from loyalty.stores")
    arguments = ("--code", CODE, "--language", "fr", "--store", str(store_id), folder)
    assert call(templates, *arguments) == (
        f"Store {store_id}'s template loyalty_points_expired (fr) is stored.\n"
    )
    assert one(engine, "select subject from loyalty.store_email_templates") == "Our own words"
    assert one(engine, "select count(*) from loyalty.email_templates") == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--code", CODE],
        ["--store", "7"],
        ["--code", CODE, "--language", "fr"],
        ["--language", "fr", "somewhere"],
        ["--code", CODE, "--language", "fr", "--store", "seven", "somewhere"],
    ],
)
def test_half_a_request_stores_nothing(call, engine, arguments):
    with pytest.raises(SystemExit):
        call(templates, *arguments)
    assert one(engine, "select count(*) from loyalty.email_templates") == 0


@pytest.mark.parametrize("command", [templates, preview])
def test_a_database_without_the_schema_is_refused(monkeypatch, empty_database, command):
    monkeypatch.setattr(command, "loyalty_engine", lambda: empty_database)
    monkeypatch.setattr(sys, "argv", ["command"])
    with pytest.raises(SchemaError, match="make migrate"):
        command.main()


def test_preview_writes_the_pages_it_names(call):
    printed = call(preview, "--code", CODE, "--language", "de")
    page = state_dir() / "preview/platform/index.html"
    assert printed == f"{page.resolve().as_uri()}\n"
    assert "Ihre 1.250 Punkte bei Boulangerie Schmit sind verfallen" in page.read_text()
    assert page.read_text().count("<section>") == 1


def test_preview_refuses_a_store_that_does_not_exist(call, tmp_path):
    with pytest.raises(TemplateError, match="There is no store 99"):
        call(preview, "--store", "99", "--to", str(tmp_path / "pages"))
    assert not (tmp_path / "pages").exists()


def test_preview_fills_the_local_inbox_and_asks_no_other_server(call, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_LOYALTY_SMTP", "smtp://127.0.0.1:9")
    try:
        printed = call(preview, "--to", "inbox")
        assert printed.startswith("20 mails: http://127.0.0.1:")
        assert len(read_maildir(state_dir() / "inbox")) == 20
    finally:
        processes.stop("inbox", home=state_dir())


@pytest.mark.parametrize("target", ["templates", "preview"])
def test_make_takes_no_language_from_the_environment(target):
    # Debian sets LANGUAGE for everybody.
    environment = os.environ | {"LANGUAGE": "en_US:en"}
    make = ["make", "-n", "-C", str(ROOT), target]
    plain = subprocess.run(make, env=environment, capture_output=True, text=True, check=True)
    assert "--language" not in plain.stdout
    given = subprocess.run(
        [*make, "LANGUAGE=lb", "STORE=7"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert '--language "lb"' in given.stdout
    assert '--store "7"' in given.stdout
