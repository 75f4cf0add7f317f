"""Selects a run's cohorts and carries them out, chunk by chunk."""

from __future__ import annotations

import logging
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from include.clock import clock_of, read_clock
from include.database import (
    CHUNK,
    HOLDING,
    HURRIED,
    LAST_PASS,
    LOOKING,
    SELECTION,
    Binds,
    Limits,
    is_lock_conflict,
    run_stage,
    transaction,
)
from include.progress import Progress, Tell, tell_log
from include.runs import hold_open, is_dry
from include.settings import positive_int

log = logging.getLogger(__name__)

# A `reinstatement` gives back what an expiry took; its plan and skips have tables of their own.
Kind = Literal["warning", "expiry", "reinstatement"]
SELECT_STAGE: dict[Kind, str] = {
    "warning": "select_warnings",
    "expiry": "select_expiry",
    "reinstatement": "select_late_activity",
}
CARRY_OUT_STAGE: dict[Kind, str] = {
    "warning": "queue_warnings",
    "expiry": "expire_points",
    "reinstatement": "reinstate_points",
}
CHUNK_SIZE_DEFAULT = 1000
CHUNK_CONNECTIONS_DEFAULT = 1
# Cards that the last pass looks up at once; it goes through what is left each time.
HELD_AT_ONCE = 1000
# For so long the last pass waits for tills; then it takes what is free and skips the rest. Somebody
# who holds thousands of cards for hours must not hold up the day.
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Share:
    """A range of card ids that one task carries out: above the first, up to and with the last."""

    after_card_id: int = 0
    last_card_id_max: int = 2**63 - 1


WHOLE = Share()


@dataclass(frozen=True)
class Plan:
    """What a cohort holds: cards and points, over all programs of the run."""

    cards_planned: int
    points_planned: int


@dataclass(frozen=True)
class Deeds:
    """What became of a cohort: cards and points carried out, cards skipped for a reason."""

    cards_done: int
    points_done: int
    cards_skipped: int


def select_cohort(
    engine: Engine, run_id: int, kind: Kind, *, stage: str | None = None, **binds: object
) -> Plan:
    """Plan the cohort of one kind; on a closed run, tell what was planned then.

    `stage` names another selection than the kind's own, with the binds that it needs.
    """
    with transaction(engine, SELECTION) as connection:
        if hold_open(connection, run_id):
            run_stage(connection, "take_plan_turn", {"run_id": run_id, "kind": kind})
            run_stage(connection, stage or SELECT_STAGE[kind], {"run_id": run_id, **binds})
        counted = run_stage(connection, "count_cohort", {"run_id": run_id, "kind": kind})
    plan = Plan(int(counted["cards_planned"]), int(counted["points_planned"]))
    log.info("The %s cohort holds %s cards with %s points.", kind, *vars(plan).values())
    return plan


def share_cohort(engine: Engine, run_id: int, kind: Kind, *, shares_max: int) -> list[Share]:
    """Return ranges with equally many undecided cards each; together they cover every card."""
    binds = {"run_id": run_id, "kind": kind, "shares_max": shares_max}
    with transaction(engine, SELECTION) as connection:
        ends = run_stage(connection, "share_cohort", binds)["last_card_ids"]
    starts = [WHOLE.after_card_id, *ends]
    return [Share(*bounds) for bounds in zip(starts, [*ends, WHOLE.last_card_id_max], strict=True)]


def carry_out(
    engine: Engine, run_id: int, kind: Kind, *, share: Share = WHOLE, tell: Tell | None = None
) -> Deeds:
    """Carry out the planned cohort of one kind, or a share: all or nothing per chunk of cards.

    A rerun finds what is left; on a closed run that is nothing. The deeds are the run's so far.
    `tell` hears of the progress.
    """
    if is_dry(engine, run_id):
        skip(engine, run_id, kind, "dry_run")
    else:
        progress = _begin(engine, run_id, kind, tell)
        _chunks(engine, run_id, kind, share, progress)
        _last_pass(engine, run_id, kind, share, progress)
        progress.end()
    return _count_deeds(engine, run_id, kind)


def skip(
    engine: Engine,
    run_id: int,
    kind: Kind,
    reason: str,
    *,
    card_id: int | None = None,
    program_ids: list[int] | None = None,
) -> None:
    """Note `reason` on what is planned and undecided: of one card, some programs, or all."""
    binds: Binds = {
        "run_id": run_id,
        "kind": kind,
        "reason": reason,
        "skipped_at": read_clock(engine),
        "card_id": card_id,
        "program_ids": program_ids,
    }
    with transaction(engine, SELECTION) as connection:
        if hold_open(connection, run_id):
            run_stage(connection, "skip_members", binds)


def _begin(engine: Engine, run_id: int, kind: Kind, tell: Tell | None) -> Progress:
    def count_left() -> int:
        with transaction(engine, SELECTION) as connection:
            counted = run_stage(connection, "count_undecided", {"run_id": run_id, "kind": kind})
        return int(counted["cards_left"])

    told = tell_log(f"Cards ({kind})", also=tell)
    return Progress(count_left, told, clock=time.monotonic)


