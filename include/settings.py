"""The settings of the pipeline: environment variables whose names start with `LOYALTY_`."""

from __future__ import annotations

import os
from pathlib import Path

from include.errors import ConfigurationError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
SQL_ROOT = PROJECT_ROOT / "sql"


def state_dir() -> Path:
    """Return the one folder that holds all generated state (`LOYALTY_STATE_DIR`)."""
    return Path(os.environ.get("LOYALTY_STATE_DIR") or PROJECT_ROOT / ".state")


def cohort_root() -> str:
    """Return the folder or URL under which cohort files are written (`LOYALTY_COHORT_ROOT`)."""
    return os.environ.get("LOYALTY_COHORT_ROOT") or str(state_dir() / "cohorts")


def positive_int(name: str, default: int) -> int:
    """Return the whole number in environment variable `name`, at least 1.

    Raises:
        ConfigurationError: the variable holds something else.
    """
    return whole_number(name, default, least=1)


def whole_number(name: str, default: int, *, least: int = 0) -> int:
    """Return the whole number in environment variable `name`.

    Raises:
        ConfigurationError: the variable holds something else, or less than `least`.
    """
    text = os.environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise ConfigurationError(
            f"{name} is {text!r}; set it to a whole number of at least {least}."
        )
    return int(text)
