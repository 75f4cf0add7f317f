"""One database cluster: where its data lie, its port and its password, as its home records them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from include.embedded import account, install, place, ports, state
from include.errors import ServerError

RECORD, LOCK = "postgres.json", "postgres.lock"


@dataclass(frozen=True)
class Cluster:
    """A cluster with the `base` folder that holds it: `home`, or what stands in for it."""

    home: Path
    base: Path
    version: int
    port: int
    password: str = field(repr=False)

    @property
    def data(self) -> Path:
        return self.base / place.DATA

    @property
    def log(self) -> Path:
        return self.base / place.LOG

    @property
    def account(self) -> account.Account | None:
        return account.account_for(self.data.parent)

    @property
    def programs(self) -> Path:
        return install.programs(self.version, self.base, self.account)


def known(home: Path, version: int | None = None) -> Cluster | None:
    """Return the cluster of `home`, None where there is none.

    Raises:
        ServerError: its data are of another version than `version`.
    """
    record = state.read(home / RECORD)
    if record is None or not (base := Path(record["base"] or home)).exists():
        return None
    if version not in (None, record["version"]):
        raise ServerError(
            f"{home} holds data of PostgreSQL {record['version']}, not {version}; "
            "start that version, or remove the folder to begin anew."
        )
    return Cluster(home, base, record["version"], record["port"], record["password"])


def founded(home: Path, version: int) -> Cluster:
    """Choose place, port and password of a new cluster for `home` and record them."""
    if (home / place.DATA).exists():
        raise ServerError(
            f"{home} holds a database but no {RECORD}, which has its password; "
            "restore that file, or remove the folder to begin anew."
        )
    server_account = account.account_for(home / place.DATA.parent)
    base = place.choose(home, server_account, own_files=frozenset({LOCK, RECORD}))
    cluster = Cluster(home, base, version, ports.free_port(), secrets.token_urlsafe(24))
    record(cluster)
    return cluster


def record(cluster: Cluster) -> None:
    """Write down what `known` reads."""
    fields = {
        # A home that holds its own data may be moved; so its place is not written down.
        "base": "" if cluster.base == cluster.home else str(cluster.base),
        "version": cluster.version,
        "port": cluster.port,
        "password": cluster.password,
    }
    if fields != state.read(cluster.home / RECORD):
        state.write(cluster.home / RECORD, fields)
    place.mark(cluster.base, cluster.home)
