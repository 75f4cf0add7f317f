"""Mails a second: the sender, Airflow's way, and Debian's smtp-source, on the same smtp-sink."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import make_url

from include.embedded.ports import HOST, free_port, is_free
from tests.bench.baselines import one_by_one
from tests.bench.figures import Figure, measure, ratio, single, unmeasured
from tests.bench.place import Place
from tests.mail.measuring import MailPlace, send, sink

MAILS = 5_000
FEW, MANY = 10_000, 100_000
TEMPLATE = "bench_mails"
BYTES = 12_000
PROGRAMS = ("smtp-sink", "smtp-source")
PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Send the same number of mails of about the same size in every way."""
    del cards
    place.new(TEMPLATE).dispose()
    server = MailPlace(make_url(place.server.url("postgres")), TEMPLATE)
    made = _memory(server)
    if all(shutil.which(program, path=PATH) for program in PROGRAMS):
        with _sink() as port:
            return made + _speed(server, port, rounds)
    told = "not measured: smtp-sink and smtp-source are missing (Debian's package postfix)"
    return [*made, unmeasured("mails/s, one process, everything logged", note=told)]


def _speed(server: MailPlace, port: int, rounds: int) -> list[Figure]:
    ways = {
        "smtp-source": partial(_source_seconds, port),
        "sender": lambda: send(server, port, MAILS).seconds,
        "one by one": partial(one_by_one.seconds, server, port, MAILS // 5),
    }
    samples = {name: list(values) for name, values in measure(ways, rounds).items()}
    samples["one by one"] = [5 * seconds for seconds in samples["one by one"]]
    title = f"mails/s, one process, {MAILS:,} mails, everything logged"
    source = f"smtp-source with {BYTES:,} bytes a mail"
    return [
        ratio(
            f"{title} ÷ smtp-source",
            samples,
            "smtp-source",
            "sender",
            target=0.2,
            sense=">=",
            note=source,
        ),
        ratio(
            f"{title} ÷ a connection and two commits per mail",
            samples,
            "one by one",
            "sender",
            target=6,
            sense=">=",
            note=f"{MAILS // 5:,} mails one by one, times five",
        ),
    ]


def _memory(server: MailPlace) -> list[Figure]:
    with sink() as port:
        few, many = (send(server, port, mails).peak_mb for mails in (FEW, MANY))
    return [
        single(f"memory of a sender, {MANY:,} mails", [many], "MB", target=128),
        single(f"the same, beyond that for {FEW:,} mails", [many - few], "MB", target=8),
    ]


def _source_seconds(port: int) -> float:
    source = shutil.which("smtp-source", path=PATH)
    started = time.perf_counter()
    subprocess.run(
        [str(source), "-m", str(MAILS), "-l", str(BYTES), f"inet:{HOST}:{port}"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


@contextmanager
def _sink() -> Iterator[int]:
    port = free_port()
    program = shutil.which("smtp-sink", path=PATH)
    # As root it wants another account; whoever starts it may be root.
    process = subprocess.Popen([str(program), "-u", "nobody", f"inet:{HOST}:{port}", "100"])
    try:
        while is_free(port):
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()
