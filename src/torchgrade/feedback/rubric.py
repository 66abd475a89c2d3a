"""Criteria as the student page shows them: words, points, what may be seen, arrays side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup, escape

from torchgrade.feedback.bars import ErrorsView, errors_view
from torchgrade.feedback.clean import one_line, plain, shorten
from torchgrade.feedback.exhibits import KINDS, ExhibitView, exhibit_view
from torchgrade.feedback.heat import HeatView, heat_view
from torchgrade.feedback.markdown import with_code
from torchgrade.feedback.words import OUTCOMES, Word, number
from torchgrade.i18n import _, in_every_language, plural
from torchgrade.model import Assignment, CriterionResult, Evidence, Outcome, Verdict, Visibility

_ARRAYS, _ROWS, _COLUMNS, _NUMBER = 6, 8, 10, 24
_ARRAY_BYTES = 60_000  # of HTML for all arrays of a page
_EXHIBIT_BYTES = 90_000  # of HTML for curves, confusion matrices, pictures and tables together
_SETTLED = (Outcome.PASSED, Outcome.MANUAL, Outcome.SKIPPED)


@dataclass(frozen=True)
class ArrayView:
    """A small array. ``rows`` holds (text, differs) pairs; ``differs`` compares ``got`` with ``expected``."""

    label: str
    shape: str
    rows: tuple[tuple[tuple[str, bool], ...], ...]
    cut: bool


@dataclass(frozen=True)
class PlaceView:
    """Where in the student's notebook to look: a link, empty where the page does not show the cell."""

    anchor: str
    name: str
    code: str


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
    left_out: int  # arrays and exhibits for which there was no room
    open: bool
    heat: HeatView | None = None  # expected beside got, where there are many numbers
    exhibits: tuple[ExhibitView, ...] = ()
    place: PlaceView | None = None

    @property
    def marked(self) -> bool:
        """Whether some number of ``got`` differs from the expected one."""
        return any(differs for a in self.arrays for row in a.rows for _text, differs in row)

    @property
    def folds(self) -> bool:
        """Whether there is anything to unfold."""
        return bool(self.message or self.hint or self.arrays or self.errors or self.exhibits or self.left_out)


@dataclass(frozen=True)
class Segment:
    """A criterion's part of the rubric strip, in thousandths of its width; ``fill`` is what was earned."""

    x: float
    width: float
    fill: float
    tone: str
    title: str


def criteria_views(results: Sequence[CriterionResult], *, everything: bool) -> list[CriterionView]:
    """What the reader may see; arrays and exhibits only while the page has room for them."""
    views, room, rest = [], _ARRAY_BYTES, _EXHIBIT_BYTES
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
        if view.heat:
            room -= view.heat.size
            view = replace(view, heat=view.heat if room >= 0 else None)
        shown: list[ExhibitView] = []
        for exhibit in view.exhibits:
            fits = exhibit.size <= rest
            rest -= exhibit.size if fits else 0
            shown += [exhibit] if fits else []
        missing = len(view.arrays) - len(kept) + len(view.exhibits) - len(shown)
        views.append(replace(view, arrays=tuple(kept), exhibits=tuple(shown), left_out=view.left_out + missing))
    return views


def _view(result: CriterionResult, *, everything: bool) -> CriterionView:
    """Of a criterion that is not public a student sees no array, whatever the verdict holds."""
    shown = result.evidence if result.visibility is Visibility.PUBLIC or everything else ()
    pictures = [e for e in shown if e.kind == "errors"]
    exhibits = tuple(filter(None, (exhibit_view(e) for e in shown if e.kind in KINDS)))
    shown = tuple(e for e in shown if e.kind != "errors" and e.kind not in KINDS)
    arrays = _arrays(shown)
    word = OUTCOMES[result.outcome]
    return CriterionView(
        title=one_line(_(result.title) or result.id, 240),
        word=word,
        points=_points(result),
        share=_share(result),
        tag=_tag(result),
        message=with_code(shorten(said_of(result), 1600)),
        hint=with_code(shorten(plain(result.hint), 1000)),
        arrays=arrays,
        errors=errors_view(pictures[0]) if pictures else None,
        left_out=len(shown) - len(arrays) + max(len(pictures) - 1, 0),
        open=result.outcome not in _SETTLED and not result.bonus,
        heat=_heat(shown[:_ARRAYS]),
        exhibits=exhibits,
    )


def said_of(result: CriterionResult) -> str:
    """The message; where there is none, what the outcome's word means; both of what could not be judged."""
    said, meaning = plain(result.message), OUTCOMES[result.outcome].meaning
    if result.outcome is Outcome.BROKEN and said:
        return f"{meaning}\n{said}"
    return said or meaning


def _heat(evidence: Sequence[Evidence]) -> HeatView | None:
    expected, got = _pair(evidence)
    return heat_view(expected, got) if expected and got else None


def _pair(evidence: Sequence[Evidence]) -> tuple[Evidence | None, Evidence | None]:
    """What was expected and what came back, by their labels."""
    return next(filter(_is_expected, evidence), None), next(filter(_is_got, evidence), None)


