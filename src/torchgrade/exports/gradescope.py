"""Gradescope: results.json of one submission.

Public criteria are ``visible``, those of ``after_due`` are ``after_due_date``, hidden ones ``after_published``:
nothing of them shows before a teacher publishes the grades. There is no score at the top, which would tell their
sum: Gradescope adds up the tests, and shows no total to a student while one of them is out of sight.
"""

from __future__ import annotations

from typing import Any

from torchgrade.exports import told
from torchgrade.i18n import _
from torchgrade.model import Assignment, Outcome, Verdict, Visibility

VISIBILITY = {
    Visibility.PUBLIC: "visible",
    Visibility.AFTER_DUE: "after_due_date",
    Visibility.HIDDEN: "after_published",
}


def results(assignment: Assignment, verdict: Verdict, *, seconds: float) -> dict[str, Any]:
    """The content of results.json. ``seconds``: how long it took altogether."""
    document: dict[str, Any] = {
        "execution_time": round(seconds, 2),
        "output": told.summary(verdict),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "stdout_visibility": "hidden",
        "extra_data": extra_data(verdict),
    }
    if told.broken(verdict):
        return {**document, "tests": [_broken_test(assignment)]}
    lines = told.lines(verdict)
    if not lines:  # every criterion waits for a teacher
        return {**document, "score": 0.0}
    return {**document, "tests": [_test(line, str(n)) for n, line in enumerate(lines, 1)]}


def extra_data(verdict: Verdict) -> dict[str, Any]:
    """What a teacher may want to know later; nothing by which hidden inputs could be drawn again."""
    return {
        "torchgrade": {
            "status": str(verdict.status),
            "sandbox": str(verdict.sandbox),
            "device": verdict.device,
            "seconds": round(verdict.seconds, 2),
            "peak_memory_mb": round(verdict.peak_memory_mb, 1),
            "versions": dict(sorted(verdict.versions.items())),
        }
    }


def _test(line: told.Line, number: str) -> dict[str, Any]:
    """One criterion. A bonus has no maximum of its own there: what it earns is beyond that of the others."""
    result = line.result
    return {
        "name": line.title,
        "number": number,
        "score": round(result.points, 4),
        "max_score": 0.0 if result.bonus else round(result.max_points, 4),
        "status": "passed" if result.outcome is Outcome.PASSED else "failed",
        "output": line.said,
        "visibility": VISIBILITY[result.visibility],
        "tags": ["bonus"] if result.bonus else [],
    }


def _broken_test(assignment: Assignment) -> dict[str, Any]:
    most = sum(c.points for c in assignment.criteria if not c.bonus and not c.manual)
    return {
        "name": _("Could not be examined"),
        "score": 0.0,
        "max_score": round(most, 4),
        "status": "failed",
        "output": _("This is no grade: your teacher will run it again."),
        "visibility": "visible",
    }
