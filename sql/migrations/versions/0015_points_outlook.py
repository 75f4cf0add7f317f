"""What the cards hold and will lose is counted once a day, for the pages."""

from include.migrations import run_file

revision = "0015_points_outlook"
down_revision = "0014_undecided_cards"


def upgrade() -> None:
    for name in ("01_create_tables", "02_create_functions"):
        run_file(f"{revision}/{name}.sql")
