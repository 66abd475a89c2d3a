"""A line of the cohort's page for each criterion, and one for each student."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from torchgrade.feedback.chart import Slice, slices
from torchgrade.feedback.clean import one_line
from torchgrade.feedback.statistics import asking_seconds, discrimination, success
from torchgrade.feedback.words import OUTCOMES, STATUSES, Word, measured, number, seconds
from torchgrade.i18n import _
from torchgrade.model import Assignment, Criterion, CriterionResult, Outcome, Status, Verdict, Visibility
from torchgrade.policy import Standing

_UNJUDGED = (Outcome.MANUAL, Outcome.BROKEN)
#: By so many standard errors a correlation must be below 0 before anybody is asked to look. Where nothing hangs
#: together, that of n pairs has a standard error of about 1/√n.
_SURE = 2.0


@dataclass(frozen=True)
class CriterionSummary:
    """How the cohort did in one criterion."""

    title: str
    tag: str
    points: str
    mean: str
    success: str  # in per cent
    discrimination: str  # a number, or why there is none
    against: bool  # those who do well elsewhere lose it
    typical: str  # seconds that asking took
    longest: str
    slices: tuple[Slice, ...]
    said: str


@dataclass(frozen=True)
class Mark:
    """One student's outcome in one criterion: the class that draws it, its words; ``points`` are for sorting where
    the class does not tell them (all, none, not judged)."""

    kind: str
    said: str
    points: str


@dataclass(frozen=True)
class Row:
    """One line of the table. ``page`` is the file name under students/, or empty."""

    student: str
    page: str
    group: str
    status: Word
    points: str
    bonus: str
    counts: str  # of the points, where that is told
    because: str
    marks: tuple[Mark, ...]
    cells_failed: int
    seconds: float
    memory: float


def criterion_summary(criterion: Criterion, verdicts: Sequence[Verdict]) -> CriterionSummary:
    """How these verdicts did in this criterion."""
    results = [r for v in verdicts for r in v.criteria if r.id == criterion.id]
    outcomes = Counter(r.outcome for r in results)
    judged = [r.points for r in results if r.outcome not in _UNJUDGED]
    share, times = success(criterion, verdicts), asking_seconds(criterion, verdicts)
    found = discrimination(criterion, verdicts)
    said = ", ".join(f"{OUTCOMES[o].text} {outcomes[o]}" for o in Outcome if outcomes[o])
    return CriterionSummary(
        title=one_line(_(criterion.title) or criterion.id, 240),
        tag=", ".join(filter(None, (_("bonus") if criterion.bonus else "", _kept(criterion)))),
        points=number(criterion.points),
        mean=number(statistics.fmean(judged)) if judged else "",
        success="–" if share is None else f"{share:.0%}",
        discrimination=_correlation(found.value) if found.value is not None else _why_not(found.why),
        against=found.value is not None and found.value < -_SURE / math.sqrt(len(judged)),
        typical=seconds(times[0]) if times else "–",
        longest=seconds(times[1]) if times else "",
        slices=tuple(slices(outcomes)),
        said=said or _("not asked"),
    )


def _why_not(reason: str) -> str:
    words = {"few": _("too few"), "alike": _("all alike"), "rest": _("all alike elsewhere")}
    return words.get(reason, "–")


def _kept(criterion: Criterion) -> str:
    words = {
        Visibility.PUBLIC: "",
        Visibility.AFTER_DUE: _("after the deadline"),
        Visibility.HIDDEN: _("hidden"),
    }
    return words[criterion.visibility]


def _correlation(value: float) -> str:
    return f"{value + 0.0:.2f}".replace("-0.00", "0.00").replace("-", "\N{MINUS SIGN}")


def row(assignment: Assignment, verdict: Verdict, page: str, group: str, standing: Standing | None = None) -> Row:
    """The student's line; ``page`` and ``group`` may be empty."""
    results = {r.id: r for r in verdict.criteria}
    final = verdict.status is not Status.BROKEN
    return Row(
        student=one_line(verdict.student, 120),
        page=page,
        group=one_line(group, 60),
        status=STATUSES[verdict.status],
        points=number(verdict.points) if final else "–",
        bonus=f"+{number(verdict.bonus)}" if verdict.bonus else "",
        counts=_counts(standing) if final else "",
        because=one_line(" ".join(standing.because), 400) if standing is not None and final else "",
        marks=tuple(_mark(results.get(c.id)) for c in assignment.criteria),
        cells_failed=sum(c.status != "ok" for c in verdict.cells),
        seconds=measured(verdict.seconds),
        memory=measured(verdict.peak_memory_mb),
    )


def _counts(standing: Standing | None) -> str:
    if standing is None:
        return ""
    return _("excused") if standing.excused else number(standing.points)


def _mark(result: CriterionResult | None) -> Mark:
    if result is None:
        return Mark("none", _("not asked"), "")
    text = OUTCOMES[result.outcome].text
    if result.outcome in _UNJUDGED:
        return Mark(str(result.outcome), text, "")
    said = _("{outcome}, {points} of {most}")
    said = said.format(outcome=text, points=number(result.points), most=number(result.max_points))
    full = result.outcome is Outcome.PASSED and result.points == result.max_points
    return Mark(str(result.outcome), said, "" if full or not result.points else number(result.points))
