"""The forecast knows that warnings which the application left null are those of 14 days."""

from include.migrations import run_file

revision = "0018_forecast_defaults"
down_revision = "0017_names_and_zones"


def upgrade() -> None:
    run_file(f"{revision}/01_replace_forecast.sql")
