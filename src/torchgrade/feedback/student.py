"""The student's page: one file, no network, nothing of the student's left alive in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from torchgrade.feedback.cells import NOTEBOOK_BYTES, Budget, CellView, Mark, notebook_view
from torchgrade.feedback.clean import one_line, sentence
from torchgrade.feedback.places import Place, Places
from torchgrade.feedback.rubric import CriterionView, PlaceView, Segment, criteria_views, strip, summary
from torchgrade.feedback.templates import inline, policy, render
from torchgrade.feedback.words import STATUSES, Word, cell_said, cell_word, moment, number, seconds, tier_words
from torchgrade.i18n import _
from torchgrade.model import Assignment, CellReport, Course, Status, Tier, Verdict
from torchgrade.policy import Standing
from torchgrade.policy.late import moment_words

Audience = Literal["student", "teacher"]
_LISTED = 30  # cells or notes in a list
_PAGE_BYTES = 298_000  # of the whole page; what else is on it leaves the rest to the notebook
_MARKS, _MARK_BYTES = 6, 700  # criteria named at a cell, and about what one takes there and in the link to it


@dataclass(frozen=True)
class FailedCell:
    """A line of the list of cells that did not finish. ``anchor`` is empty where the page does not show it."""

    anchor: str
    name: str
    word: Word
    said: str


@dataclass(frozen=True)
class StudentPage:
    """Everything that ``student.html.j2`` shows."""

    student: str
    assignment: str
    course: str
    language: str
    points: str
    max_points: str
    bonus: str
    counts: str  # of the points, where something else than they counts
    because: tuple[str, ...]
    final: bool
    status: Word
    reason: str
    weak_room: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    provenance: tuple[tuple[str, str], ...]
    when: str
    when_iso: str
    strip: tuple[Segment, ...]
    criteria: tuple[CriterionView, ...]
    failed_cells: tuple[FailedCell, ...]
    more_failed: int
    notes: tuple[str, ...]
    cells: tuple[CellView, ...]


def render_student(
    course: Course,
    assignment: Assignment,
    verdict: Verdict,
    *,
    audience: Audience = "student",
    standing: Standing | None = None,
    generated_at: datetime,
) -> str:
    """The page as HTML, with what counts of the points by ``standing``.

    A teacher also sees arrays of criteria that are not public, seed and digests.
    ``CriterionResult.detail`` is in neither: it stays in the gradebook.
    """
    found = Places(assignment, verdict.notebook)
    places = {n: place for n, result in enumerate(verdict.criteria) if (place := found.of(result))}
    page = _standing_told(_page(course, assignment, verdict, audience, generated_at), standing)
    html = _with_notebook(page, verdict, places, NOTEBOOK_BYTES)
    if len(html.encode()) <= _PAGE_BYTES:
        return html
    bare = replace(page, criteria=tuple(_placed(page.criteria, places, {})))
    used = len(_html(bare).encode()) + _MARK_BYTES * len(places)
    return _with_notebook(page, verdict, places, min(NOTEBOOK_BYTES, _PAGE_BYTES - used))


def _with_notebook(page: StudentPage, verdict: Verdict, places: Mapping[int, Place], size: int) -> str:
    """The page with as much of the notebook as goes into ``size`` bytes."""
    cells = notebook_view(verdict.notebook, verdict.cells, Budget(size), {p.cell for p in places.values()})
    anchors = _anchors(cells)
    return _html(
        replace(
            page,
            cells=tuple(_marked(cells, page.criteria, places)),
            criteria=tuple(_placed(page.criteria, places, anchors)),
            failed_cells=_failed_cells(verdict, cells),
        )
    )


def _standing_told(page: StudentPage, standing: Standing | None) -> StudentPage:
    """With what counts; a verdict that is not final counts nothing yet."""
    if standing is None or not standing.differs or not page.final:
        return page
    counts = _("excused") if standing.excused else number(standing.points)
    if standing.bonus and not standing.excused:
        counts = f"{counts} + {number(standing.bonus)}"
    facts = [(_("Counts"), counts)]
    if standing.due is not None:
        facts.append((_("Due"), one_line(moment_words(standing.due), 80)))
    if standing.handed_in is not None:
        there = standing.handed_in.astimezone((standing.due or standing.handed_in).tzinfo)
        facts.append((_("Handed in"), one_line(moment_words(there), 80)))
    because = tuple(one_line(said, 400) for said in standing.because)
    return replace(page, counts=counts, because=because, facts=(*facts, *page.facts))


def _placed(
    criteria: Sequence[CriterionView], places: Mapping[int, Place], anchors: Mapping[int, str]
) -> Iterator[CriterionView]:
    """Criteria with the line of the student's own code that each is about, where that is known."""
    for n, view in enumerate(criteria):
        place = places.get(n)
        if place is None:
            yield view
        else:
            name = _("Cell {cell}, line {line}").format(cell=place.cell + 1, line=place.line)
            yield replace(view, place=PlaceView(anchors.get(place.cell + 1, ""), name, place.code))


