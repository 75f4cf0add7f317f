"""What the size check looks up: the earlier days of a program."""

from include.migrations import create_index

revision = "0019_program_history"
down_revision = "0018_forecast_defaults"


def upgrade() -> None:
    create_index("expiration_run_programs_days_idx", "expiration_run_programs (program_id, today)")
