"""Everything a command needs before it works: databases, Airflow's settings, the inbox."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from include.connections import VARIABLES, require_pair
from include.database import connect
from include.embedded import airflow, postgres, processes, state, waiting
from include.embedded.ports import HOST, free_port, is_free
from include.mail.seeding import seed_templates
from include.migrations import migrate
from include.settings import PROJECT_ROOT, state_dir

LOYALTY_DATABASE = "loyalty"
FROM_EMAIL = "points@loyalty.example"


@dataclass(frozen=True)
class Workplace:
    """What was prepared; `inbox_url` is None where a real mail server is used."""

    server: postgres.Server
    settings: dict[str, str]
    inbox_url: str | None

    @property
    def ui_url(self) -> str:
        """The address of Airflow's UI once it runs."""
        return self.settings["AIRFLOW__API__BASE_URL"]


def prepare(*, is_scheduled: bool = False) -> Workplace:
    """Start what is embedded, set the environment, and return what there is.

    `is_scheduled`: Airflow's scheduler will make up the days since the start date, so that it is
    kept from now on.

    Raises:
        ConfigurationError: one real connection is given without the other.
        ServerError: PostgreSQL or the inbox did not come up.
    """
    require_pair()
    state_dir().mkdir(mode=0o700, parents=True, exist_ok=True)
    with state.locked(state_dir() / "prepare.lock"):
        return _prepared(embedded=not os.environ.get(VARIABLES[0]), is_scheduled=is_scheduled)


def _prepared(*, embedded: bool, is_scheduled: bool) -> Workplace:
    server = postgres.start(state_dir() / "postgres")
    postgres.ensure_database(server, airflow.METADATA_DATABASE)
    settings = airflow.environment(server, port=_ui_port())
    settings["LOYALTY_START_DATE"] = start_date(is_kept=is_scheduled)
    inbox_url = _embedded_pair(server, settings) if embedded else None
    os.environ.update(settings)
    if str(PROJECT_ROOT) not in sys.path:
        sys.path.insert(0, str(PROJECT_ROOT))
    airflow.migrate_metadata(settings)
    return Workplace(server, settings, inbox_url)


def start_date(*, is_kept: bool) -> str:
    """Return `LOYALTY_START_DATE`, by default the day before it was first kept, else yesterday."""
    if given := os.environ.get("LOYALTY_START_DATE"):
        return given
    note = state_dir() / "start-date.json"
    known = state.read(note)
    if known is None:
        known = {"start_date": (datetime.now(UTC).date() - timedelta(days=1)).isoformat()}
        if is_kept:
            state.write(note, known)
    return str(known["start_date"])


def _embedded_pair(server: postgres.Server, settings: dict[str, str]) -> str:
    postgres.ensure_database(server, LOYALTY_DATABASE)
    engine = connect(server.url(LOYALTY_DATABASE))
    migrate(engine)
    seed_templates(engine)
    engine.dispose()
    smtp_port, http_port = _inbox()
    extra = json.dumps({"disable_ssl": True, "disable_tls": True, "from_email": FROM_EMAIL})
    settings["LOYALTY_INBOX_URL"] = f"http://{HOST}:{http_port}"
    settings["AIRFLOW_CONN_LOYALTY_DB"] = server.uri(LOYALTY_DATABASE)
    settings["AIRFLOW_CONN_LOYALTY_SMTP"] = (
        f"smtp://{HOST}:{smtp_port}/?__extra__={quote(extra, safe='')}"
    )
    return settings["LOYALTY_INBOX_URL"]


def start_inbox() -> tuple[int, int]:
    """Start the inbox where it does not run yet; return its SMTP and its HTTP port."""
    state_dir().mkdir(mode=0o700, parents=True, exist_ok=True)
    with state.locked(state_dir() / "prepare.lock"):
        return _inbox()


def _inbox() -> tuple[int, int]:
    note = state_dir() / "inbox-ports.json"
    known = state.read(note)
    if processes.running("inbox", state_dir()) and known:
        return known["smtp_port"], known["http_port"]
    ports = _kept_or_new(known)
    state.write(note, ports)
    processes.start(
        "inbox",
        [
            *(sys.executable, "-m", "include.inbox", "--maildir", str(maildir())),
            *("--smtp-port", str(ports["smtp_port"]), "--http-port", str(ports["http_port"])),
        ],
        home=state_dir(),
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        log=state_dir() / "logs" / "inbox.log",
    )
    waiting.until_answers(f"http://{HOST}:{ports['http_port']}/health", "the inbox", seconds=30)
    return ports["smtp_port"], ports["http_port"]


def _kept_or_new(known: dict[str, int] | None) -> dict[str, int]:
    if known and is_free(known["smtp_port"]) and is_free(known["http_port"]):
        return known
    return {"smtp_port": free_port(), "http_port": free_port()}


def maildir() -> str:
    """Return the folder in which the embedded inbox keeps its mails."""
    return str(state_dir() / "inbox")


def _ui_port() -> int:
    note = state_dir() / "ui-port.json"
    known = state.read(note)
    if known and (processes.running("api-server", state_dir()) or is_free(known["port"])):
        return int(known["port"])
    port = free_port()
    state.write(note, {"port": port})
    return port