def _marked(
    cells: Sequence[CellView], criteria: Sequence[CriterionView], places: Mapping[int, Place]
) -> Iterator[CellView]:
    """Cells with the criteria that were lost by them."""
    marks: dict[int, list[Mark]] = {}
    for n, place in places.items():
        mark = Mark(f"criterion-{n + 1}", one_line(criteria[n].title, 120), criteria[n].word)
        marks.setdefault(place.cell + 1, []).append(mark)
    for cell in cells:
        yield replace(cell, marks=tuple(marks.get(cell.number, ())[:_MARKS])) if cell.kind == "code" else cell


def _html(page: StudentPage) -> str:
    style = inline("base.css", "student.css")
    return render("student.html.j2", page=page, style=style, script=None, policy=policy(style))


def _page(
    course: Course, assignment: Assignment, verdict: Verdict, audience: Audience, when: datetime
) -> StudentPage:
    """The page without its notebook, which gets the room that is left."""
    everything = audience == "teacher"
    final = verdict.status is not Status.BROKEN
    status = STATUSES[verdict.status]
    return StudentPage(
        student=one_line(verdict.student, 200),
        assignment=one_line(_(assignment.title), 200),
        course=one_line(", ".join(filter(None, (_(course.title), course.year))), 200),
        language=one_line(course.language, 20),
        points=number(verdict.points),
        max_points=number(verdict.max_points),
        bonus=number(verdict.bonus) if verdict.bonus and final else "",
        counts="",
        because=(),
        final=final,
        status=status,
        reason=sentence(one_line(verdict.reason, 1000)),
        weak_room="" if verdict.sandbox == Tier.FULL else tier_words(verdict.sandbox),
        summary=summary(assignment, verdict),
        facts=tuple(_facts(verdict)),
        provenance=tuple(_provenance(verdict, everything=everything)),
        when=moment(when),
        when_iso=when.isoformat(timespec="minutes"),
        strip=tuple(strip(verdict.criteria)),
        criteria=tuple(criteria_views(verdict.criteria, everything=everything)),
        failed_cells=_failed_cells(verdict, ()),
        more_failed=max(sum(c.status != "ok" for c in verdict.cells) - _LISTED, 0),
        notes=tuple(sentence(one_line(note, 500)) for note in verdict.notes[:_LISTED]),
        cells=(),
    )


def _facts(verdict: Verdict) -> list[tuple[str, str]]:
    facts = [
        (_("Attempt"), str(verdict.attempt)),
        (_("Device"), one_line(verdict.device, 80)),
        (_("Sandbox"), tier_words(verdict.sandbox)),
        (_("Time"), seconds(verdict.seconds)),
    ]
    if verdict.peak_memory_mb > 0:
        facts.append((_("Memory"), _("{size} MB").format(size=f"{verdict.peak_memory_mb:.0f}")))
    return facts


def _provenance(verdict: Verdict, *, everything: bool) -> list[tuple[str, str]]:
    """Versions and the notebook's digest; seed and the other digests are for a teacher."""
    digests = verdict.digests if everything else {k: v for k, v in verdict.digests.items() if k == "notebook"}
    facts = [(one_line(k, 40), one_line(v, 40)) for k, v in sorted(verdict.versions.items())[:16]]
    facts += [
        (_("{name} digest").format(name=one_line(k, 40)), one_line(v, 64)[:12])
        for k, v in sorted(digests.items())[:16]
    ]
    return [*facts, (_("seed"), one_line(verdict.seed, 80))] if everything and verdict.seed else facts


def _anchors(cells: Sequence[CellView]) -> dict[int, str]:
    """Where each cell's number leads: to the cell, or to the line that says it was left out."""
    code = {c.number: f"cell-{c.number}" for c in cells if c.kind == "code"}
    gaps = {c.number + i: f"cell-{c.number}" for c in cells for i in range(c.left_out)}
    return code | gaps


def _failed_cells(verdict: Verdict, cells: Sequence[CellView]) -> tuple[FailedCell, ...]:
    anchors = _anchors(cells)
    failed = [c for c in verdict.cells if c.status != "ok"]
    return tuple(_failed_cell(c, anchors) for c in failed[:_LISTED])


def _failed_cell(report: CellReport, anchors: Mapping[int, str]) -> FailedCell:
    return FailedCell(
        anchor=anchors.get(report.index + 1, ""),
        name=_("Cell {number}").format(number=report.index + 1),
        word=cell_word(report.status),
        said=one_line(cell_said(report), 300),
    )
