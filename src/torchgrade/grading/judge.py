"""From what the tests found to a verdict: outcomes, points, and the words that each reader may see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from torchgrade.grading.fingerprint import fingerprint_of
from torchgrade.grading.records import TestRecord
from torchgrade.i18n import _
from torchgrade.model import Assignment, Criterion, CriterionResult, Outcome, Visibility
from torchgrade.spec import Hint

#: Which of several tests of a criterion speaks for it: the worst.
_WORST_FIRST = (
    Outcome.BROKEN, Outcome.OUT_OF_MEMORY, Outcome.TIMED_OUT, Outcome.ERRORED, Outcome.FAILED,
    Outcome.SKIPPED, Outcome.PARTIAL, Outcome.MANUAL, Outcome.PASSED,
)  # fmt: skip

_NOT_LOST = (Outcome.PASSED, Outcome.SKIPPED, Outcome.BROKEN, Outcome.MANUAL)


@dataclass(frozen=True)
class Mistake:
    """A mistake that is known: its name, and what it tells the student."""

    key: str
    hint: str


#: The known wrong answer that fits a failed test; None if none does.
Recognise = Callable[[TestRecord], Mistake | None]
#: Entries of hints.yaml, by criterion and fingerprint.
Hints = Mapping[tuple[str, str], Hint]
_NO_HINTS: Hints = {}


def judge_criterion(
    criterion: Criterion, records: Sequence[TestRecord], recognise: Recognise, hints: Hints = _NO_HINTS
) -> CriterionResult:
    """The result of one criterion. All its tests must pass; partial credit is the least that was awarded."""
    common = {
        "id": criterion.id,
        "title": _(criterion.title),
        "max_points": criterion.points,
        "bonus": criterion.bonus,
        "visibility": criterion.visibility,
    }
    if criterion.manual:
        text = _("a teacher will look at this")
        return CriterionResult(outcome=Outcome.MANUAL, points=0.0, message=text, **common)  # type: ignore[arg-type]
    if not records:
        text = _("this criterion could not be examined; that is not your fault and costs you nothing")
        return CriterionResult(outcome=Outcome.BROKEN, points=0.0, message=text, detail="no test ran", **common)  # type: ignore[arg-type]
    worst = min(records, key=lambda r: _WORST_FIRST.index(r.outcome))
    fraction = min(r.fraction for r in records)
    public = criterion.visibility == Visibility.PUBLIC
    result = CriterionResult(
        outcome=worst.outcome,
        points=round(criterion.points * fraction, 6),
        message=_message(worst, public=public),
        evidence=worst.evidence if public else (),
        detail=f"{worst.message}\n\n{worst.detail}".strip() if worst.outcome != Outcome.PASSED else "",
        seconds=round(sum(r.seconds for r in records), 4),
        **common,  # type: ignore[arg-type]
    )
    return result if worst.outcome in _NOT_LOST else _explained(criterion, worst, result, recognise, hints)


def _message(record: TestRecord, *, public: bool) -> str:
    if record.outcome == Outcome.PASSED:
        return record.message or _(record.sentence)
    if record.outcome == Outcome.BROKEN:
        return _("the grader failed here; that is not your fault and costs you nothing")
    return record.message if public else record.safe


def _explained(
    criterion: Criterion, record: TestRecord, result: CriterionResult, recognise: Recognise, hints: Hints
) -> CriterionResult:
    """With a hint (the known mistake's, that of hints.yaml, or the grader's own) and what it is counted by."""
    if known := recognise(record):
        return replace(result, hint=_(known.hint), mistake=known.key)
    name = fingerprint_of(criterion, record)
    if entry := hints.get((criterion.id, name)):
        return replace(result, hint=_(entry.hint), mistake=entry.key, fingerprint=name)
    return replace(result, hint=" ".join(record.hints), fingerprint=name)


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
