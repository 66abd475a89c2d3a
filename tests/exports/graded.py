"""Made-up rows and an assignment for the tests of exports, and the schemas beside this file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

from torchgrade.exports.rows import Row
from torchgrade.model import Assignment, Criterion, CriterionResult, Outcome, Status, Verdict, Visibility
from torchgrade.policy import Standing

HERE = Path(__file__).parent
SECRET_WORDS = "asked with 17 rows"  # what a hidden criterion must never tell

SOFTMAX = Assignment(
    id="softmax",
    title="Softmax by hand",
    criteria=(
        Criterion("sums", "Every row is a distribution", 2.0),
        Criterion("values", "Right values", 5.5, Visibility.AFTER_DUE),
        Criterion("sizes", "Any size", 2.5, Visibility.HIDDEN),
        Criterion("stable", "Stays finite", 0.5, Visibility.HIDDEN, bonus=True),
    ),
    defines=("softmax",),
)
WITH_ESSAY = Assignment(
    id="essay",
    title="An essay",
    criteria=(Criterion("sums", "Sums", 2.0), Criterion("essay", "An essay", 8.0, manual=True)),
    defines=(),
)


def verdict(
    student: str = "anna", points: float = 10.0, bonus: float = 0.0, assignment: Assignment = SOFTMAX, **more: Any
) -> Verdict:
    """A verdict in which the points went to the criteria from the first to the last."""
    left, results = points, []
    for c in assignment.criteria:
        earned = bonus if c.bonus else 0.0 if c.manual else min(left, c.points)
        left -= 0.0 if c.bonus else earned
        outcome = Outcome.PASSED if earned == c.points else Outcome.PARTIAL if earned else Outcome.FAILED
        outcome = Outcome.MANUAL if c.manual else outcome
        said = "Not a distribution." if c.visibility is Visibility.PUBLIC else f"Wrong, {SECRET_WORDS}."
        message = "" if outcome in (Outcome.PASSED, Outcome.MANUAL) else said
        results.append(
            CriterionResult(c.id, c.title, outcome, earned, c.points, c.bonus, c.visibility, message, detail="D")
        )
    fields: dict[str, Any] = {
        "status": Status.GRADED, "points": points, "max_points": assignment.max_points, "bonus": bonus,
        "criteria": tuple(results), "digests": {"notebook": f"digest of {student}"}, "seed": "5eed",
    }  # fmt: skip
    return Verdict(student=student, assignment=assignment.id, **{**fields, **more})


def row(student: str = "anna", points: float = 10.0, bonus: float = 0.0, **fields: str) -> Row:
    """A row with columns of the roster."""
    return Row(student, fields, verdict(student, points, bonus))


def excused(student: str = "eva", **fields: str) -> Row:
    return Row(student, fields, verdict(student, 0.0), Standing(0.0, 0.0, 10.0, excused=True))


def broken(student: str = "boris", **fields: str) -> Row:
    lost = CriterionResult("sums", "Sums", Outcome.BROKEN, 0.0, 2.0)
    return Row(student, fields, verdict(student, 0.0, status=Status.BROKEN, reason="disk", criteria=(lost,)))


def waiting(student: str = "clara", **fields: str) -> Row:
    return Row(student, fields, verdict(student, 2.0, assignment=WITH_ESSAY))


def check(document: Any, schema: str) -> None:
    """Against a schema beside this file. What JSON cannot hold is refused as well."""
    plain = json.loads(json.dumps(document, allow_nan=False))
    found = json.loads((HERE / "schemas" / f"{schema}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(found)
    jsonschema.validate(plain, found, jsonschema.Draft202012Validator)
