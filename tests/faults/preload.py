"""What every task needs, imported once for all of them; no connection and no thread is opened."""

from sqlalchemy import create_engine

from tests.faults import tap, whole_day

__all__ = ["tap", "whole_day"]

# The driver is loaded with the first engine of its kind.
create_engine("postgresql+psycopg2://").dispose()
