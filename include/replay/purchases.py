"""The purchases: where their file lies, what it must be, and how its days come to the present."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from include.errors import ConfigurationError

# CDNOW_master.txt of the wheel lifetimes 0.11.3: 69,659 purchases of 23,570 customers.
PURCHASES_SHA256 = "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef"
LAST_PURCHASE_ON = date(1998, 6, 30)

_COLUMNS = ["customer_id", "date", "number_of_cds", "dollar_value"]


def purchases_file() -> Path:
    """Return where the file lies: `LOYALTY_PURCHASES_FILE`, else inside the wheel `lifetimes`.

    Raises:
        ConfigurationError: it is in neither place.
    """
    named = os.environ.get("LOYALTY_PURCHASES_FILE")
    path = Path(named) if named else _file_in_wheel()
    if path is None or not path.is_file():
        raise ConfigurationError(
            f"The purchases of the demonstration are missing ({path or 'no wheel lifetimes'}): "
            "install lifetimes==0.11.3 without its dependencies, or let LOYALTY_PURCHASES_FILE "
            "name its CDNOW_master.txt."
        )
    return path


def _file_in_wheel() -> Path | None:
    # The wheel is installed without its dependencies, so it can be found but not imported.
    spec = importlib.util.find_spec("lifetimes")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "datasets" / "CDNOW_master.txt"


def read_purchases(path: Path) -> pd.DataFrame:
    """Return the purchases of the file at `path`, one row each, in file order.

    Raises:
        ConfigurationError: the file is not the one this replay was made for.
    """
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != PURCHASES_SHA256:
        raise ConfigurationError(
            f"{path} is not the CDNOW_master.txt of lifetimes 0.11.3 (its sha256 differs); "
            "install that version again."
        )
    return parse_purchases(content)


def parse_purchases(content: bytes) -> pd.DataFrame:
    """Return one row per line: its number from 1, `customer_id`, `purchased_on`, whole dollars."""
    lines = pd.read_csv(io.BytesIO(content), sep=r"\s+", header=0, names=_COLUMNS)
    return pd.DataFrame(
        {
            "purchase_number": np.arange(1, len(lines) + 1),
            "customer_id": lines["customer_id"],
            "purchased_on": pd.to_datetime(lines["date"].astype(str), format="%Y%m%d"),
            "points": np.floor(lines["dollar_value"]).astype("int64"),
        }
    )


def shift(today: date) -> timedelta:
    """Return the whole weeks that bring the last purchase as close to yesterday as they can."""
    yesterday = today - timedelta(days=1)
    return timedelta(weeks=(yesterday - LAST_PURCHASE_ON).days // 7)
