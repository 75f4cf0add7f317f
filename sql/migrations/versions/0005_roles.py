"""Least privilege: the roles that tasks put on, and rows of closed runs that nobody changes."""

from include.migrations import create_roles, run_file

revision = "0005_roles"
down_revision = "0004_held_and_reinstated"


def upgrade() -> None:
    create_roles(f"{revision}/01_create_roles.sql")
    for name in ("02_create_owners_views", "03_grant_rights", "04_guard_closed_runs"):
        run_file(f"{revision}/{name}.sql")
