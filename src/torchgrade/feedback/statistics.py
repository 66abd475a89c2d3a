"""Figures about a cohort: how hard a criterion is, whether it tells strong work from weak, and who is far off.

- **Discrimination** is the corrected item-total correlation: Pearson's correlation between the points for a
  criterion and the points for all others (S. Henrysson, "Correction of item-total correlations in item analysis",
  Psychometrika 28, 1963, 211-218). For a criterion that is right or wrong it is the point-biserial correlation
  with the rest. The criterion itself is left out of the total, else it would correlate with itself.
- **Far off** is a modified z-score over 3.5: 0.6745 (x - median) / MAD, with MAD the median of the absolute
  deviations from the median (B. Iglewicz, D. C. Hoaglin, "How to Detect and Handle Outliers", ASQC 1993;
  NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.17). Only what is large is told, and only from twice the
  median on: where all are alike, a thousandth more is no news.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from torchgrade.feedback.words import measured
from torchgrade.model import Assignment, Criterion, CriterionResult, Outcome, Status, Verdict

FEWEST = 10  # submissions; fewer tell nothing about a criterion, nor about who is unusual
_SCORE, _NORMAL = 3.5, 0.6745
_TIMES_MEDIAN = 2.0
_UNJUDGED = (Outcome.MANUAL, Outcome.BROKEN)
_NOT_EXAMINED = (Status.BROKEN, Status.UNREADABLE)


@dataclass(frozen=True)
class Discrimination:
    """A correlation from -1 to 1; where there is none, ``why``: few, alike (all have the same points for this
    criterion), rest (all have the same points elsewhere), manual."""

    value: float | None
    why: str = ""


def examined(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those whose code was asked. A notebook that nobody could read loses everything at once: that says nothing
    about any criterion."""
    return [v for v in verdicts if v.status not in _NOT_EXAMINED]


def discrimination(criterion: Criterion, verdicts: Sequence[Verdict]) -> Discrimination:
    """How well this criterion goes with all others; bonus and manual criteria are in nobody's total."""
    if criterion.manual:
        return Discrimination(None, "manual")
    pairs = []
    for verdict in examined(verdicts):
        mine = [r for r in verdict.criteria if r.id == criterion.id and r.outcome not in _UNJUDGED]
        if mine:
            rest = [r.points for r in verdict.criteria if r.id != criterion.id and _counts(r)]
            pairs.append((mine[0].points, math.fsum(rest)))
    if len(pairs) < FEWEST:
        return Discrimination(None, "few")
    points, totals = zip(*pairs, strict=True)
    if max(points) == min(points):
        return Discrimination(None, "alike")
    if max(totals) == min(totals):
        return Discrimination(None, "rest")
    return Discrimination(max(-1.0, min(1.0, statistics.correlation(points, totals))))


def _counts(result: CriterionResult) -> bool:
    return not result.bonus and result.outcome not in _UNJUDGED


def success(criterion: Criterion, verdicts: Sequence[Verdict]) -> float | None:
    """The mean share of this criterion's points, from 0 to 1; None where nobody was judged."""
    judged = [r for v in verdicts for r in v.criteria if r.id == criterion.id and r.outcome not in _UNJUDGED]
    if not judged or criterion.points <= 0:
        return None
    return min(max(statistics.fmean(r.points for r in judged) / criterion.points, 0.0), 1.0)


def asking_seconds(criterion: Criterion, verdicts: Sequence[Verdict]) -> tuple[float, float] | None:
    """Median and most seconds that asking took; None where nobody was asked."""
    asked = [
        measured(r.seconds)
        for v in examined(verdicts)
        for r in v.criteria
        if r.id == criterion.id and r.outcome not in (*_UNJUDGED, Outcome.SKIPPED)
    ]
    return (statistics.median(asked), max(asked)) if asked else None


@dataclass(frozen=True)
class FarOff:
    """A submission that needed far more than the others did."""

    verdict: Verdict
    value: float
    median: float


def far_off(verdicts: Sequence[Verdict], values: Sequence[float]) -> list[FarOff]:
    """Those with an unusually large value, the largest first; ``values`` in the order of ``verdicts``.

    Empty for fewer than FEWEST, and where more than half are equal: then nothing is usual to be far from.
    """
    here = [(v, x) for v, x in zip(verdicts, map(measured, values), strict=True) if x > 0]
    if len(here) < FEWEST:
        return []
    middle = statistics.median(x for _, x in here)
    spread = statistics.median(abs(x - middle) for _, x in here)
    if spread <= 0:
        return []
    found = [FarOff(v, x, middle) for v, x in here if _NORMAL * (x - middle) / spread > _SCORE]
    return sorted((f for f in found if f.value >= _TIMES_MEDIAN * middle), key=lambda f: -f.value)


def order_of(assignment: Assignment) -> dict[str, int]:
    """Where each criterion stands in the rubric, from 1."""
    return {criterion.id: number for number, criterion in enumerate(assignment.criteria, start=1)}
