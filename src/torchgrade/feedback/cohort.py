"""The teacher's page: the whole cohort on one sheet, usable without a network and without JavaScript.

A thousand students fit into a megabyte: a cell of the big table is a class, from which the style draws the
symbol, and the words that the symbol stands for.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from torchgrade.feedback.chart import Bar, histogram
from torchgrade.feedback.clean import one_line, sentence
from torchgrade.feedback.clusters import Cluster, KnownMistake, Student, known_mistakes, unknown_answers
from torchgrade.feedback.similar import Pair
from torchgrade.feedback.statistics import FarOff, far_off
from torchgrade.feedback.summary import CriterionSummary, Row, criterion_summary, row
from torchgrade.feedback.templates import inline, policy, render
from torchgrade.feedback.words import (
    OUTCOMES,
    STATUSES,
    Word,
    in_order,
    moment,
    number,
    seconds,
    tier_words,
)
from torchgrade.i18n import _, plural
from torchgrade.model import (
    Assignment,
    Course,
    Outcome,
    Status,
    Tier,
    Verdict,
)
from torchgrade.policy import Standing

_NEEDS_EYES = (Status.UNREADABLE, Status.LIMIT)
_OUTLIERS, _LISTED = 20, 100


@dataclass(frozen=True)
class Alarm:
    """A submission that somebody should look at."""

    student: str
    page: str
    word: Word
    reason: str


@dataclass(frozen=True)
class Waiting:
    """A criterion that waits for a teacher, with the students it waits for."""

    title: str
    said: str
    word: Word
    students: tuple[Student, ...]


@dataclass(frozen=True)
class Outlier:
    """A submission that needed far more time or memory than the others."""

    student: str
    page: str
    what: str
    said: str


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
    mistakes: tuple[KnownMistake, ...]
    clusters: tuple[Cluster, ...]
    hints_file: str
    outliers: tuple[Outlier, ...]
    pairs: tuple[Pair, ...]
    compared: bool  # whether similar notebooks were looked for
    rows: tuple[Row, ...]
    statuses: tuple[str, ...]
    groups: tuple[str, ...]  # empty where none is known
    counted: bool  # whether something else than the points earned counts for somebody
    changed: tuple[Row, ...]  # for whom there is something to say about it
    legend: tuple[tuple[str, str], ...]  # class and words
    weak: str
    listed: int  # students in a list; a longer one says how many are left out
    files: bool  # whether the files for programs lie beside the page
    provenance: tuple[tuple[str, str], ...]


def render_cohort(
    course: Course,
    assignment: Assignment,
    verdicts: Sequence[Verdict],
    *,
    pages: Sequence[str] | None = None,
    groups: Mapping[str, str] | None = None,
    standings: Mapping[str, Standing] | None = None,
    pairs: Sequence[Pair] | None = None,
    generated_at: datetime,
) -> str:
    """The page as HTML. ``pages`` names the student pages, in the order of ``verdicts``; ``groups`` tells some
    students' group, ``standings`` what counts of their points; ``pairs`` are similar notebooks, None where nobody
    looked for them. Raises BrokenError."""
    files = dict(zip(map(id, verdicts), pages, strict=True)) if pages is not None else {}
    page = _page(course, assignment, in_order(verdicts), files, groups or {}, standings or {}, pairs, generated_at)
    style, script = inline("base.css", "cohort.css"), inline("cohort.js")
    return render("cohort.html.j2", page=page, style=style, script=script, policy=policy(style, script))


def _page(
    course: Course,
    assignment: Assignment,
    verdicts: list[Verdict],
    files: Mapping[int, str],
    groups: Mapping[str, str],
    standings: Mapping[str, Standing],
    pairs: Sequence[Pair] | None,
    when: datetime,
) -> CohortPage:
    rows = tuple(
        row(assignment, v, files.get(id(v), ""), groups.get(v.student, ""), standings.get(v.student))
        for v in verdicts
    )
    changed = tuple(r for r in rows if r.because)
    return CohortPage(
        assignment=one_line(_(assignment.title), 200),
        course=one_line(", ".join(filter(None, (_(course.title), course.year))), 200),
        language=one_line(course.language, 20),
        max_points=number(assignment.max_points),
        when=moment(when),
        when_iso=when.isoformat(timespec="minutes"),
        figures=tuple(_figures(verdicts)),
        bars=tuple(histogram([v.points for v in _final(verdicts)], assignment.max_points)),
        criteria=tuple(criterion_summary(c, verdicts) for c in assignment.criteria),
        alarms=tuple(_alarms(verdicts, files)),
        waiting=tuple(_waiting(assignment, verdicts, files)),
        mistakes=known_mistakes(assignment, verdicts, files),
        clusters=unknown_answers(assignment, verdicts, files),
        hints_file=f"graders/{one_line(assignment.id, 80)}/hints.yaml",
        outliers=tuple(_outliers(verdicts, files)),
        pairs=tuple(pairs or ()),
        compared=pairs is not None,
        rows=rows,
        statuses=tuple(dict.fromkeys(r.status.text for r in rows)),
        groups=tuple(sorted({r.group for r in rows if r.group}, key=_by_number)),
        counted=bool(changed) or any(s.differs for s in standings.values()),
        changed=changed,
        legend=tuple(_legend(verdicts)),
        listed=_LISTED,
        files=bool(files),
        weak=_weak(verdicts),
        provenance=tuple(_provenance(verdicts)),
    )


def _final(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Verdicts whose points stand: a broken one is our fault and says nothing about the cohort."""
    return [v for v in verdicts if v.status is not Status.BROKEN]


