"""Plans lock no cards: selecting a cohort neither waits for a till nor stops one."""

from include.migrations import run_file

revision = "0003_plan_without_card_locks"
down_revision = "0002_pipeline_tables"


def upgrade() -> None:
    run_file(f"{revision}/01_drop_constraint.sql")
