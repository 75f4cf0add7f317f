"""A stand-in for S3 on this machine, for demonstrations and tests: it keeps objects in memory."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

from include.embedded import processes, state, waiting
from include.embedded.ports import HOST, free_port, is_free
from include.errors import ServerError

NAME = "object-store"
NOTE = "object-store-port.json"
BUCKET = "loyalty-cohorts"
CONNECTION = "loyalty_files"


def start(home: Path) -> dict[str, str]:
    """Start the stand-in with its bucket; return the settings with which cohort files go there.

    Raises:
        ServerError: it is not installed, or does not come up.
    """
    if importlib.util.find_spec("moto") is None:
        raise ServerError("The stand-in for S3 is not installed; `make cluster` installs it.")
    port = _port(home)
    processes.start(
        NAME,
        [sys.executable, "-m", "moto.server", "--host", HOST, "--port", str(port)],
        home=home,
        env={"PATH": os.defpath, "LC_ALL": "C"},
        log=home / "logs" / f"{NAME}.log",
    )
    waiting.until_listens(port, "the stand-in for S3", seconds=60)
    _make_bucket(port)
    return {
        "LOYALTY_COHORT_ROOT": f"s3://{CONNECTION}@{BUCKET}/cohorts",
        f"AIRFLOW_CONN_{CONNECTION.upper()}": json.dumps(_connection(port)),
    }


def keys(home: Path) -> list[str]:
    """Return the names of the objects in the bucket."""
    listed = _ask("GET", _port(home), "?list-type=2").decode()
    return re.findall(r"<Key>([^<]+)</Key>", listed)


def _connection(port: int) -> dict[str, object]:
    # The stand-in takes any key; it listens to this machine only and holds no name or address.
    return {
        "conn_type": "aws",
        "login": "demonstration",
        "password": "demonstration",
        "extra": {"endpoint_url": f"http://{HOST}:{port}", "region_name": "us-east-1"},
    }


def _port(home: Path) -> int:
    known = state.read(home / NOTE)
    if known and (processes.running(NAME, home) or is_free(known["port"])):
        return int(known["port"])
    port = free_port()
    state.write(home / NOTE, {"port": port})
    return port


def _make_bucket(port: int) -> None:
    try:
        _ask("PUT", port)
    except urllib.error.HTTPError as error:
        if error.code != 409:  # it is there already
            raise ServerError(f"The stand-in for S3 makes no bucket: {error}.") from error


def _ask(method: str, port: int, query: str = "") -> bytes:
    request = urllib.request.Request(f"http://{HOST}:{port}/{BUCKET}{query}", method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        content: bytes = answer.read()
    return content
