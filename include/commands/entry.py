"""What every command shares: a sentence instead of a traceback where a person has to act."""

from __future__ import annotations

import sys
from collections.abc import Callable

from include.errors import LoyaltyError


def run_command(main: Callable[[], int]) -> None:
    """Run `main` and exit with its status; a LoyaltyError becomes one sentence and status 2."""
    try:
        status = main()
    except LoyaltyError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
