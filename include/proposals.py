"""What a person reads before approving: a headline and a body in Markdown, made of figures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SETTINGS = {
    "points_expiration_days": "days until points expire",
    "warning_days": "warning days",
    "min_notice_days": "days of minimum notice",
    "time_zone": "time zone",
}
EXEMPTIONS = {
    "merchant_inactive": "the merchant was inactive",
    "program_inactive": "the program was inactive",
    "never_expires": "points never expired",
    "unknown_time_zone": "its time zone was unknown",
}


@dataclass(frozen=True)
class Proposal:
    """What is shown: `subject` is plain text on one line, `body` is Markdown."""

    subject: str
    body: str


def propose_expiry(facts: Mapping[str, Any]) -> Proposal:
    """Describe a held plan: cards, points, share, history, and what changed in the settings."""
    lines = [
        f"Run {facts['held_run_id']} of {facts['today']} would expire far more than usual, so "
        "the program is held. Every other program went on.",
        "",
        f"- **Program**: {_plain(facts['program_name'])} (id {facts['program_id']}) of "
        f"{_plain(facts['merchant_name'])}",
        f"- **Cards**: {facts['cards_planned']:,}, due between {facts['first_due_on']} and "
        f"{facts['last_due_on']}",
        f"- **Points**: {facts['points_planned']:,}{_share(facts)}",
        f"- **History**: {_history(facts)}",
        f"- **Limits**: {_limits(facts)}",
        "",
        f"**Settings since the last run**: {_settings(facts)}",
        "",
        "*Approve* carries out exactly this plan; each card is checked once more, and whoever came "
        "back keeps the points. *Reject* takes nothing. Without an answer the plan lapses when the "
        "next daily run proposes the program again.",
    ]
    return Proposal(
        f"Expire {facts['points_planned']:,} points of {facts['cards_planned']:,} cards in "
        f"program {facts['program_id']}?",
        "\n".join(lines),
    )


def propose_reinstatement(programs: Sequence[Mapping[str, Any]]) -> Proposal:
    """Describe what would be given back, program by program, and what would be skipped."""
    points = sum(program["points_planned"] for program in programs)
    cards = sum(program["cards_planned"] for program in programs)
    subject = f"Give {points:,} expired points back to {cards:,} cards?"
    if not programs:
        return Proposal(subject, "Nothing that was named has expired, or all of it is given back.")
    lines = [
        "| program | cards | points | expiries | inactive, to be skipped | came back since |",
        "|---|--:|--:|--:|--:|--:|",
        *(
            f"| {_plain(each['program_name'])} (id {each['program_id']}) of "
            f"{_plain(each['merchant_name'])} | {each['cards_planned']:,} | "
            f"{each['points_planned']:,} | {each['expiries_planned']:,} | "
            f"{each['expiries_inactive']:,} | {each['expiries_come_back']:,} |"
            for each in programs
        ),
        "",
        "*Approve* adds the points to the balances by a ledger row each; what changed until then "
        "is skipped and said so in the report. Points that are given back stay until the card's "
        "next activity starts a new cycle. *Reject* changes nothing.",
    ]
    return Proposal(subject, "\n".join(lines))


def _share(facts: Mapping[str, Any]) -> str:
    outstanding = facts["points_outstanding"]
    if not outstanding:
        return ""
    return f", {facts['points_planned'] / outstanding:.1%} of the {outstanding:,} outstanding"


def _limits(facts: Mapping[str, Any]) -> str:
    # A limit that is null holds nothing, but the other one may have held the plan.
    ratio, share = facts["size_check_median_ratio"], facts["size_check_points_share"]
    by_ratio = "any number of times" if ratio is None else f"{ratio:f} times"
    by_share = "any share" if share is None else f"{share:.0%}"
    return (
        f"{facts['size_check_cards']:,} cards; {by_ratio} the median a day; without seven days of "
        f"history {by_share} of the points"
    )


def _history(facts: Mapping[str, Any]) -> str:
    days = facts["history_days"] or 0
    if not days:
        return "none; this would be the program's first expiry"
    elapsed = facts["elapsed_days"]
    return (
        f"a median of {facts['history_cards_median']:g} cards a day over {days} days; "
        f"{elapsed} day{'s' if elapsed != 1 else ''} since the last run"
    )


def _settings(facts: Mapping[str, Any]) -> str:
    if facts["earlier_run_id"] is None:
        return "there is no run before to compare with."
    if reason := facts["earlier_exempt_reason"]:
        return f"in run {facts['earlier_run_id']} {EXEMPTIONS[reason]}."
    changes = [
        f"{label} {_plain(facts[f'earlier_{name}'])} → {_plain(facts[name])}"
        for name, label in SETTINGS.items()
        if facts[f"earlier_{name}"] != facts[name]
    ]
    if not changes:
        return f"unchanged since run {facts['earlier_run_id']} of {facts['earlier_today']}."
    return "; ".join(changes) + "."


def _plain(value: Any) -> str:
    # A program's name is its merchant's to choose; nothing in it may act as Markdown.
    text = re.sub(r"\s+", " ", str(value))
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~])", r"\\\1", text)
