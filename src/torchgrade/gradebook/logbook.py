"""The log of what teachers decided and released. Lines are added and never changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from torchgrade.gradebook.moments import aware, stored
from torchgrade.gradebook.schema import audit, matching


@dataclass(frozen=True)
class Entry:
    """A line of the log. ``before`` and ``after``: JSON-like, what was changed and what it became."""

    id: int
    at: datetime
    who: str
    assignment: str
    student: str
    criterion: str
    action: str  # award, override, withdraw, comment, release
    before: dict[str, Any]
    after: dict[str, Any]


def write(
    db: Connection,
    whose: Mapping[str, str],
    action: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    who: str,
    at: datetime,
) -> None:
    """Add a line. ``whose``: course, assignment, student and criterion by the names of their columns."""
    row = {"at": stored(at), "who": who, "action": action, "before": dict(before), "after": dict(after)}
    db.execute(insert(audit), {**row, **whose})


def read(db: Connection, whose: Mapping[str, str], *, limit: int, before: int = 0) -> list[Entry]:
    """The newest lines first, those whose columns are as ``whose`` says.

    ``limit``: so many at most; ``before``: only those older than the line of this id, 0 for all.
    """
    query = select(audit).where(matching(audit, whose))
    query = query.where(audit.c.entry_id < before) if before else query
    rows = db.execute(query.order_by(audit.c.entry_id.desc()).limit(limit)).mappings()
    return [_entry(row) for row in rows]


def _entry(row: RowMapping) -> Entry:
    values = {f.name: row["entry_id" if f.name == "id" else f.name] for f in dataclasses.fields(Entry)}
    return Entry(**{**values, "at": aware(row["at"])})
