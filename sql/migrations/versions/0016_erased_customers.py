"""What a sender looks up before it begins: the customers who were erased."""

from include.migrations import create_index

revision = "0016_erased_customers"
down_revision = "0015_points_outlook"


def upgrade() -> None:
    create_index(
        "customers_erased_idx",
        "customers (id) where email_suppressed_at is not null and coalesce(btrim(email), '') = ''",
    )
