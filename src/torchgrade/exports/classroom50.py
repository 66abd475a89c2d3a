"""Classroom 50: result.json of one submission, with scores that are whole numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from torchgrade.errors import UsageError
from torchgrade.exports import told
from torchgrade.model import Assignment, Criterion, Verdict, Visibility

SCHEMA = "classroom50/result/v1"
_FACTORS = (1, 2, 4, 5, 10, 20, 50, 100, 1000)


def factor(criteria: Iterable[Criterion]) -> int:
    """By how much all points are multiplied so that each maximum is a whole number: 2 where there are halves."""
    points = [c.points for c in criteria]
    for number in _FACTORS:
        if all(math.isclose(p * number, round(p * number), abs_tol=1e-9) for p in points):
            return number
    return _FACTORS[-1]


def result(
    assignment: Assignment, verdict: Verdict, environment: Mapping[str, str], *, now: datetime
) -> dict[str, Any]:
    """The content of result.json. ``environment`` is what the runner set. Raises UsageError where it did not.

    A score over the maximum is refused there, so a bonus is told and not counted. A part of a point is rounded
    down to a whole one of the scaled points.
    """
    counted = [c for c in assignment.criteria if c.visibility is Visibility.PUBLIC and not c.manual]
    scale = factor(counted)
    tests = [_test(line, scale) for line in told.lines(verdict) if line.result.visibility is Visibility.PUBLIC]
    wanted = {name: environment.get(name, "").strip() for name in ("CLASSROOM", "ASSIGNMENT", "SUBMISSION_TAG")}
    commit = environment.get("COMMIT_URL", "").strip()
    owner = environment.get("OWNER", "").strip() or environment.get("USERNAME", "").strip()
    wanted |= {"COMMIT_URL": commit, "OWNER": owner, "RELEASE_URL": environment.get("RELEASE_URL", "").strip()}
    if missing := [name for name, value in wanted.items() if not value]:
        raise UsageError(f"not set by the runner of Classroom 50: {', '.join(missing)}")
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "schema": SCHEMA,
        "classroom": wanted["CLASSROOM"],
        "assignment": wanted["ASSIGNMENT"],
        "assignment_type": environment.get("ASSIGNMENT_TYPE", "").strip() or "individual",
        "owner": owner,
        "submission": wanted["SUBMISSION_TAG"],
        "commit": commit,
        "release": wanted["RELEASE_URL"],
        "review": environment.get("REVIEW_URL", "").strip() or commit,
        "datetime": stamp,  # the runner puts the commit's own time in its place
        "graded_at": stamp,
        "score": sum(test["score"] for test in tests),
        "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }


def _test(line: told.Line, scale: int) -> dict[str, Any]:
    result = line.result
    most = 0 if result.bonus else round(result.max_points * scale)
    score = 0 if result.bonus else min(most, math.floor(result.points * scale + 1e-6))
    more = {"bonus": result.points} if result.bonus else {}
    return {
        "test-name": line.title,
        "passed": line.passed,
        "score": score,
        "max-score": most,
        "output": line.said,
        "points-scaled-by": scale,
        **more,
    }


def release_body(verdict: Verdict, document: Mapping[str, Any]) -> str:
    """release-body.md: the same for the student, in Markdown; what they wrote stands in code blocks alone."""
    head = f"### {document['score']} / {document['max-score']}"
    parts = [head, _block(told.summary(verdict))]
    for test in document["tests"]:
        sign = "✅" if test["passed"] else "❌"
        parts.append(f"#### {sign} {_escaped(test['test-name'])}: {test['score']} / {test['max-score']}")
        parts.append(_block(test["output"]))
    return "\n\n".join(parts) + "\n"


def _block(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+-.!|~" else c for c in text)
