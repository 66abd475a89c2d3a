"""What a check found, one remark for each criterion that was lost and each cell that did not finish."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torchgrade.feedback.ci.places import FileLines
from torchgrade.feedback.clean import joined, one_line, plain, shorten
from torchgrade.feedback.places import Places
from torchgrade.feedback.told import Told, tell
from torchgrade.i18n import _
from torchgrade.model import Assignment, CellReport, Course, CriterionResult, Outcome, Verdict

_TEXT = 2000  # characters of a remark
_CRASHED = (Outcome.ERRORED, Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY)
_QUIET = (Outcome.PASSED, Outcome.MANUAL)


@dataclass(frozen=True)
class Examined:
    """A notebook that was checked. ``path``: its file as the repository calls it; ``text``: what is in it."""

    course: Course
    assignment: Assignment
    verdict: Verdict
    path: str
    text: str
    later: int = 0
    note: str = ""

    @property
    def told(self) -> Told:
        """The check in words."""
        return tell(self.assignment, self.verdict, later=self.later, note=self.note, language=self.course.language)


@dataclass(frozen=True)
class Finding:
    """A remark at a line of a file. ``level``: error, warning, notice; ``severity`` is GitLab's word.

    ``check`` is the criterion's id, or cell; ``mark`` tells this finding from all others, in every run alike.
    """

    level: str
    severity: str
    path: str
    line: int
    title: str
    text: str
    check: str
    mark: str
    points: float = 0.0  # that it costs


def findings(examined: Examined) -> list[Finding]:
    """What costs most comes first; a pipeline shows only so many."""
    lines = FileLines(examined.text)
    found = [*_criteria(examined, lines), *_cells(examined, lines)]
    return sorted(found, key=lambda f: (-f.points, f.line))


def _criteria(examined: Examined, lines: FileLines) -> Iterator[Finding]:
    verdict, told = examined.verdict, examined.told
    places = Places(examined.assignment, verdict.notebook)
    for result, said in zip(verdict.criteria, told.criteria, strict=True):
        if result.outcome in _QUIET:
            continue
        place = places.of(result)
        line = lines.of(place.cell, _source(verdict, place.cell), place.line) if place else 1
        word = _("Hint")
        hint = f"{word}: {said.hint}" if said.hint else ""
        head = f"{said.view.word.text} ({said.view.points})"
        text = shorten("\n".join(filter(None, (head, plain(said.said), plain(hint)))), _TEXT)
        level, severity = _weight(result)
        mark = _mark(examined, result.id)
        lost = result.max_points - result.points
        yield Finding(
            level, severity, examined.path, line, one_line(said.view.title, 200), text, result.id, mark, lost
        )


def _weight(result: CriterionResult) -> tuple[str, str]:
    """How loud: (GitHub's level, GitLab's severity)."""
    if result.outcome is Outcome.BROKEN:
        return "warning", "info"  # our fault is nothing that a student could mend
    if result.outcome is Outcome.SKIPPED or result.bonus:
        return "notice", "info"
    if result.outcome is Outcome.PARTIAL:
        return "warning", "minor"
    return "error", "critical" if result.outcome in _CRASHED else "major"


def _cells(examined: Examined, lines: FileLines) -> Iterator[Finding]:
    failed = [c for c in examined.verdict.cells if c.status != "ok"]
    for report, said in zip(failed, examined.told.cells, strict=False):
        line = lines.of(report.index, _source(examined.verdict, report.index), _line(report))
        title = f"{said.name} {said.word}"
        mark = _mark(examined, f"cell {report.index}")
        yield Finding(
            "warning", "minor", examined.path, line, title, said.said or title, f"cell-{report.status}", mark
        )


def _line(report: CellReport) -> int:
    return report.line or 1


def _source(verdict: Verdict, cell: int) -> str:
    cells: Sequence[object] = (verdict.notebook or {}).get("cells", ())
    found = cells[cell] if 0 <= cell < len(cells) else {}
    return joined(found.get("source")) if isinstance(found, dict) else ""


def _mark(examined: Examined, what: str) -> str:
    return hashlib.sha256(f"{examined.assignment.id}\0{examined.path}\0{what}".encode()).hexdigest()
