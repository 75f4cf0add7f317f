"""What a run foresaw for the next day is kept; held programs are defined once."""

from include.migrations import run_file

revision = "0013_kept_forecast"
down_revision = "0012_expiration_forecast"


def upgrade() -> None:
    for name in ("01_create_table", "02_replace_forecast", "03_create_held_programs"):
        run_file(f"{revision}/{name}.sql")
