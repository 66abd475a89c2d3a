"""Several courses in one gradebook: runs name theirs, and attempts are counted in each by itself.

What was kept before has an empty name, which the gradebook counts to every course.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

#: PostgreSQL enforces a length, and needs none for an index.
_NAME = sa.String(255).with_variant(sa.Text(), "postgresql")
_NAMES = {"run": ("assignment",), "verdict": ("key", "student", "assignment")}


def upgrade() -> None:
    """Add the courses."""
    op.add_column("run", sa.Column("course", _NAME, nullable=False, server_default=""))
    if op.get_bind().dialect.name == "postgresql":
        for table, columns in _NAMES.items():
            for column in columns:
                op.alter_column(table, column, type_=sa.Text())
    _count_attempts_by_course()


def _count_attempts_by_course() -> None:
    """Made anew, because SQLite cannot change a primary key."""
    names = (sa.column(name, sa.String()) for name in ("assignment", "student", "digest"))
    before = sa.table("attempt", *names, sa.column("number", sa.Integer()), sa.column("seen_at", sa.DateTime()))
    kept = op.get_bind().execute(sa.select(before)).mappings().all()
    op.drop_table("attempt")
    table = op.create_table(
        "attempt",
        sa.Column("course", _NAME, primary_key=True),
        sa.Column("assignment", _NAME, primary_key=True),
        sa.Column("student", _NAME, primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("digest", _NAME, nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.UniqueConstraint("course", "assignment", "student", "digest", name="attempt_once"),
    )
    op.bulk_insert(table, [{"course": "", **row} for row in kept])