def _chunks(engine: Engine, run_id: int, kind: Kind, share: Share, progress: Progress) -> None:
    size = positive_int("LOYALTY_CHUNK_SIZE", CHUNK_SIZE_DEFAULT)
    with transaction(engine, SELECTION) as connection:
        cut = {"run_id": run_id, "kind": kind, "chunk_size": size, **vars(share)}
        ends: list[int] = run_stage(connection, "list_chunks", cut)["last_card_ids"] or []
    bounds = deque(pairwise([share.after_card_id, *ends]))
    connections = positive_int("LOYALTY_CHUNK_CONNECTIONS", CHUNK_CONNECTIONS_DEFAULT)
    if connections == 1:
        _work(engine, run_id, kind, bounds, progress)
        return
    with ThreadPoolExecutor(connections) as threads:
        works = [
            threads.submit(_work, engine, run_id, kind, bounds, progress)
            for _ in range(min(connections, len(bounds)))
        ]
        try:
            for work in as_completed(works):
                work.result()
        finally:
            # The others end the chunk they are at; leaving the block waits for that.
            bounds.clear()


def _work(
    engine: Engine, run_id: int, kind: Kind, bounds: deque[tuple[int, int]], progress: Progress
) -> None:
    while True:
        try:
            after, last = bounds.popleft()
        except IndexError:  # Another connection took the last one.
            return
        chunk = {"run_id": run_id, "kind": kind, "after_card_id": after, "last_card_id": last}
        progress.add(_chunk(engine, kind, chunk))


def _chunk(engine: Engine, kind: Kind, binds: Binds) -> int:
    """Carry out one chunk, or nothing of it; return how many cards were decided on."""
    has_locked = False
    try:
        with transaction(engine, CHUNK) as connection:
            if not hold_open(connection, binds["run_id"]):
                return 0
            locked = run_stage(connection, "lock_chunk", binds)
            has_locked = True
            _decide_locked(connection, kind, locked)
        return len(locked["card_ids"] or ())
    except OperationalError as error:
        if not has_locked or not is_lock_conflict(error):
            raise
        log.info("A chunk met a lock of the application; its cards are left to the last pass.")
    return 0


def _decide_locked(connection: Connection, kind: Kind, locked: Binds) -> None:
    # A second statement, so that it sees what committed while the first one waited.
    if locked["card_ids"]:
        run_stage(connection, "limit_session", vars(HOLDING))
        booked_at = clock_of(connection)
        run_stage(connection, CARRY_OUT_STAGE[kind], locked | {"booked_at": booked_at})


def _last_pass(engine: Engine, run_id: int, kind: Kind, share: Share, progress: Progress) -> None:
    hurried_from = time.monotonic() + PATIENCE_SECONDS
    after = share.after_card_id
    while held := _held_cards(engine, run_id, kind, replace(share, after_card_id=after)):
        for card_id in held:
            limits = HURRIED if time.monotonic() > hurried_from else LAST_PASS
            _decide_held(engine, kind, {"run_id": run_id, "held_card_id": card_id}, limits)
            progress.add(1)
            after = card_id


def _held_cards(engine: Engine, run_id: int, kind: Kind, share: Share) -> list[int]:
    with transaction(engine, LOOKING) as connection:
        # Holding the run makes this commit wait for the disk: where nothing is left, all that
        # the chunks wrote is there, or their cards would be found again.
        if not hold_open(connection, run_id):
            return []
        binds = {"run_id": run_id, "kind": kind, "cards_max": HELD_AT_ONCE} | vars(share)
        return run_stage(connection, "next_held_cards", binds)["held_card_ids"] or []


def _decide_held(engine: Engine, kind: Kind, binds: Binds, limits: Limits) -> None:
    run_id, card_id = binds["run_id"], binds["held_card_id"]
    try:
        with transaction(engine, limits) as connection:
            if not hold_open(connection, run_id):
                return
            locked = run_stage(connection, "lock_held_card", binds)
            _decide_locked(connection, kind, locked)
        is_held = locked["card_ids"] is None
    except OperationalError as error:
        if not is_lock_conflict(error):
            raise
        is_held = True
    if is_held:
        log.warning("Card %s is held by a till; it is due again.", card_id)
        skip(engine, run_id, kind, "locked", card_id=card_id)


def _count_deeds(engine: Engine, run_id: int, kind: Kind) -> Deeds:
    with transaction(engine, SELECTION) as connection:
        counted = run_stage(connection, "count_deeds", {"run_id": run_id, "kind": kind})
    deeds = Deeds(
        int(counted["cards_done"]), int(counted["points_done"]), int(counted["cards_skipped"])
    )
    log.info(
        "%s: %s cards with %s points carried out, %s skipped for a stated reason.",
        kind,
        *vars(deeds).values(),
    )
    return deeds
