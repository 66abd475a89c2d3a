"""The teacher's page: the whole cohort on one sheet, usable without a network and without JavaScript."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from torchgrade.feedback.chart import Bar, Slice, histogram, slices
from torchgrade.feedback.clean import one_line
from torchgrade.feedback.templates import inline, policy, render
from torchgrade.feedback.words import (
    OUTCOMES,
    STATUSES,
    Word,
    count,
    in_order,
    measured,
    moment,
    number,
    tier_words,
)
from torchgrade.model import (
    Assignment,
    Course,
    Criterion,
    CriterionResult,
    Outcome,
    Status,
    Tier,
    Verdict,
    Visibility,
)

_NEEDS_EYES = (Status.UNREADABLE, Status.LIMIT)
_UNJUDGED = (Outcome.MANUAL, Outcome.BROKEN)


@dataclass(frozen=True)
class Mark:
    """One student's outcome in one criterion; ``value`` is what the column sorts by."""

    word: Word
    said: str
    value: float


@dataclass(frozen=True)
class Row:
    """One line of the table. ``page`` is the file name under students/, or empty."""

    student: str
    page: str
    status: Word
    points: str
    points_value: float
    bonus: str
    bonus_value: float
    marks: tuple[Mark, ...]
    cells_failed: int
    seconds: float
    memory: float


@dataclass(frozen=True)
class CriterionSummary:
    """How the cohort did in one criterion."""

    title: str
    tag: str
    points: str
    mean: str
    slices: tuple[Slice, ...]
    said: str


@dataclass(frozen=True)
class Alarm:
    """A submission that somebody should look at."""

    student: str
    page: str
    word: Word
    reason: str


@dataclass(frozen=True)
class Waiting:
    """A criterion that waits for a teacher, with the (student, page) pairs it waits for."""

    title: str
    said: str
    word: Word
    students: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CohortPage:
    """Everything that ``cohort.html.j2`` shows."""

    assignment: str
    course: str
    language: str
    max_points: str
    when: str
    when_iso: str
    figures: tuple[tuple[str, str], ...]
    bars: tuple[Bar, ...]
    criteria: tuple[CriterionSummary, ...]
    alarms: tuple[Alarm, ...]
    waiting: tuple[Waiting, ...]
    rows: tuple[Row, ...]
    legend: tuple[Word, ...]
    weak: str
    files: bool  # whether the files for programs lie beside the page
    provenance: tuple[tuple[str, str], ...]


def render_cohort(
    course: Course,
    assignment: Assignment,
    verdicts: Sequence[Verdict],
    *,
    pages: Sequence[str] | None = None,
    generated_at: datetime,
) -> str:
    """The page as HTML. ``pages`` names the student pages, in the order of ``verdicts``. Raises BrokenError."""
    files = dict(zip(map(id, verdicts), pages, strict=True)) if pages is not None else {}
    page = _page(course, assignment, in_order(verdicts), files, generated_at)
    style, script = inline("base.css", "cohort.css"), inline("cohort.js")
    return render("cohort.html.j2", page=page, style=style, script=script, policy=policy(style, script))


def _page(
    course: Course, assignment: Assignment, verdicts: list[Verdict], files: Mapping[int, str], when: datetime
) -> CohortPage:
    return CohortPage(
        assignment=one_line(assignment.title, 200),
        course=one_line(f"{course.title}, {course.year}" if course.year else course.title, 200),
        language=one_line(course.language, 20),
        max_points=number(assignment.max_points),
        when=moment(when),
        when_iso=when.isoformat(timespec="minutes"),
        figures=tuple(_figures(verdicts)),
        bars=tuple(histogram([v.points for v in _final(verdicts)], assignment.max_points)),
        criteria=tuple(_criterion(c, verdicts) for c in assignment.criteria),
        alarms=tuple(_alarms(verdicts, files)),
        waiting=tuple(_waiting(assignment, verdicts, files)),
        rows=tuple(_row(assignment, v, files.get(id(v), "")) for v in verdicts),
        legend=tuple(_legend(verdicts)),
        files=bool(files),
        weak=_weak(verdicts),
        provenance=tuple(_provenance(verdicts)),
    )