def _by_number(text: str) -> list[tuple[int, str]]:
    """Sorts 2 before 10, and IU5-2 before IU5-10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d{1,18})", text)]


def _figures(verdicts: list[Verdict]) -> Iterable[tuple[str, str]]:
    points = [v.points for v in _final(verdicts)]
    yield _("submissions"), str(len(verdicts))
    if points:
        yield _("median points"), number(statistics.median(points))
        yield _("mean points"), number(statistics.fmean(points))
        full = sum(v.points >= v.max_points > 0 for v in _final(verdicts))
        yield _("with all points"), str(full)
    yield _("need a look"), str(sum(bool(_trouble(v)) for v in verdicts))


def _alarms(verdicts: list[Verdict], files: Mapping[int, str]) -> list[Alarm]:
    """Broken first, then a criterion that broke, unreadable, limit."""
    found = [
        (rank, Alarm(one_line(v.student, 120), files.get(id(v), ""), word, reason))
        for v in verdicts
        for rank, word, reason in _trouble(v)
    ]
    return [alarm for _rank, alarm in sorted(found, key=lambda pair: pair[0])]


def _trouble(verdict: Verdict) -> list[tuple[int, Word, str]]:
    """Why this submission needs eyes: nothing, or one (rank, word, sentence)."""
    broke = [one_line(_(r.title) or r.id, 120) for r in verdict.criteria if r.outcome is Outcome.BROKEN]
    reason = sentence(one_line(verdict.reason, 400))
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
            said = plural("{count} submission to read", "{count} submissions to read", len(students))
            said = said.format(count=len(students))
            yield Waiting(
                one_line(_(criterion.title) or criterion.id, 240), said, OUTCOMES[Outcome.MANUAL], students
            )


def _outliers(verdicts: list[Verdict], files: Mapping[int, str]) -> Iterable[Outlier]:
    slow = far_off(verdicts, [v.seconds for v in verdicts])
    large = far_off(verdicts, [v.peak_memory_mb for v in verdicts])
    for found in slow[:_OUTLIERS]:
        said = _("{value}; half of the cohort needed at most {median}")
        said = said.format(value=seconds(found.value), median=seconds(found.median))
        yield _outlier(found, files, _("time"), said)
    for found in large[:_OUTLIERS]:
        said = _("{value} MB; half of the cohort needed at most {median} MB")
        said = said.format(value=f"{found.value:.0f}", median=f"{found.median:.0f}")
        yield _outlier(found, files, _("memory"), said)


def _outlier(found: FarOff, files: Mapping[int, str], what: str, said: str) -> Outlier:
    return Outlier(one_line(found.verdict.student, 120), files.get(id(found.verdict), ""), what, said)


def _legend(verdicts: list[Verdict]) -> list[tuple[str, str]]:
    """The symbols that the table uses, in the order of the outcomes."""
    used = {r.outcome for v in verdicts for r in v.criteria}
    return [(str(outcome), word.text) for outcome, word in OUTCOMES.items() if outcome in used]


def _weak(verdicts: list[Verdict]) -> str:
    weak = Counter(tier_words(v.sandbox) for v in verdicts if v.sandbox != Tier.FULL)
    told = _("{count} of {total} ran with {sandbox}")
    return "; ".join(told.format(count=n, total=len(verdicts), sandbox=words) for words, n in weak.most_common())


def _provenance(verdicts: list[Verdict]) -> Iterable[tuple[str, str]]:
    yield _("Sandbox"), _tally(tier_words(v.sandbox) for v in verdicts)
    yield _("Device"), _tally(v.device for v in verdicts)
    for key in sorted({k for v in verdicts for k in v.versions})[:20]:
        yield one_line(key, 40), _tally(v.versions[key] for v in verdicts if key in v.versions)
    for key in sorted({k for v in verdicts for k in v.digests})[:20]:
        name = _("{name} digest").format(name=one_line(key, 40))
        yield name, _tally(v.digests[key][:12] for v in verdicts if key in v.digests)


def _tally(values: Iterable[str]) -> str:
    """``cpu`` where all agree; ``cpu (58), cuda (2)`` where not; a number where nearly all differ."""
    tally = Counter(one_line(value, 60) for value in values)
    if len(tally) == 1:
        return next(iter(tally))
    if len(tally) > 4:
        return _("{count} different").format(count=len(tally))
    return ", ".join(f"{value} ({n})" for value, n in tally.most_common()) or "–"
