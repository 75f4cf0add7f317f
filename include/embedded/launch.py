"""Making a cluster's data folder and starting its server, by the wheel's own programs."""

from __future__ import annotations

import shlex
import shutil
import time
from pathlib import Path

from include.embedded import account, ports, postmaster
from include.embedded.cluster import Cluster
from include.errors import ServerError

USER = "loyalty"
START_SECONDS = 120

SETTINGS = {
    "listen_addresses": ports.HOST,
    "unix_socket_directories": "",  # a socket's path may not exceed 107 bytes; checkouts lie deep
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    # Statements and details carry customers' names and addresses; the log shall not.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def initialise(cluster: Cluster, *, durable: bool) -> None:
    """Make the data folder: under another name first, so that a half-made one is never taken.

    Raises:
        ServerError: `initdb` failed.
    """
    server_account = cluster.account
    folder, draft = cluster.data.parent, cluster.data.with_name("data.new")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(cluster.password, encoding="ascii")
    for path in (password_file, folder):
        account.give(path, server_account)
    command = _initdb(cluster, draft, password_file, durable=durable)
    status, output = account.run(command, server_account)
    password_file.unlink()
    if status != 0:
        raise ServerError(f"PostgreSQL could not make its data folder: {_gist(output)}")
    draft.rename(cluster.data)


def launch(cluster: Cluster, *, durable: bool) -> None:
    """Start the server of `cluster`, on its port where that is free, and wait until it is up.

    Raises:
        ServerError: it did not come up.
    """
    if not account.can_enter(cluster.account, cluster.data.parent):
        raise ServerError(
            f"The account of the server cannot enter {cluster.data}; put the folder back where "
            f"it was created, or remove {cluster.home} to begin anew."
        )
    postmaster.forget_stale(cluster.data)
    deadline = time.monotonic() + START_SECONDS
    port = _usable(cluster.port)
    while (complaint := _attempt(cluster, port, durable=durable)) is not None:
        if time.monotonic() > deadline or not _will_pass(complaint):
            raise ServerError(
                f"PostgreSQL did not start: {_gist(complaint)}; its log is {cluster.log}."
            )
        time.sleep(0.1)
        port = _usable(port)


def _initdb(
    cluster: Cluster, target: Path, password_file: Path, *, durable: bool
) -> list[str | Path]:
    # Sorted by code point everywhere; 16 lacks the provider that also knows É from é.
    provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [
        cluster.programs / "initdb",
        f"--pgdata={target}",
        f"--username={USER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        *(provider if cluster.version >= 17 else []),
        *([] if durable else ["--no-sync"]),
        "--no-instructions",
    ]


def _attempt(cluster: Cluster, port: int, *, durable: bool) -> str | None:
    """Start the server once; return what it says against it, or None."""
    seen = len(_log(cluster))
    where: list[str | Path] = [
        "-D",
        cluster.data,
        "-l",
        cluster.log,
        "-o",
        _options(port, durable=durable),
    ]
    wait = ["-w", "-t", str(START_SECONDS)]
    status, output = account.run(
        [cluster.programs / "pg_ctl", "start", *wait, *where], cluster.account
    )
    if status == 0:
        return None
    return _log(cluster)[seen:].decode(errors="replace") or output


def _options(port: int, *, durable: bool) -> str:
    settings = SETTINGS | {"port": str(port)} | ({} if durable else NOT_DURABLE)
    return shlex.join(
        word for name, value in settings.items() for word in ("-c", f"{name}={value}")
    )


def _log(cluster: Cluster) -> bytes:
    return cluster.log.read_bytes() if cluster.log.exists() else b""


def _usable(port: int) -> int:
    return port if ports.is_free(port) else ports.free_port()


def _will_pass(complaint: str) -> bool:
    # Another program was quicker to take the port; or children of a killed server still finish.
    return "Address already in use" in complaint or "is still in use" in complaint


def _gist(output: str) -> str:
    lines = output.strip().splitlines() or ["no word why"]
    telling = [line for line in lines if "FATAL" in line or "error:" in line]
    return (telling or lines)[-1].strip().rstrip(".")
