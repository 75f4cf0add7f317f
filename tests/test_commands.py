"""The commands as a user calls them: programs of their own, a real Airflow, a real inbox."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import create_engine, text

from include.embedded import postgres
from include.inbox.reading import read_maildir
from include.mail.seeding import seed_templates
from include.migrations import migrate
from tests import factories
from tests.statsd_listener import statsd_listener

ROOT = Path(__file__).resolve().parent.parent
# The commands go by the real clock, so that the night before last is counted from it.
NIGHT = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0) - timedelta(days=1)
AS_OF = NIGHT.isoformat()
TASKS = 15
LIFECYCLE_TASKS = ("queue_events", "export_files", "send_mail")


class Place:
    """A state folder of its own, and the commands run on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def call(
        self, command: str, *arguments: str, stdin: str = "", **variables: str
    ) -> subprocess.CompletedProcess:
        kept = {name: value for name, value in os.environ.items() if "AIRFLOW" not in name}
        return subprocess.run(
            [sys.executable, "-m", f"include.commands.{command}", *arguments],
            cwd=ROOT,
            env={**kept, "LOYALTY_STATE_DIR": str(self.folder), **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    @property
    def server(self) -> postgres.Server:
        return postgres.start(self.folder / "postgres")

    def rows(self, database: str, sql: str) -> list[tuple]:
        engine = create_engine(self.server.url(database))
        with engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(text(sql))]
        engine.dispose()
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("commands") / "state")
    yield place
    assert place.call("down").returncode == 0
    assert not postgres.is_running(place.folder / "postgres")
    postgres.remove(place.folder / "postgres")


@pytest.fixture(scope="module")
def due_card(place):
    """A platform with one card that is due and one whose warning falls due."""
    assert place.call("migrate").returncode == 0
    engine = create_engine(place.server.url("loyalty"))
    with engine.begin() as connection:
        program = factories.program(connection)
        due, near = (NIGHT - timedelta(days=days) for days in (385, 360))
        due_id = factories.card(connection, program, points=70, last_activity_at=due)
        factories.card(connection, program, points=30, last_activity_at=near)
    engine.dispose()
    return due_id


MAILS = "select template_code, status from loyalty.email_logs order by 1"
LIFECYCLE = ("--dag", "loyalty_lifecycle_mail")


def test_one_run_expires_warns_and_mails(place, due_card):
    with statsd_listener() as listener:
        first = place.call("run", "--as-of", AS_OF, **listener.settings)
        heard = listener.heard()
    assert first.returncode == 0, first.stdout + first.stderr
    told = ("daily_run.points_expired", "daily_run.points_warned", "mails.sent")
    assert [heard[name] for name in told] == [70.0, 30.0, 2.0]
    assert [heard[f"progress.{kind}.share_done"] for kind in ("expiry", "mail")] == [1.0, 1.0]
    assert (heard["outbox.queued"], heard["outbox.oldest_seconds"]) == (0.0, 0.0)
    # Every task of the graph ran, and Airflow's own record says so.
    states = place.rows(
        "airflow", "select state, count(*) from task_instance group by state order by 2"
    )
    # No program is held, so there is nothing to hand over.
    assert states == [("skipped", 1), ("success", TASKS)]
    # No scheduler takes tasks of a pool that does not exist: one that runs beside us neither.
    pools = place.rows(
        "airflow", "select pool from task_instance where pool in (select pool from slot_pool)"
    )
    assert pools == []
    assert place.rows(
        "loyalty",
        "select points_delta, points_balance_after from loyalty.loyalty_transactions"
        f" where card_id = {due_card} and transaction_type = 'points_expired'",
    ) == [(-70, 0)]
    assert place.rows("loyalty", MAILS) == [
        ("loyalty_points_expired", "sent"),
        ("loyalty_points_expiring", "sent"),
    ]
    assert len(read_maildir(place.folder / "inbox")) == 2
    assert place.rows(
        "loyalty",
        "select warning_cards_queued, cards_expired, points_expired, status"
        " from loyalty.expiration_runs order by id",
    ) == [(1, 1, 70, "closed")]


def own_connections(place, *, database: str, mail_port: int) -> dict[str, str]:
    extra = quote(
        json.dumps({"disable_ssl": True, "disable_tls": True, "from_email": "a@b.example"})
    )
    return {
        "AIRFLOW_CONN_LOYALTY_DB": place.server.uri(database),
        "AIRFLOW_CONN_LOYALTY_SMTP": f"smtp://127.0.0.1:{mail_port}/?__extra__={extra}",
    }


