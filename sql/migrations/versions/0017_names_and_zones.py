"""What a mail server says is kept without names; whether a time zone is known is told quickly."""

from include.migrations import run_file

revision = "0017_names_and_zones"
down_revision = "0016_erased_customers"


def upgrade() -> None:
    for name in ("01_create_answer_function", "02_replace_view", "03_create_zone_function"):
        run_file(f"{revision}/{name}.sql")
