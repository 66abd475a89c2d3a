"""The reports that programs read: results.json, grades.csv, junit.xml."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from torchgrade.feedback.clean import encodable, one_line, plain, shorten
from torchgrade.feedback.words import in_order, measured
from torchgrade.model import Assignment, CriterionResult, Outcome, Status, Verdict
from torchgrade.policy import Standing

SCHEMA = "torchgrade/results/v1"
_TEXT = 4000  # characters of a message or hint
# A spreadsheet reads these as the start of a formula; the wide forms are folded to the narrow by some.
_FORMULA = re.compile(r"""^[\s"'\ufeff\u200b]*[=+\-@＝＋－＠]""")
# Where a semicolon separates columns, a formula may begin in the middle of our cell.
_INNER_FORMULA = re.compile(r"""(;[\s"']{0,8})(?=[=+\-@＝＋－＠])""")


Standings = Mapping[str, Standing]


def results_document(
    assignment: Assignment, verdicts: Sequence[Verdict], standings: Standings | None = None
) -> dict[str, Any]:
    """The content of results.json: JSON-like, strict, students in a stable order. Raises BrokenError.

    ``standings``: what counts for each student; ``points`` are what the work earned, with or without them.
    """
    found = standings or {}
    return {
        "schema": SCHEMA,
        "assignment": assignment.id,
        "title": encodable(assignment.title),
        "max_points": float(assignment.max_points),
        "submissions": [{**_submission(v), **_standing(found.get(v.student))} for v in in_order(verdicts)],
    }


def _standing(standing: Standing | None) -> dict[str, Any]:
    if standing is None:
        return {}
    told = {
        "points": float(standing.points),
        "raw_points": float(standing.raw_points),
        "max_points": float(standing.max_points),
        "bonus": float(standing.bonus),
        "late_seconds": round(standing.late_seconds, 3),
        "attempt": standing.attempt,
        "by": encodable(standing.by),
        "excused": standing.excused,
        "due": _iso(standing.due),
        "handed_in": _iso(standing.handed_in),
        "because": [_text(said) for said in standing.because],
    }
    return {"standing": told}


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _submission(verdict: Verdict) -> dict[str, Any]:
    return {
        "student": encodable(verdict.student),
        "status": str(verdict.status),
        "points": float(verdict.points),
        "max_points": float(verdict.max_points),
        "seconds": round(measured(verdict.seconds), 3),
        "device": plain(verdict.device),
        "sandbox": plain(str(verdict.sandbox)),
        "bonus": float(verdict.bonus),
        "reason": _text(verdict.reason),
        "attempt": verdict.attempt,
        "notes": [_text(note) for note in verdict.notes],
        "cells_failed": sum(cell.status != "ok" for cell in verdict.cells),
        "peak_memory_mb": round(measured(verdict.peak_memory_mb), 1),
        "criteria": [_criterion(c) for c in verdict.criteria],
        "versions": {plain(k): plain(v) for k, v in sorted(verdict.versions.items())},
        "digests": {plain(k): plain(v) for k, v in sorted(verdict.digests.items())},
    }


def _criterion(result: CriterionResult) -> dict[str, Any]:
    return {
        "id": encodable(result.id),
        "title": _text(result.title),
        "outcome": str(result.outcome),
        "points": float(result.points),
        "max_points": float(result.max_points),
        "bonus": result.bonus,
        "visibility": str(result.visibility),
        "message": _text(result.message),
        "hint": _text(result.hint),
    }


def _text(text: str) -> str:
    return shorten(plain(text), _TEXT)


def results_json(document: dict[str, Any]) -> str:
    """The document as text. Strict: a number that JSON cannot hold raises ValueError."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


_COUNTED = ("counted_points", "counted_bonus", "late_seconds", "counted_attempt", "excused", "because")


def grades_csv(assignment: Assignment, verdicts: Sequence[Verdict], standings: Standings | None = None) -> str:
    """One row a student, one column a criterion. Blank: not judged (yet). Raises BrokenError.

    With ``standings`` six columns more: what counts of the points, and why.
    """
    columns = [c.id for c in assignment.criteria]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    counted = _COUNTED if standings is not None else ()
    header = ["student", "status", "points", "max_points", "bonus", *columns, "reason", *counted]
    writer.writerow([neutral(h) for h in header])
    for verdict in in_order(verdicts):
        results = {c.id: c for c in verdict.criteria}
        marks = [_mark(results.get(column)) for column in columns]
        score = [_plain_number(p) for p in (verdict.points, verdict.max_points, verdict.bonus)]
        row = [neutral(verdict.student), verdict.status, *score, *marks, neutral(verdict.reason)]
        more = _counted(verdict, standings.get(verdict.student)) if standings is not None else []
        writer.writerow([*row, *more])
    return out.getvalue()


def _counted(verdict: Verdict, standing: Standing | None) -> list[str]:
    """Blank points: there are none that count, because the work is excused or could not be judged yet."""
    if standing is None or verdict.status is Status.BROKEN:
        return ["" for _ in _COUNTED]
    points, bonus = ("", "") if standing.excused else map(_plain_number, (standing.points, standing.bonus))
    late, excused = f"{standing.late_seconds:.0f}", "yes" if standing.excused else ""
    return [points, bonus, late, str(standing.attempt), excused, neutral(" ".join(standing.because))]


def _mark(result: CriterionResult | None) -> str:
    if result is None or result.outcome in (Outcome.MANUAL, Outcome.BROKEN):
        return ""
    return _plain_number(result.points)


def _plain_number(value: float) -> str:
    return f"{value:.10g}"


def neutral(text: str) -> str:
    """Text for a spreadsheet cell: one line, and never the start of a formula."""
    line = one_line(text, 2000)
    line = _INNER_FORMULA.sub(r"\1'", line)
    return f"'{line}" if _FORMULA.match(line) else line
