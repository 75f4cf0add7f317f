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
TEMPLATE = "bench_mails"
BYTES = 12_000
# What a mail server across a network needs that looks at what it takes.
SECONDS_PER_MAIL = 0.02
PROGRAMS = ("smtp-sink", "smtp-source")
PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Send the same number of mails of about the same size in every way."""
    place.new(TEMPLATE).dispose()
    server = MailPlace(make_url(place.server.url("postgres")), TEMPLATE)
    made = _memory(server, few=cards // 100, many=cards)
    if all(shutil.which(program, path=PATH) for program in PROGRAMS):
        with _sink() as port:
            return [*made, *_speed(server, port, rounds), *_growth(server, port, rounds)]
    told = "not measured: smtp-sink and smtp-source are missing (Debian's package postfix)"
    return [*made, unmeasured("mails/s, one process, everything logged", note=told)]


def _speed(server: MailPlace, port: int, rounds: int) -> list[Figure]:
    ways = {
        "smtp-source": partial(_source_seconds, port),
        "smtp-source -d": partial(_source_seconds, port, "-d"),
        "sender": partial(_seconds, server, port, MAILS),
        "one by one": partial(one_by_one.seconds, server, port, MAILS // 5),
    }
    samples = {name: list(values) for name, values in measure(ways, rounds).items()}
    samples["one by one"] = [5 * seconds for seconds in samples["one by one"]]
    title = f"mails/s, one process, {MAILS:,} mails, everything logged"
    source = f"{BYTES:,} bytes a mail"
    return [
        ratio(
            f"{title} ÷ smtp-source",
            samples,
            "smtp-source",
            "sender",
            target=0.2,
            sense=">=",
            note=f"{source}, a connection for each of them",
        ),
        ratio(
            f"{title} ÷ smtp-source -d",
            samples,
            "smtp-source -d",
            "sender",
            note=f"{source}, all on one connection, as the sender's",
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


def _growth(server: MailPlace, port: int, rounds: int) -> list[Figure]:
    """Tell what more senders bring, and more connections where the mail server takes its time."""
    rounds = -(-rounds // 2)
    by_senders = {
        f"{senders} senders": partial(_seconds, server, port, MAILS, senders=senders)
        for senders in (1, 2)
    }
    with sink(SECONDS_PER_MAIL) as slow_port:
        by_connections = {
            f"{connections} connections": partial(
                _seconds, server, slow_port, MAILS // 10, connections=connections
            )
            for connections in (1, 4, 16)
        }
        slow = measure(by_connections, rounds)
    quick = measure(by_senders, rounds)
    one, *more = by_connections
    title = f"mails/s, a server that takes {1000 * SECONDS_PER_MAIL:.0f} ms a mail"
    return [
        ratio("mails/s: two senders ÷ one", quick, *by_senders, note="on the same two cores"),
        *(ratio(f"{title}: {many} ÷ one", slow, one, many) for many in more),
    ]


def _seconds(
    server: MailPlace, port: int, mails: int, *, senders: int = 1, connections: int = 1
) -> float:
    sent = send(server, port, mails, senders=senders, connections=connections)
    if sent.mails != mails:
        raise AssertionError(f"{sent.mails} of {mails} mails were sent.")
    return sent.seconds


def _memory(server: MailPlace, *, few: int, many: int) -> list[Figure]:
    with sink() as port:
        small, large = (send(server, port, mails).peak_mb for mails in (few, many))
    return [
        single(f"memory of a sender, {many:,} mails", [large], "MB", target=128),
        single(f"the same, beyond that for {few:,} mails", [large - small], "MB", target=8),
    ]


def _source_seconds(port: int, *options: str) -> float:
    source = shutil.which("smtp-source", path=PATH)
    started = time.perf_counter()
    subprocess.run(
        [str(source), *options, "-m", str(MAILS), "-l", str(BYTES), f"inet:{HOST}:{port}"],
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
