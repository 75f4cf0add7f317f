"""A card's story: what it holds, when that expires, what was mailed, what expired and why."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from include.pages.drawing import draw, root_of
from include.pages.reading import BIGINT_MAX, Row, read_now, read_page

ROWS_MAX, CARDS_MAX, WORDS_MAX = 200, 50, 200
router = APIRouter()


@router.get("/cards")
def find_card(request: Request, q: str = "") -> Response:
    """Find cards by number or id; a single one is shown at once."""
    # PostgreSQL's text holds no NUL.
    words = q.replace("\0", "").strip()[:WORDS_MAX]
    found = read_page(
        request, "show_cards", card_number=words, card_id=_id(words), cards_max=CARDS_MAX
    )["find_cards"]
    if len(found) == 1:
        return RedirectResponse(f"{root_of(request)}cards/{quote(str(found[0]['id']))}", 303)
    return draw(request, "cards.html", words=words, cards=found)


@router.get("/cards/{card_id}")
def show_card(request: Request, card_id: Annotated[int, Path(ge=1, le=BIGINT_MAX)]) -> Response:
    """Show one card's story."""
    now = read_now(request)
    found = read_page(request, "show_card", card_id=card_id, now_at=now, rows_max=ROWS_MAX)
    if not found["read_card"]:
        raise HTTPException(404, f"There is no card {card_id}.")
    (card,) = found["read_card"]
    return draw(
        request,
        "card.html",
        card=card,
        outlook=foresee(card),
        ledger=found["list_ledger"],
        mails=found["list_mails"],
        expirations=found["list_expirations"],
        skips=found["list_skips"],
        rows_max=ROWS_MAX,
    )


def foresee(card: Row) -> str:
    """Say in a sentence when the card's points expire, and by which rule."""
    return _exemption(card) or _promise(card)


def _exemption(card: Row) -> str | None:
    days = card["points_expiration_days"]
    return next(
        (
            sentence
            for holds, sentence in (
                (not card["points_balance"], "Nothing can expire: the balance is 0."),
                (not card["is_merchant_active"], "Nothing expires: the merchant is inactive."),
                (not card["is_program_active"], "Nothing expires: the program is inactive."),
                (not card["is_active"], "Nothing expires: the card is inactive."),
                (not days or days <= 0, "Nothing expires: points of this program never do."),
                (
                    not card["is_zone_known"],
                    "Nothing expires: the database does not know the program's time zone.",
                ),
                (
                    card["due_on"] is None,
                    "Nothing expires: the card has no activity date.",
                ),
                (
                    card["is_cycle_expired"],
                    "This cycle has expired once. Points that came back to it stay until the next "
                    "activity.",
                ),
            )
            if holds
        ),
        None,
    )


def _promise(card: Row) -> str:
    notice = card["min_notice_days"]
    if notice > 0 and card["opened_on"] is None:
        return (
            f"Due on {card['due_on']}, but nothing expires before a warning of this cycle was "
            f"accepted and {notice} days have passed since."
        )
    until = card["usable_until"]
    if until < card["today"]:
        return f"The points could be used until {until}; the next run takes them."
    return f"The points can be used until {until}; activity before the end of that day saves them."


def _id(words: str) -> int | None:
    if not (words.isascii() and words.isdigit() and len(words) <= len(str(BIGINT_MAX))):
        return None
    number = int(words)
    return number if number <= BIGINT_MAX else None
