"""When each attempt was handed in, as far as anybody knows: nothing for those from before."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column."""
    op.add_column("attempt", sa.Column("handed_in", sa.DateTime()))
