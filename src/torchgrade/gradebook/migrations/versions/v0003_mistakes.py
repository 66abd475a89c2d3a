"""Which known mistake a wrong answer was, and its fingerprint: empty for verdicts from before."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns."""
    for name in ("mistake", "fingerprint"):
        op.add_column("criterion_result", sa.Column(name, sa.Text(), nullable=False, server_default=""))