def _final(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Verdicts whose points stand: a broken one is our fault and says nothing about the cohort."""
    return [v for v in verdicts if v.status is not Status.BROKEN]


def _figures(verdicts: list[Verdict]) -> Iterable[tuple[str, str]]:
    points = [v.points for v in _final(verdicts)]
    yield "submissions", str(len(verdicts))
    if points:
        yield "median points", number(statistics.median(points))
        yield "mean points", number(statistics.fmean(points))
        full = sum(v.points >= v.max_points > 0 for v in _final(verdicts))
        yield "with all points", str(full)
    yield "need a look", str(sum(bool(_trouble(v)) for v in verdicts))


def _criterion(criterion: Criterion, verdicts: list[Verdict]) -> CriterionSummary:
    results = [r for v in verdicts for r in v.criteria if r.id == criterion.id]
    outcomes = Counter(r.outcome for r in results)
    judged = [r.points for r in results if r.outcome not in _UNJUDGED]
    kept = "" if criterion.visibility is Visibility.PUBLIC else str(criterion.visibility).replace("_", " ")
    said = ", ".join(f"{OUTCOMES[o].text} {outcomes[o]}" for o in Outcome if outcomes[o])
    return CriterionSummary(
        title=one_line(criterion.title or criterion.id, 240),
        tag=", ".join(filter(None, ("bonus" if criterion.bonus else "", kept))),
        points=number(criterion.points),
        mean=number(statistics.fmean(judged)) if judged else "–",
        slices=tuple(slices(outcomes)),
        said=said or "not asked",
    )


def _alarms(verdicts: list[Verdict], files: Mapping[int, str]) -> list[Alarm]:
    """Broken first, then a criterion that broke, unreadable, limit."""
    found = [
        (rank, Alarm(one_line(v.student, 120), files.get(id(v), ""), word, reason))
        for v in verdicts
        for rank, word, reason in _trouble(v)
    ]
    return [alarm for _, alarm in sorted(found, key=lambda pair: pair[0])]


def _trouble(verdict: Verdict) -> list[tuple[int, Word, str]]:
    """Why this submission needs eyes: nothing, or one (rank, word, sentence)."""
    broke = [one_line(r.title or r.id, 120) for r in verdict.criteria if r.outcome is Outcome.BROKEN]
    reason = one_line(verdict.reason, 400)
    if verdict.status is Status.BROKEN:
        return [(0, STATUSES[Status.BROKEN], " ".join(filter(None, (reason, "; ".join(broke)))))]
    if broke:
        return [(1, OUTCOMES[Outcome.BROKEN], "; ".join(broke))]
    if verdict.status in _NEEDS_EYES:
        return [(2 + _NEEDS_EYES.index(verdict.status), STATUSES[verdict.status], reason)]
    return []


def _waiting(assignment: Assignment, verdicts: list[Verdict], files: Mapping[int, str]) -> Iterable[Waiting]:
    """Manual criteria, one line each however many students it is: a cohort waits as a whole."""
    for criterion in assignment.criteria:
        students = tuple(
            (one_line(v.student, 120), files.get(id(v), ""))
            for v in verdicts
            if any(r.id == criterion.id and r.outcome is Outcome.MANUAL for r in v.criteria)
        )
        if students:
            said = f"{count(len(students), 'submission')} to read"
            yield Waiting(one_line(criterion.title or criterion.id, 240), said, OUTCOMES[Outcome.MANUAL], students)


def _row(assignment: Assignment, verdict: Verdict, page: str) -> Row:
    results = {r.id: r for r in verdict.criteria}
    final = verdict.status is not Status.BROKEN
    return Row(
        student=one_line(verdict.student, 120),
        page=page,
        status=STATUSES[verdict.status],
        points=number(verdict.points) if final else "–",
        points_value=verdict.points if final else -1.0,
        bonus=f"+{number(verdict.bonus)}" if verdict.bonus else "",
        bonus_value=verdict.bonus,
        marks=tuple(_mark(results.get(c.id)) for c in assignment.criteria),
        cells_failed=sum(c.status != "ok" for c in verdict.cells),
        seconds=measured(verdict.seconds),
        memory=measured(verdict.peak_memory_mb),
    )


def _mark(result: CriterionResult | None) -> Mark:
    if result is None:
        return Mark(Word("not asked", "idle", "skip"), "not asked", -2.0)
    word = OUTCOMES[result.outcome]
    if result.outcome in _UNJUDGED:
        return Mark(word, word.text, -1.0)
    return Mark(word, f"{word.text}, {number(result.points)} of {number(result.max_points)}", result.points)


def _legend(verdicts: list[Verdict]) -> list[Word]:
    """The symbols that the table uses, in the order of the outcomes."""
    used = {r.outcome for v in verdicts for r in v.criteria}
    return [word for outcome, word in OUTCOMES.items() if outcome in used]


def _weak(verdicts: list[Verdict]) -> str:
    weak = Counter(tier_words(v.sandbox) for v in verdicts if v.sandbox != Tier.FULL)
    return "; ".join(f"{n} of {len(verdicts)} ran with {words}" for words, n in weak.most_common())


def _provenance(verdicts: list[Verdict]) -> Iterable[tuple[str, str]]:
    yield "Sandbox", _tally(tier_words(v.sandbox) for v in verdicts)
    yield "Device", _tally(v.device for v in verdicts)
    for key in sorted({k for v in verdicts for k in v.versions})[:20]:
        yield one_line(key, 40), _tally(v.versions[key] for v in verdicts if key in v.versions)
    for key in sorted({k for v in verdicts for k in v.digests})[:20]:
        yield f"{one_line(key, 40)} digest", _tally(v.digests[key][:12] for v in verdicts if key in v.digests)


def _tally(values: Iterable[str]) -> str:
    """``cpu`` where all agree; ``cpu (58), cuda (2)`` where not; a number where nearly all differ."""
    tally = Counter(one_line(value, 60) for value in values)
    if len(tally) == 1:
        return next(iter(tally))
    if len(tally) > 4:
        return f"{len(tally)} different"
    return ", ".join(f"{value} ({n})" for value, n in tally.most_common()) or "–"
