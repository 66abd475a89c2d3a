"""Alembic runs this file; the connection comes from ``torchgrade.gradebook.upgrade``."""

from alembic import context

from torchgrade.gradebook.schema import REVISION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=REVISION_TABLE,
    transaction_per_migration=True,
    transactional_ddl=True,  # true of SQLite as we open it, though Alembic assumes that it is not
)
with context.begin_transaction():
    context.run_migrations()
