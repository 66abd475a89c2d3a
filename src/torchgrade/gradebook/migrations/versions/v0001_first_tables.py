"""The first tables: runs, verdicts, their criteria and notebooks, attempts.

A migration never changes once it is released, so it spells its columns and imports nothing of the engine.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    _create_run()
    _create_verdict()
    _create_criterion_result()
    _create_notebook()
    _create_run_verdict()
    _create_attempt()


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _floats(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Float(), nullable=False) for name in names]


def _verdict_id() -> sa.Column[Any]:
    verdict = sa.ForeignKey("verdict.verdict_id", ondelete="CASCADE")
    return sa.Column("verdict_id", sa.Integer(), verdict, primary_key=True)


def _create_run() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("assignment", sa.String(255), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime()),
        sa.Column("settings", sa.Text(), nullable=False),
    )


def _create_verdict() -> None:
    op.create_table(
        "verdict",
        sa.Column("verdict_id", sa.Integer(), primary_key=True),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("student", sa.String(255), nullable=False),
        sa.Column("assignment", sa.String(255), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        *_texts("notebook_digest", "status"),
        *_floats("points", "max_points", "bonus"),
        *_texts("reason"),
        *_floats("seconds", "peak_memory_mb"),
        *_texts("device", "sandbox"),
        sa.Column("attempt", sa.Integer(), nullable=False),
        *_texts("seed", "notes", "cells", "digests", "versions", "limits"),
        sa.UniqueConstraint("assignment", "key", "student", name="verdict_once"),
    )
    op.create_index("verdict_by_student", "verdict", ["student"])


def _create_criterion_result() -> None:
    op.create_table(
        "criterion_result",
        _verdict_id(),
        sa.Column("position", sa.Integer(), primary_key=True),
        *_texts("id", "title", "outcome"),
        *_floats("points", "max_points"),
        sa.Column("bonus", sa.Boolean(), nullable=False),
        *_texts("visibility", "message", "hint", "evidence", "detail"),
        *_floats("seconds"),
    )


def _create_notebook() -> None:
    op.create_table("notebook", _verdict_id(), sa.Column("json_zlib", sa.LargeBinary(), nullable=False))


def _create_run_verdict() -> None:
    op.create_table(
        "run_verdict",
        sa.Column("run_id", sa.String(64), sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
        _verdict_id(),
    )


def _create_attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("assignment", sa.String(255), primary_key=True),
        sa.Column("student", sa.String(255), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("digest", sa.String(255), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.UniqueConstraint("assignment", "student", "digest", name="attempt_once"),
    )
