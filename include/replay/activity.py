"""Activity: what the customers did and when, before anybody knows what it did to a balance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from include.replay.draws import draw
from include.replay.platform import Program

OPENS_AT_SECOND = 9 * 3600
OPEN_SECONDS = 11 * 3600
REDEEMED_AFTER = pd.Timedelta(hours=1)

# At one instant a card is created before it earns, and earns before it redeems.
TYPE_ORDER = ("card_created", "points_earned", "points_redeemed", "points_expired")

EVENT_COLUMNS = ["card_id", "program_id", "merchant_id", "store_id", "transaction_type"]
EVENT_COLUMNS += ["points", "takes_one_in", "happened_on", "happened_at"]


def activities(
    purchases: pd.DataFrame, cards: pd.DataFrame, *, programs: Sequence[Program], seed: int
) -> pd.DataFrame:
    """Return the events that the purchases cause, in the order of their instants.

    `points` is what the event adds. `takes_one_in` is 0, or the number by which the card's
    balance of that moment is divided to get what the event takes away. `happened_on` is the
    local day in the program's zone. The grain is one enrolment per card, one earning per
    purchase, and one redemption where the draw says so.
    """
    bought = _at_the_till(_with_cards(purchases, cards), programs=programs, seed=seed)
    enrolled = bought.drop_duplicates("card_id").assign(transaction_type="card_created", points=0)
    events = pd.concat([enrolled, bought, _redemptions(bought, seed)], ignore_index=True)
    return in_order(events[EVENT_COLUMNS])


def in_order(events: pd.DataFrame) -> pd.DataFrame:
    """Return the events by instant, then card, then type: the order of the ledger's ids."""
    types = pd.Categorical(events["transaction_type"], categories=TYPE_ORDER, ordered=True)
    keyed = events.assign(transaction_type=types)
    ordered = keyed.sort_values(["happened_at", "card_id", "transaction_type"], kind="stable")
    return ordered.astype({"transaction_type": "str"}).reset_index(drop=True)


def _with_cards(purchases: pd.DataFrame, cards: pd.DataFrame) -> pd.DataFrame:
    owned = cards.rename(columns={"id": "card_id"})
    return purchases.merge(owned, on="customer_id", how="left", validate="many_to_one")


def _at_the_till(bought: pd.DataFrame, *, programs: Sequence[Program], seed: int) -> pd.DataFrame:
    """Add store, type, local day and instant, and put a card's purchases in order."""
    wall_clock = bought["purchased_on"] + pd.to_timedelta(seconds_of_day(bought, seed), unit="s")
    drawn_stores = draw(seed, "store", bought["purchase_number"])
    parts = []
    for program in programs:
        rows = (bought["program_id"] == program.id).to_numpy()
        store_index = drawn_stores[rows] % np.uint64(len(program.store_ids))
        instants = wall_clock[rows].dt.tz_localize(program.time_zone).dt.tz_convert("UTC")
        parts.append(
            bought[rows].assign(
                store_id=np.array(program.store_ids)[store_index],
                happened_at=instants.astype("datetime64[us, UTC]"),
            )
        )
    sold = pd.concat(parts).assign(transaction_type="points_earned", takes_one_in=0)
    sold = sold.rename(columns={"purchased_on": "happened_on"})
    return sold.sort_values(["card_id", "happened_at"])


def seconds_of_day(bought: pd.DataFrame, seed: int) -> NDArray[np.int64]:
    """Return each purchase's local second of the day, within 09:00 to 20:00.

    The day's opening time is cut into as many equal slots as the card has purchases that day;
    each falls into its own slot in file order, so no two meet.
    """
    same_day = bought.groupby(["card_id", "purchased_on"])["purchase_number"]
    slot_seconds = OPEN_SECONDS // same_day.transform("size").to_numpy(dtype=np.int64)
    drawn = draw(seed, "time", bought["purchase_number"])
    within_slot = (drawn % slot_seconds.astype(np.uint64)).astype(np.int64)
    position = same_day.cumcount().to_numpy(dtype=np.int64)
    return OPENS_AT_SECOND + position * slot_seconds + within_slot


def _redemptions(bought: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the redemptions: one purchase in 60 leads to the whole balance, one in 12 to half."""
    drawn = draw(seed, "redemption", bought["purchase_number"])
    halves = np.where(drawn % np.uint64(12) == 5, 2, 0)
    followed = bought.assign(
        transaction_type="points_redeemed",
        points=0,
        takes_one_in=np.where(drawn % np.uint64(60) == 0, 1, halves),
        happened_at=bought["happened_at"] + REDEEMED_AFTER,
    )
    return followed[followed["takes_one_in"] > 0]
