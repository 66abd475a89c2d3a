"""Criteria as the student page shows them: words, points, what may be seen, arrays side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup, escape

from torchgrade.feedback.bars import ErrorsView, errors_view
from torchgrade.feedback.clean import one_line, plain, shorten
from torchgrade.feedback.markdown import with_code
from torchgrade.feedback.words import OUTCOMES, Word, count, number
from torchgrade.model import Assignment, CriterionResult, Evidence, Outcome, Verdict, Visibility

_ARRAYS, _ROWS, _COLUMNS, _NUMBER = 6, 8, 10, 24
_ARRAY_BYTES = 60_000  # of HTML for all arrays of a page
_SETTLED = (Outcome.PASSED, Outcome.MANUAL, Outcome.SKIPPED)


@dataclass(frozen=True)
class ArrayView:
    """A small array. ``rows`` holds (text, differs) pairs; ``differs`` compares ``got`` with ``expected``."""

    label: str
    shape: str
    rows: tuple[tuple[tuple[str, bool], ...], ...]
    cut: bool


@dataclass(frozen=True)
class CriterionView:
    """One criterion, ready to show."""

    title: str
    word: Word
    points: str
    share: float
    tag: str
    message: Markup
    hint: Markup
    arrays: tuple[ArrayView, ...]
    errors: ErrorsView | None  # a picture of relative errors
    left_out: int  # arrays for which there was no room
    open: bool

    @property
    def marked(self) -> bool:
        """Whether some number of ``got`` differs from the expected one."""
        return any(differs for a in self.arrays for row in a.rows for _, differs in row)

    @property
    def folds(self) -> bool:
        """Whether there is anything to unfold."""
        return bool(self.message or self.hint or self.arrays or self.errors or self.left_out)


@dataclass(frozen=True)
class Segment:
    """A criterion's part of the rubric strip, in thousandths of its width; ``fill`` is what was earned."""

    x: float
    width: float
    fill: float
    tone: str
    title: str


def criteria_views(results: Sequence[CriterionResult], *, everything: bool) -> list[CriterionView]:
    """What the reader may see, arrays only while the page has room for them."""
    views, room = [], _ARRAY_BYTES
    for result in results:
        view = _view(result, everything=everything)
        kept: list[ArrayView] = []
        if view.errors:
            room -= _picture_bytes(view.errors)
            if room < 0:
                view = replace(view, errors=None, left_out=view.left_out + 1)
        for array in view.arrays:
            room -= _bytes(array)
            kept += [array] if room >= 0 else []
        views.append(replace(view, arrays=tuple(kept), left_out=view.left_out + len(view.arrays) - len(kept)))
    return views


def _view(result: CriterionResult, *, everything: bool) -> CriterionView:
    """Of a criterion that is not public a student sees no array, whatever the verdict holds."""
    shown = result.evidence if result.visibility is Visibility.PUBLIC or everything else ()
    pictures = [e for e in shown if e.kind == "errors"]
    shown = tuple(e for e in shown if e.kind != "errors")
    arrays = _arrays(shown)
    word = OUTCOMES[result.outcome]
    said = plain(result.message) or word.meaning
    if result.outcome is Outcome.BROKEN and result.message:
        said = f"{word.meaning}\n{plain(result.message)}"
    return CriterionView(
        title=one_line(result.title or result.id, 240),
        word=word,
        points=_points(result),
        share=_share(result),
        tag=_tag(result),
        message=with_code(shorten(said, 1600)),
        hint=with_code(shorten(plain(result.hint), 1000)),
        arrays=arrays,
        errors=errors_view(pictures[0]) if pictures else None,
        left_out=len(shown) - len(arrays) + max(len(pictures) - 1, 0),
        open=result.outcome not in _SETTLED and not result.bonus,
    )


def _bytes(array: ArrayView) -> int:
    """About how much HTML this array is."""
    cells = [len(escape(text).encode()) + 22 for row in array.rows for text, _ in row]
    return sum(cells) + 30 * len(array.rows) + len(escape(array.label)) * 2 + 400


def _picture_bytes(view: ErrorsView) -> int:
    """About how much HTML a picture of errors is, with its table."""
    words = [view.title, *(text for b in view.bars for text in (b.name, b.short, b.error, b.error, b.allowed))]
    return sum(len(escape(word).encode()) for word in words) + 400 * len(view.bars) + 1800


