"""Grades as CSV for people and as JSON for programs: all that is known, whatever the state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from torchgrade.exports.cells import neutral
from torchgrade.exports.rows import Row, State, in_order, number, possible
from torchgrade.exports.tables import to_csv
from torchgrade.feedback.clean import encodable, plain
from torchgrade.model import Assignment, CriterionResult, Outcome

SCHEMA = "torchgrade/export/v1"
HEAD = (
    "student", "state", "points", "max_points", "bonus", "total", "raw_points", "late_seconds", "attempt",
    "because",
)  # fmt: skip
_PLACES = 6


def as_csv(rows: Sequence[Row], assignment: Assignment) -> bytes:
    """One row a student: what counts, what it follows from, then each criterion, then the roster's columns.

    Blank: not known. UTF-8; no cell is a formula.
    """
    criteria = [c.id for c in assignment.criteria]
    columns = list(dict.fromkeys(name for row in rows for name in row.fields))
    taken = {*HEAD, *criteria}
    titles = [name if name not in taken else f"roster_{name}" for name in columns]
    lines = [[neutral(title) for title in (*HEAD, *criteria, *titles)]]
    for row in in_order(rows):
        results = {c.id: c for c in row.verdict.criteria} if row.verdict else {}
        lines.append(
            [
                *_head(row, assignment),
                *(_mark(results.get(id)) for id in criteria),
                *(neutral(row.fields.get(name, "")) for name in columns),
            ]
        )
    return to_csv(lines).encode("utf-8")


def _head(row: Row, assignment: Assignment) -> list[str]:
    known = row.state is not State.MISSING and row.state is not State.BROKEN
    standing = row.standing
    points = [row.points, possible(assignment), row.bonus, row.total, row.raw_points]
    return [
        neutral(row.student),
        str(row.state),
        *(number(value, _PLACES) if known else "" for value in points),
        number(standing.late_seconds, 0) if standing is not None else "",
        str(row.attempt or ""),
        neutral(" ".join(standing.because)) if standing is not None else "",
    ]


def _mark(result: CriterionResult | None) -> str:
    if result is None or result.outcome in (Outcome.MANUAL, Outcome.BROKEN):
        return ""
    return number(result.points, _PLACES)


def as_json(rows: Sequence[Row], assignment: Assignment, *, course: str, run: str, now: datetime) -> bytes:
    """The same for programs (tests/exports/schemas/export-v1.schema.json). Strict JSON."""
    document = {
        "schema": SCHEMA,
        "course": encodable(course),
        "assignment": assignment.id,
        "title": encodable(assignment.title),
        "run": run,
        "exported_at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "max_points": float(possible(assignment)),
        "students": [_student(row) for row in in_order(rows)],
    }
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)
    return (text + "\n").encode("utf-8")


def _student(row: Row) -> dict[str, Any]:
    known = row.state not in (State.MISSING, State.BROKEN)
    said: dict[str, Any] = {
        "student": encodable(row.student),
        "state": str(row.state),
        "points": float(row.points) if known else None,
        "bonus": float(row.bonus) if known else None,
        "total": float(row.total) if known else None,
        "raw_points": float(row.raw_points) if known else None,
        "attempt": row.attempt,
        "fields": {encodable(k): encodable(v) for k, v in row.fields.items()},
    }
    if row.standing is not None:
        because = [plain(sentence) for sentence in row.standing.because]
        said |= {"late_seconds": float(row.standing.late_seconds), "because": because}
    if row.verdict is not None:
        said |= {
            "status": str(row.verdict.status),
            "sandbox": str(row.verdict.sandbox),
            "notebook": encodable(row.verdict.digests.get("notebook", "")),
            "criteria": [_criterion(result) for result in row.verdict.criteria],
        }
    return said


def _criterion(result: CriterionResult) -> dict[str, Any]:
    judged = result.outcome not in (Outcome.MANUAL, Outcome.BROKEN)
    return {
        "id": encodable(result.id),
        "outcome": str(result.outcome),
        "points": float(result.points) if judged else None,
        "max_points": float(result.max_points),
        "bonus": result.bonus,
        "visibility": str(result.visibility),
    }
