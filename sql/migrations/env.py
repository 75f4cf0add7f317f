"""Alembic's entry: runs the migrations on the connection that `include.migrations` hands over."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="pipeline_version",
    version_table_schema="loyalty",
    transaction_per_migration=True,
)

with context.begin_transaction():
    context.run_migrations()