def test_without_a_mail_server_points_are_booked_and_a_lifecycle_run_sends_whatever_is_due(
    place, due_card
):
    postgres.ensure_database(place.server, "mailless")
    engine = create_engine(place.server.url("mailless"))
    migrate(engine)
    seed_templates(engine)
    factories.card(engine, points=70, last_activity_at="2025-11-01T10:00Z")
    engine.dispose()

    down = place.call(
        "run", "--as-of", AS_OF, LOYALTY_OPERATORS="nora@shop.example",
        **own_connections(place, database="mailless", mail_port=9),
    )  # fmt: skip
    assert down.returncode == 1
    # The alarm of a failed run goes the same way, and says that it got nowhere.
    assert "loyalty_points_expiration failed, and the operators could not be told" in (
        down.stdout + down.stderr
    )
    assert "127.0.0.1:9" in down.stdout + down.stderr
    assert "failed           expiry.send_mail" in down.stdout
    assert "success          close_run" in down.stdout
    assert place.rows("mailless", MAILS) == [("loyalty_points_expired", "queued")]

    inbox = json.loads((place.folder / "inbox-ports.json").read_text())["smtp_port"]
    connections = own_connections(place, database="mailless", mail_port=inbox)
    first = place.call("run", *LIFECYCLE, **connections)
    assert first.returncode == 0, first.stdout + first.stderr
    assert all(f"success          {task}" in first.stdout for task in LIFECYCLE_TASKS)
    assert re.search(r"^loyalty_enrollment +1 ", first.stdout, re.MULTILINE)
    assert place.rows("mailless", MAILS) == [
        ("loyalty_enrollment", "sent"),
        ("loyalty_points_expired", "sent"),
    ]
    (exported,) = place.rows(
        "mailless",
        "select manifest_path from loyalty.cohort_exports where kind = 'loyalty_enrollment'",
    )
    part = Path(exported[0]).with_name("part-00000.csv")
    assert part.read_text().splitlines()[1].split(",")[1] == "1"

    second = place.call("run", *LIFECYCLE, "--as-of", AS_OF, **connections)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "works on what is there now, not AS_OF." in second.stdout
    assert "success          queue_events" in second.stdout
    assert "skipped          export_files" in second.stdout
    assert place.rows("mailless", "select count(*) from loyalty.lifecycle_runs") == [(1,)]


def test_lifecycle_mails_have_no_dry_run(tmp_path):
    done = Place(tmp_path / "state").call("run", *LIFECYCLE, "--dry-run")
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no dry run" in done.stderr
    assert not (tmp_path / "state").exists()


def test_database_without_the_schema_gives_one_sentence(place, due_card):
    postgres.ensure_database(place.server, "bare")
    done = place.call(
        "run", "--as-of", AS_OF, **own_connections(place, database="bare", mail_port=9)
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "run `make migrate`" in done.stderr
    assert "Traceback" not in done.stderr


def test_instant_to_come_gives_one_sentence_and_no_run(place, due_card):
    before = place.rows("airflow", "select count(*) from dag_run")
    done = place.call("run", "--as-of", "2100-01-01T00:00:00+00:00")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Start the run again with an instant that has passed." in done.stderr
    assert place.rows("airflow", "select count(*) from dag_run") == before


@pytest.mark.parametrize("as_of", ["yesterday", "2026-11-20", "2026-11-20T02:00:00"])
def test_unreadable_instant_gives_one_sentence_and_nothing_starts(tmp_path, as_of):
    done = Place(tmp_path / "state").call("run", "--as-of", as_of)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: AS_OF is {as_of!r}")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("command", ["run", "up", "demo"])
@pytest.mark.parametrize("given", ["AIRFLOW_CONN_LOYALTY_DB", "AIRFLOW_CONN_LOYALTY_SMTP"])
def test_one_real_connection_beside_an_embedded_one_is_refused(tmp_path, command, given):
    done = Place(tmp_path / "state").call(command, **{given: "postgresql://a:b@127.0.0.1:9/c"})
    assert done.returncode == 2
    assert "Set both to use your own database and mail server" in done.stderr
    assert not (tmp_path / "state").exists()


def test_unreachable_database_gives_one_sentence_without_the_password(tmp_path):
    secret = "postgresql://loyalty:hunter-2-hunter@127.0.0.1:9/nowhere"
    done = Place(tmp_path / "state").call("migrate", AIRFLOW_CONN_LOYALTY_DB=secret)
    assert done.returncode == 2
    assert done.stderr.count("\n") <= 2
    assert "127.0.0.1:9/nowhere does not answer" in done.stderr
    assert "hunter-2-hunter" not in done.stdout + done.stderr


def test_shell_reaches_the_database_and_airflow_that_the_commands_use(place, due_card):
    looks = (
        'psql -At -c "select count(*) from loyalty.loyalty_cards"\n'
        "airflow config get-value core dags_folder\n"
        "exit 7\n"
    )
    done = place.call("shell", stdin=looks)
    assert done.returncode == 7, done.stderr
    assert done.stdout.splitlines() == ["2", str(ROOT / "dags")]