def _is_expected(evidence: Evidence) -> bool:
    return _begins(evidence.label, ("expected", *in_every_language("expected")))


def _is_got(evidence: Evidence) -> bool:
    return _begins(evidence.label, ("got", *in_every_language("came back")))


def _begins(label: str, words: tuple[str, ...]) -> bool:
    """Whether it is one of these, whatever language the verdict was reached in."""
    return label.strip().lower().startswith(words)


def _bytes(array: ArrayView) -> int:
    """About how much HTML this array is."""
    cells = [len(escape(text).encode()) + 22 for row in array.rows for text, _differs in row]
    return sum(cells) + 30 * len(array.rows) + len(escape(array.label)) * 2 + 400


def _picture_bytes(view: ErrorsView) -> int:
    """About how much HTML a picture of errors is, with its table."""
    words = [view.title, *(text for b in view.bars for text in (b.name, b.short, b.error, b.error, b.allowed))]
    return sum(len(escape(word).encode()) for word in words) + 400 * len(view.bars) + 1800


def _points(result: CriterionResult) -> str:
    if result.outcome in (Outcome.MANUAL, Outcome.BROKEN):
        points = "–"
    else:
        points = f"{'+' if result.bonus else ''}{number(result.points)}"
    return _("{points} of {most}").format(points=points, most=number(result.max_points))


def _share(result: CriterionResult) -> float:
    return min(max(result.points / result.max_points, 0.0), 1.0) if result.max_points > 0 else 0.0


def _tag(result: CriterionResult) -> str:
    kept = {Visibility.PUBLIC: "", Visibility.AFTER_DUE: _("after the deadline"), Visibility.HIDDEN: _("hidden")}
    return ", ".join(filter(None, (_("bonus") if result.bonus else "", kept[result.visibility])))


def _arrays(evidence: Sequence[Evidence]) -> tuple[ArrayView, ...]:
    shown = evidence[:_ARRAYS]
    expected, _got = _pair(shown)
    return tuple(_array(e, expected) for e in shown)


def _array(evidence: Evidence, expected: Evidence | None) -> ArrayView:
    fits = _is_got(evidence) and expected is not None and expected.shape == evidence.shape
    compare = expected.rows if fits and expected else None
    rows = tuple(
        tuple((one_line(cell, _NUMBER), _differs(compare, y, x, cell)) for x, cell in enumerate(row[:_COLUMNS]))
        for y, row in enumerate(evidence.rows[:_ROWS])
    )
    shape = "×".join(str(n) for n in evidence.shape) or _("one number")
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
        title = f"{one_line(_(result.title), 120)}: {word.text}, {_points(result)}"
        fill = width * _share(result)
        segments.append(Segment(round(x, 1), round(width, 1), round(fill, 1), word.tone, title))
        x += width + gap
    return segments


def summary(assignment: Assignment, verdict: Verdict) -> str:
    """The line under the points: how many checks passed, and what is still to come."""
    judged = [r for r in verdict.criteria if r.outcome not in (Outcome.MANUAL, Outcome.BROKEN)]
    public = [r for r in judged if r.visibility is Visibility.PUBLIC and not r.bonus]
    further = [r for r in judged if r.visibility is not Visibility.PUBLIC and not r.bonus]
    bonus = [r for r in judged if r.bonus]
    outcomes = [r.outcome for r in verdict.criteria]
    broken, manual = outcomes.count(Outcome.BROKEN), outcomes.count(Outcome.MANUAL)
    graded = _to_come(assignment, verdict, Visibility.HIDDEN)
    later = _to_come(assignment, verdict, Visibility.AFTER_DUE)
    parts = (
        (
            plural(
                "{passed} of {count} public check passed", "{passed} of {count} public checks passed", len(public)
            ),
            public,
        ),
        (
            plural(
                "{passed} of {count} further check passed",
                "{passed} of {count} further checks passed",
                len(further),
            ),
            further,
        ),
        (
            plural(
                "{passed} of {count} bonus check passed", "{passed} of {count} bonus checks passed", len(bonus)
            ),
            bonus,
        ),
    )
    told = [words.format(passed=_passed(found), count=len(found)) for words, found in parts if found]
    rest = (
        (
            plural(
                "{count} could not be judged, which costs you nothing",
                "{count} could not be judged, which costs you nothing",
                broken,
            ),
            broken,
        ),
        (plural("{count} waits for a teacher", "{count} wait for a teacher", manual), manual),
        (plural("{count} more runs when it is graded", "{count} more run when it is graded", graded), graded),
        (plural("{count} more runs after the deadline", "{count} more run after the deadline", later), later),
    )
    return "; ".join([*told, *(words.format(count=n) for words, n in rest if n)])


def _passed(results: Sequence[CriterionResult]) -> int:
    return sum(r.outcome is Outcome.PASSED for r in results)


def _to_come(assignment: Assignment, verdict: Verdict, visibility: Visibility) -> int:
    """How many criteria of the assignment with this visibility this run did not ask for."""
    asked = {r.id for r in verdict.criteria}
    missing = [c for c in assignment.criteria if c.id not in asked and c.visibility is visibility]
    return len(missing) if verdict.criteria else 0
