"""The report as a table: what each run did, program by program."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from include.database import READER, statements, transaction
from include.lifecycle import DagRun, count_mails, find_run
from include.runs import read_report

NOTHING = {"sent_total": 0, "refused_total": 0, "waiting_total": 0}
HEAD = ("program", "warned", "expired", "points", "mails", "refused", "waiting")


def show(engine: Engine, run_ids: list[int]) -> None:
    """Print one block per run: a line per program, and the sums; of a dry run what was planned."""
    widths = "{:<30} {:>8} {:>8} {:>9} {:>8} {:>8} {:>8}"
    print("\n" + " " * 12 + widths.format(*HEAD))
    totals = [0] * 6
    for run_id in run_ids:
        mails = _mails(engine, run_id)
        status = _status(engine, run_id)
        if status["dry_run"]:
            print("a dry run: what would be warned and expire; nothing was changed")
        for number, program in enumerate(read_report(engine, run_id)):
            row = _row(program, mails.get(program["program_id"], NOTHING), is_dry=status["dry_run"])
            name = program["program_name"] + _remark(program)
            day = f"{status['as_of']:%Y-%m-%d}" if number == 0 else ""
            print(f"{day:<12}" + widths.format(name[:30], *(f"{value:,}" for value in row)))
            totals = [total + value for total, value in zip(totals, row, strict=True)]
    print(f"{'all days':<12}" + widths.format("", *(f"{value:,}" for value in totals)))


def show_lifecycle(engine: Engine, dag_run: DagRun) -> None:
    """Print how many lifecycle mails a DAG run queued and how many of them are sent, by event."""
    run_id = find_run(engine, dag_run)
    mails = count_mails(engine, run_id) if run_id else {}
    widths = "{:<24} {:>8} {:>8}"
    print("\n" + widths.format("event", "queued", "sent"))
    for event, (queued, sent) in mails.items():
        print(widths.format(event, f"{queued:,}", f"{sent:,}"))
    totals = (sum(column) for column in zip((0, 0), *mails.values(), strict=True))
    print(widths.format("all", *(f"{total:,}" for total in totals)))


def _remark(program: dict[str, Any]) -> str:
    if program["exempt_reason"]:
        return f" ({program['exempt_reason'].replace('_', ' ')})"
    if program["size_check"] == "held":
        return f" (held: {program['expiry_cards_planned']:,} cards)"
    return ""


def _row(program: dict[str, Any], mails: dict[str, Any], *, is_dry: bool) -> list[int]:
    done = ("warning_cards_queued", "cards_expired", "points_expired")
    planned = ("warning_cards_planned", "expiry_cards_planned", "expiry_points_planned")
    return [
        *(program[name] for name in (planned if is_dry else done)),
        mails["sent_total"],
        mails["refused_total"],
        mails["waiting_total"],
    ]


def _mails(engine: Engine, run_id: int) -> dict[int, dict[str, Any]]:
    (statement,) = statements("count_mails")
    with transaction(engine, role=READER) as connection:
        rows = connection.exec_driver_sql(statement, {"run_id": run_id}).mappings().all()
    return {row["program_id"]: dict(row) for row in rows}


def _status(engine: Engine, run_id: int) -> dict[str, Any]:
    (statement,) = statements("read_run_status")
    with transaction(engine, role=READER) as connection:
        return dict(connection.exec_driver_sql(statement, {"run_id": run_id}).mappings().one())
