"""The pages' addresses: each reads what its template shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from include.clock import read_clock
from include.health import find_troubles
from include.mail import settling
from include.pages.advice import ADVICE
from include.pages.charts import draw
from include.pages.comparison import compare
from include.pages.outlook import find_outlook
from include.pages.reading import BIGINT_MAX, PAGE, as_id, engine_of, read, replica_of
from include.pages.rendering import HERE, page
from include.pages.usual import medians

router = APIRouter()
STATIC = {
    "pages.css": "text/css",
    "pages.js": "text/javascript",
    "charts.js": "text/javascript",
    "points.svg": "image/svg+xml",
}
# Others' programs: their names carry their versions, so a browser may keep them.
VENDOR = ("d3-7.9.2.min.js", "plot-0.6.17.umd.min.js")


@router.get("/")
def overview(request: Request, before: str | None = None) -> HTMLResponse:
    """Last night, the last 90 days, and what needs attention."""
    engine = engine_of(request)
    binds = {"now_at": read_clock(engine), "before_id": as_id(before)}
    runs, days, programs = read(engine, "show_overview", binds)
    root = request.scope.get("root_path", "")
    links = [f"{root}/runs/{day['run_id']}" if day["run_id"] else None for day in days]
    charts = [
        draw(
            title, "points", [(d["day_on"], d[name], to) for d, to in zip(days, links, strict=True)]
        )
        for title, name in (
            ("Points expired per day", "points_expired"),
            ("Points warned per day", "points_warned"),
        )
    ]
    return page(
        request,
        "overview.html",
        runs=runs,
        days=days,
        charts=charts,
        troubles=[trouble.sentence for trouble in find_troubles(engine, PAGE) if runs],
        programs=programs,
        unshown=programs[0]["reasons_total"] - len(programs) if programs else 0,
        advice=ADVICE,
        missed=sum(day["run_id"] is None for day in days),
    )


@router.get("/runs/{run_id}")
def run(request: Request, run_id: str, skip: str | None = None) -> HTMLResponse:
    """One run: programs, size check, proof, files, mails, the days before."""
    binds = {"run_id": as_id(run_id) or 0, "dag_id": None, "dag_run_id": None}
    return _show_run(request, binds, as_id(skip) or 0)


@router.get("/dag-runs/{dag_id}/{dag_run_id:path}")
def dag_run(request: Request, dag_id: str, dag_run_id: str) -> HTMLResponse:
    """The tab of a DAG run in Airflow: its latest attempt."""
    binds = {"run_id": None, "dag_id": _plain(dag_id), "dag_run_id": _plain(dag_run_id)}
    return _show_run(request, binds, 0)


def _show_run(request: Request, binds: Mapping[str, object], skip: int) -> HTMLResponse:
    engine = engine_of(request)
    ((*found,),) = read(engine, "find_shown_run", binds)
    if not found:
        sentence = (
            "No run of the pipeline belongs to this address. A DAG run has one as soon as its "
            "task open_run is done; the lifecycle mails have none."
        )
        return page(request, "missing.html", status=404, sentence=sentence)
    shown = read(engine, "show_run", {"run_id": found[0]["id"], "skip_rows": skip})
    names = ("programs", "skips", "mails", "files", "proof", "before", "cards")
    values: dict[str, Any] = dict(zip(names, shown, strict=True))
    comparison = compare(engine, found[0]["id"])
    usual = medians(values["before"])
    return page(
        request, "run.html", **values, run=found[0], skip=skip, comparison=comparison, usual=usual
    )


@router.get("/cards")
def find_card(request: Request, q: str = "") -> Response:
    """Find a card by its number or id."""
    words = _plain(q.strip())
    cards = []
    if words:
        binds = {"words": words, "card_id": as_id(words)}
        (cards,) = read(engine_of(request), "find_shown_card", binds)
    if len(cards) == 1:
        root = request.scope.get("root_path", "")
        return RedirectResponse(f"{root}/cards/{cards[0]['id']}", 303)
    return page(request, "cards.html", words=words, cards=cards)


@router.get("/cards/{card_id}")
def card(request: Request, card_id: str) -> HTMLResponse:
    """A card's story: when its points expire, why they did, its ledger and its mails."""
    shown = read(engine_of(request), "show_card", {"card_id": as_id(card_id) or 0})
    cards, ledger, expirations, mails, skips = shown
    if not cards:
        return page(request, "missing.html", status=404, sentence="There is no such card.")
    return page(
        request,
        "card.html",
        card=cards[0],
        ledger=ledger,
        expirations=expirations,
        mails=mails,
        skips=skips,
    )


@router.get("/forecast")
def forecast(
    request: Request, program: str | None = None, count: str | None = None
) -> HTMLResponse:
    """What expires in the next 90 days if nobody comes back."""
    engine = replica_of(request)
    outlook = find_outlook(engine, count)
    program_id = as_id(program)
    (rows,) = read(engine, "show_forecast", outlook | {"program_id": program_id})
    days = [row for row in rows if row["day_on"]]
    programs = [row for row in rows if not row["day_on"]]
    bars = [(day["day_on"], day["points_total"], None) for day in days]
    chart = draw("Points that expire per day", "points", bars)
    return page(
        request,
        "forecast.html",
        days=days,
        programs=programs,
        charts=[chart],
        program_id=program_id,
        comparison=None if program_id else compare(engine),
        outlook=outlook,
    )


@router.get("/mails")
def mails(request: Request, settled: str | None = None) -> HTMLResponse:
    """Mails that may have arrived and wait for a person."""
    waiting = settling.list_ambiguous(engine_of(request))
    return page(request, "mails.html", mails=waiting, settled=as_id(settled))


@router.post("/mails")
def settle_mail(
    request: Request,
    mail_id: Annotated[int, Form(ge=1, le=BIGINT_MAX)],
    decision: Annotated[Literal["send", "close"], Form()],
) -> RedirectResponse:
    """Send one ambiguous mail again, or close it."""
    settle = settling.send_again if decision == "send" else settling.close
    done = settle(engine_of(request), [mail_id])
    root = request.scope.get("root_path", "")
    return RedirectResponse(f"{root}/mails?settled={len(done)}", 303)


@router.get("/static/{name}")
def static(name: str) -> FileResponse:
    """The style sheet, the scripts and the icon; no other file."""
    if name in VENDOR:
        kept = {"cache-control": "private, max-age=31536000, immutable"}
        file = HERE / "static" / "vendor" / name
        return FileResponse(file, media_type="text/javascript", headers=kept)
    if name not in STATIC:
        raise HTTPException(404, "There is no such file.")
    return FileResponse(HERE / "static" / name, media_type=STATIC[name])


def _plain(text: str) -> str:
    # PostgreSQL knows no zero byte; nothing is named with one.
    return text.replace("\0", "")
