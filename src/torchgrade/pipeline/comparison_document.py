"""A comparison of two runs for a program, as docs/teachers.md describes it."""

from __future__ import annotations

from typing import Any

from torchgrade.model import CriterionResult, Verdict
from torchgrade.pipeline.comparison import Change, Comparison, Side, Student


def as_document(found: Comparison) -> dict[str, Any]:
    """The comparison as JSON-like data; who gained and who lost in the order of its properties."""
    means = found.means
    return {
        "schema": "torchgrade/diff/v1",
        "assignment": found.before.run.assignment,
        "before": _side_document(found.before),
        "after": _side_document(found.after),
        "mean_points": {"before": means[0], "after": means[1]} if means else None,
        "unchanged": found.unchanged,
        "differs": list(found.differs),
        "only_before": list(found.only_before),
        "only_after": list(found.only_after),
        "losing": [_student_document(s) for s in found.losing],
        "gaining": [_student_document(s) for s in found.gaining],
        "same_points": [_student_document(s) for s in found.turned],
        "not_judged": [_student_document(s) for s in found.unjudged],
    }


def _side_document(side: Side) -> dict[str, Any]:
    return {"run": side.run.id, "gradebook": side.book, "started": side.run.started.isoformat(timespec="seconds")}


def _student_document(student: Student) -> dict[str, Any]:
    return {
        "student": student.name,
        "gain": round(student.gain, 6),
        "before": _verdict_document(student.before),
        "after": _verdict_document(student.after),
        "other_notebook": student.other_notebook,
        "criteria": [_change_document(change) for change in student.changes],
    }


def _change_document(change: Change) -> dict[str, Any]:
    return {
        "id": change.criterion,
        "gain": round(change.gain, 6),
        "before": _result_document(change.before),
        "after": _result_document(change.after),
        "kept_by_a_teacher": change.kept,
    }


def _verdict_document(verdict: Verdict) -> dict[str, Any]:
    return {
        "status": str(verdict.status),
        "points": verdict.points,
        "bonus": verdict.bonus,
        "most": verdict.max_points,
    }


def _result_document(result: CriterionResult | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return {"outcome": str(result.outcome), "points": result.points, "message": result.message}
