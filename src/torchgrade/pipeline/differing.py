"""``diff``: two runs side by side: who gains, who loses, by which criterion, and what else differs."""

from __future__ import annotations

import dataclasses
import difflib
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchgrade.errors import UsageError
from torchgrade.model import CriterionResult, Outcome, Status, Verdict
from torchgrade.pipeline.final import applies
from torchgrade.pipeline.reporting import places

if TYPE_CHECKING:
    from torchgrade.gradebook import Decision, Gradebook, GradingRun

NEWEST, PREVIOUS = "newest", "previous"
_FILE = "gradebook.sqlite"
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
class DiffOptions:
    """What a teacher chose on the command line."""

    before: str  # id of a run, newest, previous, or the path of a gradebook or of its folder
    after: str
    gradebook: str = ""
    out: Path | None = None
    assignment: str = ""


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


def diff(options: DiffOptions) -> Comparison:
    """Compare two runs. Raises UsageError where one is not there, or they are of different assignments."""
    from torchgrade.gradebook import Gradebook  # SQLAlchemy takes 0.3 s to import

    with ExitStack() as stack:
        opened: dict[str, Gradebook] = {}

        def book_of(place: str | Path) -> Gradebook:
            if str(place) not in opened:
                opened[str(place)] = stack.enter_context(Gradebook.open(place))
            return opened[str(place)]

        first, second = _places(options)
        before = _side(book_of(first[0]), first[1], options)
        after = _side(book_of(second[0]), second[1], options)
    if before.run.assignment != after.run.assignment:
        raise UsageError(
            f"{options.before} is a run of {before.run.assignment}, {options.after} of {after.run.assignment}: "
            "only runs of one assignment can be compared; --assignment chooses one"
        )
    return compare(before, after)


def _places(options: DiffOptions) -> tuple[tuple[str | Path, str], tuple[str | Path, str]]:
    """(gradebook, run) of both sides; the gradebook of those that are no path is the one that the options name."""
    found = []
    for wanted in (options.before, options.after):
        path = Path(wanted)
        if wanted not in (NEWEST, PREVIOUS) and path.is_dir():
            found.append((places("", path)[0], NEWEST))
        elif wanted not in (NEWEST, PREVIOUS) and (path.is_file() or "://" in wanted):
            found.append((places(wanted, options.out or Path())[0], NEWEST))
        elif "/" in wanted or wanted.endswith((".sqlite", ".db")):
            raise UsageError(f"there is no gradebook {wanted}")
        else:
            place = places(options.gradebook, options.out if not options.gradebook else options.out or Path())[0]
            found.append((place, wanted))
    return found[0], found[1]


def _side(book: Gradebook, wanted: str, options: DiffOptions) -> Side:
    from torchgrade.gradebook import Decisions

    run = _run(book, wanted, options.assignment)
    verdicts = {v.student: v for v in book.verdicts(run.id, with_notebooks=False)}
    return Side(run, book.name, verdicts, Decisions(book, run.course).of(run.assignment))


def _run(book: Gradebook, wanted: str, assignment: str) -> GradingRun:
    runs = [run for run in book.runs() if run.verdicts and assignment in (run.assignment, "")]
    if not runs:
        of = f" of {assignment!r}" if assignment else ""
        raise UsageError(f"gradebook {book.name}: holds no run{of} with verdicts")
    if wanted in (NEWEST, PREVIOUS):
        ids = sorted({run.assignment for run in runs})
        if len(ids) > 1:
            raise UsageError(
                f"gradebook {book.name}: holds several assignments; choose one: --assignment {ids[0]}, …"
            )
        if wanted == PREVIOUS and len(runs) < 2:
            raise UsageError(f"gradebook {book.name}: holds one run only, {runs[0].id}")
        return runs[-1] if wanted == NEWEST else runs[-2]
    for run in runs:
        if run.id == wanted:
            return run
    near = difflib.get_close_matches(wanted, [run.id for run in runs], 1)
    hint = f"did you mean {near[0]}?" if near else f"the newest is {runs[-1].id}"
    raise UsageError(f"gradebook {book.name}: there is no run {wanted!r} with verdicts; {hint}")


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


def as_document(found: Comparison) -> dict[str, Any]:
    """The comparison for a program, as docs/teachers.md describes it."""
    means = found.means
    return {
        "schema": "torchgrade/diff/v1",
        "assignment": found.before.run.assignment,
        "before": _side_document(found.before),
        "after": _side_document(found.after),
        "mean_points": {"before": means[0], "after": means[1]} if means else None,
        "unchanged": found.unchanged,
        "differs": list(found.differs),
        "only_before": list(found.only_before),
        "only_after": list(found.only_after),
        "losing": [_student_document(s) for s in found.losing],
        "gaining": [_student_document(s) for s in found.gaining],
        "same_points": [_student_document(s) for s in found.turned],
        "not_judged": [_student_document(s) for s in found.unjudged],
    }


def _side_document(side: Side) -> dict[str, Any]:
    return {"run": side.run.id, "gradebook": side.book, "started": side.run.started.isoformat(timespec="seconds")}


def _student_document(student: Student) -> dict[str, Any]:
    return {
        "student": student.name,
        "gain": round(student.gain, 6),
        "before": _verdict_document(student.before),
        "after": _verdict_document(student.after),
        "other_notebook": student.other_notebook,
        "criteria": [
            {
                "id": c.criterion,
                "gain": round(c.gain, 6),
                "before": _result_document(c.before),
                "after": _result_document(c.after),
                "kept_by_a_teacher": c.kept,
            }
            for c in student.changes
        ],
    }


def _verdict_document(verdict: Verdict) -> dict[str, Any]:
    return {
        "status": str(verdict.status),
        "points": verdict.points,
        "bonus": verdict.bonus,
        "most": verdict.max_points,
    }


def _result_document(result: CriterionResult | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return {"outcome": str(result.outcome), "points": result.points, "message": result.message}