def _points(result: CriterionResult) -> str:
    if result.outcome in (Outcome.MANUAL, Outcome.BROKEN):
        return f"– of {number(result.max_points)}"
    if result.bonus:
        return f"+{number(result.points)} of {number(result.max_points)}"
    return f"{number(result.points)} of {number(result.max_points)}"


def _share(result: CriterionResult) -> float:
    return min(max(result.points / result.max_points, 0.0), 1.0) if result.max_points > 0 else 0.0


def _tag(result: CriterionResult) -> str:
    kept = {Visibility.PUBLIC: "", Visibility.AFTER_DUE: "after the deadline", Visibility.HIDDEN: "hidden"}
    return ", ".join(filter(None, ("bonus" if result.bonus else "", kept[result.visibility])))


def _arrays(evidence: Sequence[Evidence]) -> tuple[ArrayView, ...]:
    shown = evidence[:_ARRAYS]
    expected = next((e for e in shown if e.label.strip().lower().startswith("expected")), None)
    return tuple(_array(e, expected) for e in shown)


def _array(evidence: Evidence, expected: Evidence | None) -> ArrayView:
    got = evidence.label.strip().lower().startswith("got")
    compare = expected.rows if got and expected is not None and expected.shape == evidence.shape else None
    rows = tuple(
        tuple((one_line(cell, _NUMBER), _differs(compare, y, x, cell)) for x, cell in enumerate(row[:_COLUMNS]))
        for y, row in enumerate(evidence.rows[:_ROWS])
    )
    shape = "×".join(str(n) for n in evidence.shape) or "one number"
    cut = evidence.cut or len(evidence.rows) > _ROWS or any(len(r) > _COLUMNS for r in evidence.rows)
    return ArrayView(one_line(evidence.label, 60), f"{shape}, {one_line(evidence.dtype, 30)}", rows, cut)


def _differs(expected: tuple[tuple[str, ...], ...] | None, y: int, x: int, cell: str) -> bool:
    if expected is None or y >= len(expected) or x >= len(expected[y]):
        return False
    return expected[y][x].strip() != cell.strip()


def strip(results: Sequence[CriterionResult]) -> list[Segment]:
    """The rubric as one strip: each criterion as wide as its points, filled as far as it was earned.

    Only what counts toward the maximum: the strip is the picture of "7.5 of 10".
    """
    results = [r for r in results if r.max_points > 0 and not r.bonus and r.outcome is not Outcome.MANUAL]
    total = sum(r.max_points for r in results)
    gap = 6.0 if len(results) <= 40 else 1.0
    room = 1000.0 - gap * (len(results) - 1)
    segments, x = [], 0.0
    for result in results:
        width = max(room * result.max_points / total, 0.5)
        word = OUTCOMES[result.outcome]
        title = f"{one_line(result.title, 120)}: {word.text}, {_points(result)}"
        fill = width * _share(result)
        segments.append(Segment(round(x, 1), round(width, 1), round(fill, 1), word.tone, title))
        x += width + gap
    return segments


def summary(assignment: Assignment, verdict: Verdict) -> str:
    """The line under the points: how many checks passed, and what is still to come."""
    judged = [r for r in verdict.criteria if r.outcome not in (Outcome.MANUAL, Outcome.BROKEN)]
    parts = [
        _passed([r for r in judged if r.visibility is Visibility.PUBLIC and not r.bonus], "public check"),
        _passed([r for r in judged if r.visibility is not Visibility.PUBLIC and not r.bonus], "further check"),
        _passed([r for r in judged if r.bonus], "bonus check"),
    ]
    outcomes = [r.outcome for r in verdict.criteria]
    if broken := outcomes.count(Outcome.BROKEN):
        parts.append(f"{broken} could not be judged, which costs you nothing")
    if manual := outcomes.count(Outcome.MANUAL):
        parts.append(f"{manual} {'waits' if manual == 1 else 'wait'} for a teacher")
    return "; ".join(filter(None, [*parts, *_to_come(assignment, verdict)]))


def _passed(results: Sequence[CriterionResult], what: str) -> str:
    passed = sum(r.outcome is Outcome.PASSED for r in results)
    return f"{passed} of {count(len(results), what)} passed" if results else ""


def _to_come(assignment: Assignment, verdict: Verdict) -> Iterable[str]:
    """Criteria of the assignment that this run did not ask for."""
    asked = {r.id for r in verdict.criteria}
    missing = [c for c in assignment.criteria if c.id not in asked and c.visibility is not Visibility.PUBLIC]
    if missing and verdict.criteria:
        yield f"{len(missing)} more {'runs' if len(missing) == 1 else 'run'} after the deadline"
