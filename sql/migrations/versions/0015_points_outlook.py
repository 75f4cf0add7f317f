"""What the pages look up: what all cards hold and will lose, and the mails that failed."""

from include.migrations import create_index, run_file

revision = "0015_points_outlook"
down_revision = "0014_undecided_cards"


def upgrade() -> None:
    create_index(
        "email_logs_undelivered_idx",
        "email_logs (queued_at) where status in ('failed', 'ambiguous')",
    )
    for name in ("01_create_tables", "02_create_functions"):
        run_file(f"{revision}/{name}.sql")
