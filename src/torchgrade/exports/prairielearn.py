"""PrairieLearn: results.json of an external grader.

PrairieLearn shows every test and the score at once and knows no hidden ones, so criteria that are not public are
one line there: their points together, and not a word of what was asked.
"""

from __future__ import annotations

import json
from typing import Any

from torchgrade.exports import told
from torchgrade.i18n import _
from torchgrade.model import Status, Verdict, Visibility

MOST_BYTES = 1_000_000
_ROOM = 900_000  # what all texts may take; the rest is names and numbers


def results(verdict: Verdict) -> dict[str, Any]:
    """The content of results.json, under 1 MB. Neither what is our fault nor what could not be read costs an
    attempt."""
    if told.broken(verdict) or verdict.status is Status.UNREADABLE:
        return {"gradable": False, "format_errors": [told.summary(verdict)]}
    lines = told.lines(verdict)
    public = [line for line in lines if line.result.visibility is Visibility.PUBLIC]
    others = [line for line in lines if line.result.visibility is not Visibility.PUBLIC]
    counted = [line.result for line in lines if not line.result.bonus]
    most = sum(r.max_points for r in counted)
    earned = sum(line.result.points for line in lines)
    document = {
        "gradable": True,
        "score": round(min(1.0, max(0.0, earned / most)), 6) if most > 0 else 0.0,
        "message": told.summary(verdict),
        "tests": [*map(_test, public), *_together(others)],
    }
    return _fitted(document)


def _test(line: told.Line) -> dict[str, Any]:
    most = 0.0 if line.result.bonus else round(line.result.max_points, 4)
    return {
        "name": line.title,
        "points": round(line.result.points, 4),
        "max_points": most,
        "message": line.said,
    }


def _together(lines: list[told.Line]) -> list[dict[str, Any]]:
    if not lines:
        return []
    return [
        {
            "name": _("Hidden checks"),
            "points": round(sum(line.result.points for line in lines), 4),
            "max_points": round(sum(line.result.max_points for line in lines if not line.result.bonus), 4),
            "message": _("The same questions with other sizes and numbers."),
        }
    ]


def _fitted(document: dict[str, Any]) -> dict[str, Any]:
    """With texts cut until all of it is small enough."""
    limit = 4000
    while len(json.dumps(document).encode()) > _ROOM and limit > 0:
        limit //= 2
        for test in document["tests"]:
            test["message"] = test["message"][:limit]
    return document
