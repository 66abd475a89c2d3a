"""Tables of the gradebook, as the newest migration leaves them.

Columns carry the names of the fields of ``torchgrade.model``, so a teacher who knows a verdict can query it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    and_,
)

REVISION = "0005"  # the newest migration: compared with the database before Alembic is imported
REVISION_TABLE = "torchgrade_revision"  # its own name, so the database may be shared with another program

_ESCAPED = "~escaped:"


class SafeText(TypeDecorator[str]):
    """Text of students, which may hold what databases refuse: NUL, or half of a surrogate pair.

    Ordinary text is stored as it is; the odd one as ``~escaped:`` and its Python escapes. Nothing is lost.
    """

    impl: Any = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Text for the database."""
        if value is None or not _is_odd(value):
            return value
        return _ESCAPED + value.encode("unicode_escape").decode("ascii")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Text as it was before ``process_bind_param``."""
        if value is None or not value.startswith(_ESCAPED):
            return value
        return value.removeprefix(_ESCAPED).encode("ascii").decode("unicode_escape")


class SafeName(SafeText):
    """The same for names that stand in an index, where some databases want a bounded length."""

    impl: Any = String(255).with_variant(Text(), "postgresql")
    cache_ok = True


class SafeJSON(TypeDecorator[Any]):
    """Plain JSON-like data as readable JSON text, with odd text treated as in ``SafeText``."""

    impl = SafeText
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """JSON text; letters of any alphabet stay readable."""
        return json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """The data again; lists where tuples went in."""
        return None if value is None else json.loads(value)


def _is_odd(text: str) -> bool:
    if "\0" in text or text.startswith(_ESCAPED):
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


metadata = MetaData()

runs = Table(
    "run",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("assignment", SafeName, nullable=False),
    Column("started_at", DateTime, nullable=False),  # all times are UTC
    Column("ended_at", DateTime),
    Column("settings", SafeJSON, nullable=False),
    Column("course", SafeName, nullable=False, server_default=""),  # its title and year
)

verdicts = Table(
    "verdict",
    metadata,
    Column("verdict_id", Integer, primary_key=True),
    Column("key", SafeName, nullable=False),
    Column("student", SafeName, nullable=False),
    Column("assignment", SafeName, nullable=False),
    Column("finished", Boolean, nullable=False),  # false: something of ours broke, so it is to be run again
    Column("created_at", DateTime, nullable=False),
    Column("notebook_digest", SafeText, nullable=False),
    Column("status", SafeText, nullable=False),
    Column("points", Float, nullable=False),
    Column("max_points", Float, nullable=False),
    Column("bonus", Float, nullable=False),
    Column("reason", SafeText, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("peak_memory_mb", Float, nullable=False),
    Column("device", SafeText, nullable=False),
    Column("sandbox", SafeText, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("seed", SafeText, nullable=False),
    Column("notes", SafeJSON, nullable=False),
    Column("cells", SafeJSON, nullable=False),
    Column("digests", SafeJSON, nullable=False),
    Column("versions", SafeJSON, nullable=False),
    Column("limits", SafeJSON, nullable=False),
    UniqueConstraint("assignment", "key", "student", name="verdict_once"),
)


def _verdict_id() -> Column[Any]:
    return Column("verdict_id", ForeignKey("verdict.verdict_id", ondelete="CASCADE"), primary_key=True)


criteria = Table(
    "criterion_result",
    metadata,
    _verdict_id(),
    Column("position", Integer, primary_key=True),  # 0 for the first line of the rubric
    Column("id", SafeText, nullable=False),
    Column("title", SafeText, nullable=False),
    Column("outcome", SafeText, nullable=False),
    Column("points", Float, nullable=False),
    Column("max_points", Float, nullable=False),
    Column("bonus", Boolean, nullable=False),
    Column("visibility", SafeText, nullable=False),
    Column("message", SafeText, nullable=False),
    Column("hint", SafeText, nullable=False),
    Column("evidence", SafeJSON, nullable=False),
    Column("detail", SafeText, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("mistake", SafeText, nullable=False, server_default=""),
    Column("fingerprint", SafeText, nullable=False, server_default=""),
)

notebooks = Table(
    "notebook",
    metadata,
    _verdict_id(),
    Column("json_zlib", LargeBinary, nullable=False),  # the executed notebook: UTF-8 JSON, compressed by zlib
)

run_verdicts = Table(
    "run_verdict",
    metadata,
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("verdict_id", ForeignKey("verdict.verdict_id", ondelete="CASCADE"), primary_key=True),
)

attempts = Table(
    "attempt",
    metadata,
    Column("course", SafeName, primary_key=True),
    Column("assignment", SafeName, primary_key=True),
    Column("student", SafeName, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", SafeName, nullable=False),
    Column("seen_at", DateTime, nullable=False),
    Column("handed_in", DateTime),  # none: nothing that came with it says when
    UniqueConstraint("course", "assignment", "student", "digest", name="attempt_once"),
)

Index("verdict_by_student", verdicts.c.student)


def _whose() -> list[Column[Any]]:
    return [Column(name, SafeName, nullable=False) for name in ("course", "assignment", "student")]


# What teachers decided beside the machine's verdicts, as it is now; how it came to be is in ``audit``.
decisions = Table(
    "decision",
    metadata,
    Column("decision_id", Integer, primary_key=True),
    *_whose(),
    Column("criterion", SafeName, nullable=False),  # its id; empty: the whole work, which may have a comment
    Column("points", Float),  # none: the machine's points stand
    Column("reason", SafeText, nullable=False),
    Column("comment", SafeText, nullable=False),
    Column("machine_outcome", SafeText, nullable=False),  # what the teacher saw when deciding
    Column("machine_points", Float, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("notebook_digest", SafeText, nullable=False),  # the work that the decision is about
    Column("verdict_key", SafeText, nullable=False),
    Column("version", Integer, nullable=False),  # one more with each change
    Column("who", SafeText, nullable=False),
    Column("at", DateTime, nullable=False),
    UniqueConstraint("course", "assignment", "student", "criterion", name="decision_once"),
)

releases = Table(
    "release",
    metadata,
    Column("release_id", Integer, primary_key=True),
    *_whose(),
    Column("verdict_key", SafeText, nullable=False),
    Column("verdict", SafeJSON, nullable=False),  # as it was told, decisions included; without exhibits
    Column("who", SafeText, nullable=False),
    Column("at", DateTime, nullable=False),
    UniqueConstraint("course", "assignment", "student", name="release_once"),
)

# Rows are added and never changed: triggers of the migration see to it.
audit = Table(
    "audit",
    metadata,
    Column("entry_id", Integer, primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("who", SafeText, nullable=False),
    *_whose(),
    Column("criterion", SafeName, nullable=False),
    Column("action", SafeText, nullable=False),
    Column("before", SafeJSON, nullable=False),
    Column("after", SafeJSON, nullable=False),
)


def matching(table: Table, values: Mapping[str, Any]) -> ColumnElement[bool]:
    """Those rows of a table that have these values, by the names of columns. At least one."""
    return and_(*(table.c[name] == value for name, value in values.items()))


def of_course(table: Table, course: str) -> ColumnElement[bool]:
    """Those rows of a table that belong to a course: its own, and those that name none.

    The latter are from a torchgrade that kept one course in a gradebook.
    """
    return table.c.course.in_((course, ""))
