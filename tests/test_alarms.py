"""What operators are mailed, by a real mail server; what they are spared; what is never in it."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
from datetime import datetime, timedelta
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from airflow.dag_processing.dagbag import DagBag

from include import alarms, stages, tasks
from include.errors import ConfigurationError, UnwellError
from include.mail.operators import operators
from include.settings import PROJECT_ROOT
from tests import factories
from tests.day import run_day
from tests.mail.scripted_server import Step, scripted_server

AS_OF = "2026-03-02T02:00:00+00:00"
FAILED = {"dag": SimpleNamespace(dag_id="loyalty_points_expiration"), "run_id": "scheduled__1+2"}
LATE = {
    "dag_run": {
        "dag_id": "loyalty_points_expiration",
        "dag_run_id": "scheduled__1",
        "state": "running",
    }
}


def let_mail_go_to(monkeypatch, port):
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "Points <points@b.example>"}
    address = f"smtp://127.0.0.1:{port}/?__extra__={quote(json.dumps(extra))}"
    monkeypatch.setenv("AIRFLOW_CONN_LOYALTY_SMTP", address)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("LOYALTY_OPERATORS", "nora@shop.example, max@shop.example")
    with scripted_server() as server:
        let_mail_go_to(monkeypatch, server.port)
        yield server


def text(server):
    (mail,) = server.mails
    return mail.get_content()


def test_failed_run_is_mailed_once_to_all_operators(server, monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.shop.example/loyalty/")
    alarms.run_failed(FAILED)
    (mail,) = server.mails
    assert mail["Subject"] == "[loyalty] loyalty_points_expiration failed"
    assert (mail["To"], mail["From"]) == (
        "nora@shop.example, max@shop.example",
        "points@b.example",
    )
    assert mail["Auto-Submitted"] == "auto-generated"
    address = "https://airflow.shop.example/loyalty/dags/loyalty_points_expiration/runs/"
    assert address + "scheduled__1%2B2" in mail.get_content()


def test_missed_deadline_is_mailed_from_the_triggerers_loop(server):
    asyncio.run(alarms.deadline_missed(LATE))
    assert "The run scheduled__1 of loyalty_points_expiration is not finished" in text(server)
    assert "it is running" in text(server)


@pytest.mark.parametrize("given", [None, "", " , "])
def test_without_operators_nothing_is_sent_and_no_server_is_asked(monkeypatch, caplog, given):
    monkeypatch.delenv("LOYALTY_OPERATORS", raising=False)
    if given is not None:
        monkeypatch.setenv("LOYALTY_OPERATORS", given)
    with scripted_server() as server, caplog.at_level(logging.INFO):
        let_mail_go_to(monkeypatch, server.port)
        alarms.run_failed(FAILED)
        asyncio.run(alarms.deadline_missed(LATE))
        assert server.connections == 0
    assert caplog.text.count("LOYALTY_OPERATORS names nobody") == 2


@pytest.mark.parametrize("given", ["nora", "nora@shop.example; max@shop.example", "a@b\n.example"])
def test_operator_without_a_usable_address_is_refused_with_a_sentence(monkeypatch, given):
    monkeypatch.setenv("LOYALTY_OPERATORS", given)
    with pytest.raises(ConfigurationError, match=r"LOYALTY_OPERATORS holds .* no mail address"):
        operators()


def test_alarm_that_a_mail_server_refuses_fails_no_task_and_is_logged(server, caplog):
    server.steps.append(Step(mail="550 go away"))
    alarms.run_failed(FAILED)
    assert server.payloads == []
    assert "the operators could not be told" in caplog.text


def test_held_programs_are_one_mail_however_many(engine, at, server, monkeypatch):
    at(AS_OF)
    monkeypatch.setattr(stages, "_engine", lambda: engine)
    program = factories.program(engine, size_check_cards=1)
    for _ in range(2):
        factories.card(engine, program)
    run_id = run_day(engine, AS_OF)
    stages.check_size(run_id)
    assert f"Run {run_id} holds the expiry of 1 program(s)" in text(server)
    assert "loyalty_held_expirations" in text(server)
    alarms.held(7, list(range(1, 1001)))
    assert "19, 20 and 980 more." in server.mails[1].get_content()


def test_dry_run_and_a_run_that_holds_nothing_mail_nobody(engine, at, server, monkeypatch):
    at(AS_OF)
    monkeypatch.setattr(stages, "_engine", lambda: engine)
    program = factories.program(engine, size_check_cards=1)
    factories.card(engine, program)
    stages.check_size(run_day(engine, AS_OF))
    factories.card(engine, program)
    factories.card(engine, program)
    stages.check_size(run_day(engine, AS_OF, dry_run=True))
    assert server.payloads == []


def test_watch_mails_what_is_wrong_and_is_red(engine, at, server, monkeypatch):
    at(AS_OF)
    monkeypatch.setattr(stages, "_engine", lambda: engine)
    stages.look_after_health()  # Nothing has ever run: nothing is missed.
    run_day(engine, AS_OF)
    at("2026-03-03T03:59:00+00:00")
    stages.look_after_health()
    assert server.payloads == []
    at("2026-03-03T06:00:00+00:00")
    with pytest.raises(UnwellError, match="No run was closed in the last 26 hours"):
        stages.look_after_health()
    assert "No run was closed in the last 26 hours" in text(server)


def test_watch_is_red_even_where_nobody_is_told(engine, at, monkeypatch):
    at(AS_OF)
    monkeypatch.setattr(stages, "_engine", lambda: engine)
    run_day(engine, AS_OF)
    at("2026-03-03T06:00:00+00:00")
    with pytest.raises(UnwellError):
        stages.look_after_health()


@pytest.fixture
def deadline_asked_for(monkeypatch):
    monkeypatch.setenv("LOYALTY_DEADLINE_MINUTES", "240")
    importlib.reload(tasks)
    yield
    monkeypatch.delenv("LOYALTY_DEADLINE_MINUTES")
    importlib.reload(tasks)


@pytest.mark.usefixtures("deadline_asked_for")
def test_only_the_daily_run_has_a_deadline_and_what_a_person_waits_for_tells_of_failure():
    dags = DagBag(PROJECT_ROOT / "dags").dags
    assert {name for name, dag in dags.items() if dag.deadline} == {"loyalty_points_expiration"}
    (deadline,) = dags["loyalty_points_expiration"].deadline
    assert deadline.interval == timedelta(hours=4)
    assert deadline.callback.path == "include.alarms.deadline_missed"
    assert {name for name, dag in dags.items() if dag.on_failure_callback} == {
        "loyalty_points_expiration",
        "loyalty_held_expirations",
        "loyalty_points_reinstatement",
    }


def test_mail_to_operators_is_dated_now(server):
    alarms.run_failed(FAILED)
    (mail,) = server.mails
    sent_at = mail["Date"].datetime
    assert abs(datetime.now(sent_at.tzinfo) - sent_at) < timedelta(days=1)


@pytest.mark.parametrize(("minutes", "hours"), [("90", 1.5), ("0", None), (None, None)])
def test_deadline_is_a_setting_and_off_without_it(monkeypatch, minutes, hours):
    if minutes:
        monkeypatch.setenv("LOYALTY_DEADLINE_MINUTES", minutes)
    deadline = importlib.reload(tasks).DEADLINE
    monkeypatch.undo()
    importlib.reload(tasks)
    assert (deadline and deadline.interval) == (hours and timedelta(hours=hours))
