"""The cards that a chunk looks for, found by sets instead of one by one."""

from include.migrations import run_file

revision = "0014_undecided_cards"
down_revision = "0013_kept_forecast"


def upgrade() -> None:
    run_file(f"{revision}/01_create_function.sql")
