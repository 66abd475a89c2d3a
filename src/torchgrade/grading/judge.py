"""From what the tests found to a verdict: outcomes, points, and the words that each reader may see."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torchgrade.grading.plugin import TestRecord
from torchgrade.model import Assignment, Criterion, CriterionResult, Outcome, Visibility

#: Which of several tests of a criterion speaks for it: the worst.
_WORST_FIRST = (
    Outcome.BROKEN, Outcome.OUT_OF_MEMORY, Outcome.TIMED_OUT, Outcome.ERRORED, Outcome.FAILED,
    Outcome.SKIPPED, Outcome.PARTIAL, Outcome.MANUAL, Outcome.PASSED,
)  # fmt: skip

#: What a known wrong answer that fits a failed test says; empty if none fits.
Recognise = Callable[[TestRecord], str]


def judge_criterion(criterion: Criterion, records: Sequence[TestRecord], recognise: Recognise) -> CriterionResult:
    """The result of one criterion. All its tests must pass; partial credit is the least that was awarded."""
    common = {
        "id": criterion.id,
        "title": criterion.title,
        "max_points": criterion.points,
        "bonus": criterion.bonus,
        "visibility": criterion.visibility,
    }
    if criterion.manual:
        return CriterionResult(outcome=Outcome.MANUAL, points=0.0, message="a teacher will look at this", **common)  # type: ignore[arg-type]
    if not records:
        text = "this criterion could not be examined; that is not your fault and costs you nothing"
        return CriterionResult(outcome=Outcome.BROKEN, points=0.0, message=text, detail="no test ran", **common)  # type: ignore[arg-type]
    worst = min(records, key=lambda r: _WORST_FIRST.index(r.outcome))
    fraction = min(r.fraction for r in records)
    public = criterion.visibility == Visibility.PUBLIC
    return CriterionResult(
        outcome=worst.outcome,
        points=round(criterion.points * fraction, 6),
        message=_message(worst, public=public),
        hint=_hint(worst, recognise),
        evidence=worst.evidence if public else (),
        detail=f"{worst.message}\n\n{worst.detail}".strip() if worst.outcome != Outcome.PASSED else "",
        seconds=round(sum(r.seconds for r in records), 4),
        **common,  # type: ignore[arg-type]
    )


def _message(record: TestRecord, *, public: bool) -> str:
    if record.outcome == Outcome.PASSED:
        return record.message or record.sentence
    if record.outcome == Outcome.BROKEN:
        return "the grader failed here; that is not your fault and costs you nothing"
    return record.message if public else record.safe


def _hint(record: TestRecord, recognise: Recognise) -> str:
    if record.outcome in (Outcome.PASSED, Outcome.SKIPPED, Outcome.BROKEN, Outcome.MANUAL):
        return ""
    return recognise(record) or " ".join(record.hints)


def totals(results: Sequence[CriterionResult]) -> tuple[float, float, float]:
    """(points, max_points, bonus). Bonus and manual criteria are left out, and so are broken ones: what could
    not be judged neither earns nor costs."""
    counted = [r for r in results if not r.bonus and r.outcome not in (Outcome.MANUAL, Outcome.BROKEN)]
    bonus = sum(r.points for r in results if r.bonus)
    points, most = sum(r.points for r in counted), sum(r.max_points for r in counted)
    return round(points, 6), round(most, 6), round(bonus, 6)


def public_part(assignment: Assignment) -> tuple[Criterion, ...]:
    """The criteria that a student may run."""
    return tuple(c for c in assignment.criteria if c.visibility == Visibility.PUBLIC and not c.manual)
