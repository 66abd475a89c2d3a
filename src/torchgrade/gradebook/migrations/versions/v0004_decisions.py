"""What teachers decide: points of their own, comments, releases, and a log that only grows."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_NAME = sa.String(255).with_variant(sa.Text(), "postgresql")


def upgrade() -> None:
    """Create the tables, and the triggers that keep the log as it was written."""
    _create_decision()
    _create_release()
    _create_audit()
    _keep_audit()


def _names(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, _NAME, nullable=False) for name in names]


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _create_decision() -> None:
    op.create_table(
        "decision",
        sa.Column("decision_id", sa.Integer(), primary_key=True),
        *_names("course", "assignment", "student", "criterion"),
        sa.Column("points", sa.Float()),
        *_texts("reason", "comment", "machine_outcome"),
        sa.Column("machine_points", sa.Float(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        *_texts("notebook_digest", "verdict_key"),
        sa.Column("version", sa.Integer(), nullable=False),
        *_texts("who"),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.UniqueConstraint("course", "assignment", "student", "criterion", name="decision_once"),
    )


def _create_release() -> None:
    op.create_table(
        "release",
        sa.Column("release_id", sa.Integer(), primary_key=True),
        *_names("course", "assignment", "student"),
        *_texts("verdict_key", "verdict", "who"),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.UniqueConstraint("course", "assignment", "student", name="release_once"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("entry_id", sa.Integer(), primary_key=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        *_texts("who"),
        *_names("course", "assignment", "student", "criterion"),
        *_texts("action", "before", "after"),
    )


def _keep_audit() -> None:
    """Nobody changes or removes what the log says, also not by hand, without taking the triggers away first."""
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END"
            )
    elif op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION torchgrade_audit_grows() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit log only grows'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION torchgrade_audit_grows()"
        )
