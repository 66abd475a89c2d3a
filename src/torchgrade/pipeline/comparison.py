"""Two runs of one assignment side by side: who gains, who loses, by which criterion, and what else differs."""

from __future__ import annotations

import dataclasses
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torchgrade.model import CriterionResult, Outcome, Status, Verdict
from torchgrade.pipeline.final import applies

if TYPE_CHECKING:
    from torchgrade.gradebook import Decision, GradingRun

_SMALL = 1e-9  # points that differ by less are the same
_UNJUDGED = (Outcome.MANUAL, Outcome.BROKEN)
_DIGESTS = {
    "graders": "graders",
    "spec": "rubric",
    "solution": "solution",
    "files": "files handed out",
    "engine": "torchgrade's own code",
}


@dataclass(frozen=True)
class Change:
    """One criterion that came out otherwise. None: it was not there."""

    criterion: str
    before: CriterionResult | None
    after: CriterionResult | None
    kept: float | None = None  # points that a teacher gave, which stand whatever a grader says

    @property
    def gain(self) -> float:
        """Points more, or fewer; those of a bonus too."""
        return _points(self.after) - _points(self.before)

    @property
    def why(self) -> str:
        """What the side that lost points says."""
        worse = self.after if self.gain <= 0 and self.after is not None else self.before
        return "" if worse is None or worse.outcome is Outcome.PASSED else worse.message


@dataclass(frozen=True)
class Student:
    """What differs for one student."""

    name: str
    before: Verdict
    after: Verdict
    changes: tuple[Change, ...] = ()
    other_notebook: bool = False

    @property
    def gain(self) -> float:
        """Points more, or fewer, the bonus included."""
        return self.after.points + self.after.bonus - self.before.points - self.before.bonus

    @property
    def judged(self) -> bool:
        """Whether both verdicts are final."""
        return Status.BROKEN not in (self.before.status, self.after.status)


@dataclass(frozen=True)
class Side:
    """One of the two runs."""

    run: GradingRun
    book: str
    verdicts: Mapping[str, Verdict]
    decisions: Mapping[str, Mapping[str, Decision]] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side. Students with nothing to tell are only counted."""

    before: Side
    after: Side
    students: tuple[Student, ...]  # of both runs, by name
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    differs: tuple[str, ...]  # what else is not the same, a sentence's part each

    @property
    def losing(self) -> list[Student]:
        """Those with fewer points, the largest loss first."""
        return sorted((s for s in self.students if s.judged and s.gain < -_SMALL), key=lambda s: (s.gain, s.name))

    @property
    def gaining(self) -> list[Student]:
        """Those with more points, the largest gain first."""
        return sorted((s for s in self.students if s.judged and s.gain > _SMALL), key=lambda s: (-s.gain, s.name))

    @property
    def turned(self) -> list[Student]:
        """Those with the same points by other outcomes."""
        return [s for s in self.students if s.judged and abs(s.gain) <= _SMALL and s.changes]

    @property
    def unjudged(self) -> list[Student]:
        """Those of whom one verdict is broken: nothing can be said."""
        return [s for s in self.students if not s.judged]

    @property
    def unchanged(self) -> int:
        """How many come out the same in every criterion."""
        return sum(s.judged and abs(s.gain) <= _SMALL and not s.changes for s in self.students)

    @property
    def means(self) -> tuple[float, float] | None:
        """The mean points of those who are judged in both; None where there are none."""
        judged = [s for s in self.students if s.judged]
        if not judged:
            return None
        return statistics.fmean(s.before.points for s in judged), statistics.fmean(s.after.points for s in judged)


def compare(before: Side, after: Side) -> Comparison:
    """Two runs of one assignment, side by side."""
    both = sorted(before.verdicts.keys() & after.verdicts.keys(), key=lambda name: (name.casefold(), name))
    students = tuple(_student(name, before, after) for name in both)
    return Comparison(
        before,
        after,
        students,
        tuple(sorted(before.verdicts.keys() - after.verdicts.keys())),
        tuple(sorted(after.verdicts.keys() - before.verdicts.keys())),
        tuple(_differs(students)),
    )


def _student(name: str, before: Side, after: Side) -> Student:
    first, second = before.verdicts[name], after.verdicts[name]
    decided = {id: d for id, d in after.decisions.get(name, {}).items() if applies(second, d)}
    return Student(
        name,
        first,
        second,
        tuple(_changes(first.criteria, second.criteria, decided)),
        first.digests.get("notebook") != second.digests.get("notebook"),
    )


def _changes(
    before: Sequence[CriterionResult], after: Sequence[CriterionResult], decided: Mapping[str, Decision]
) -> Iterator[Change]:
    first, second = ({c.id: c for c in results} for results in (before, after))
    for id in dict.fromkeys((*first, *second)):
        one, other = first.get(id), second.get(id)
        same = one and other and one.outcome == other.outcome and abs(one.points - other.points) <= _SMALL
        if not same:
            yield Change(id, one, other, decided[id].points if id in decided else None)


def _points(result: CriterionResult | None) -> float:
    return 0.0 if result is None or result.outcome in _UNJUDGED else result.points


def _differs(students: Sequence[Student]) -> Iterator[str]:
    """What the verdicts rest on and is not the same, apart from the notebooks."""
    total = len(students)
    for name in sorted({n for s in students for n in (*s.before.digests, *s.after.digests)} - {"notebook"}):
        count = sum(s.before.digests.get(name) != s.after.digests.get(name) for s in students)
        if count:
            yield _for_how_many(f"other {_DIGESTS.get(name, name)}", count, total)
    for name in sorted({n for s in students for n in (*s.before.versions, *s.after.versions)}):
        yield from _pairs(
            name, ((s.before.versions.get(name), s.after.versions.get(name)) for s in students), total
        )
    yield from _pairs("device", ((s.before.device, s.after.device) for s in students), total)
    yield from _pairs("sandbox", ((str(s.before.sandbox), str(s.after.sandbox)) for s in students), total)
    for limit in (f.name for f in dataclasses.fields(students[0].before.limits)) if students else ():
        found = ((getattr(s.before.limits, limit), getattr(s.after.limits, limit)) for s in students)
        yield from _pairs(f"limit {limit}", found, total)
    worth = ((s.before.max_points, s.after.max_points) for s in students if s.judged)
    yield from _pairs("most points", worth, total)


def _pairs(name: str, pairs: Iterable[tuple[Any, Any]], total: int) -> Iterator[str]:
    for (one, other), count in Counter(pair for pair in pairs if pair[0] != pair[1]).most_common(5):
        yield _for_how_many(f"{name} {_said(one)} → {_said(other)}", count, total)


def _said(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, int | float) else str(value)


def _for_how_many(what: str, count: int, total: int) -> str:
    return what if count == total else f"{what} for {count} of {total}"
