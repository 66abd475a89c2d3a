"""Expected beside got as heatmaps: where many numbers are shown, a picture tells at a glance where they part."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torchgrade.feedback.clean import one_line
from torchgrade.i18n import _
from torchgrade.model import Evidence

CELL, GAP, LABEL = 16, 20, 104  # side of a cell, the room between two grids, and what a grid's words need
_FEWEST, _LEVELS, _ROWS, _COLUMNS = 12, 6, 8, 10

Grid = list[list[float]]


@dataclass(frozen=True)
class HeatGrid:
    """One grid: its words, where it begins, and for each level the path of its cells."""

    label: str
    x: int
    paths: tuple[tuple[str, str], ...]  # (class, path)


@dataclass(frozen=True)
class HeatView:
    """Three grids beside each other: expected, got, and how far apart they are."""

    title: str
    grids: tuple[HeatGrid, ...]
    width: int
    height: int

    @property
    def size(self) -> int:
        """About how many bytes it takes on the page."""
        return 500 + sum(len(path) + 30 for grid in self.grids for _css, path in grid.paths)


def heat_view(expected: Evidence, got: Evidence) -> HeatView | None:
    """The picture of two excerpts of one shape; None where the numbers alone say as much, or there are none."""
    right, theirs = _numbers(expected), _numbers(got)
    alike = [len(row) for row in right] == [len(row) for row in theirs] and len({len(row) for row in right}) == 1
    if expected.shape != got.shape or not alike or sum(map(len, right)) < _FEWEST:
        return None
    finite = [v for grid in (right, theirs) for row in grid for v in row if math.isfinite(v)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    apart = [[_apart(a, b) for a, b in zip(*rows, strict=True)] for rows in zip(right, theirs, strict=True)]
    most = max((v for row in apart for v in row if math.isfinite(v)), default=0.0)
    names = (one_line(expected.label, 16), one_line(got.label, 16), _("how far apart"))
    scales = (_scale("h", low, high), _scale("h", low, high), _scale("d", 0.0, most))
    step = max(CELL * len(right[0]), LABEL) + GAP
    grids = tuple(
        HeatGrid(name, n * step, _paths(grid, level))
        for n, (name, grid, level) in enumerate(zip(names, (right, theirs, apart), scales, strict=True))
    )
    return HeatView(_told(apart), grids, 3 * step - GAP, CELL * len(right) + 20)


def _numbers(evidence: Evidence) -> Grid:
    return [[_number(cell) for cell in row[:_COLUMNS]] for row in evidence.rows[:_ROWS]]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _apart(a: float, b: float) -> float:
    """How far two numbers are apart: 0 for the same NaN or infinity, infinite where one alone is odd."""
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    return abs(a - b) if math.isfinite(a) and math.isfinite(b) else math.inf


def _scale(letter: str, low: float, high: float) -> Callable[[float], str]:
    """The class of a number: ``h0`` to ``h6`` (``d0`` to ``d6`` for distances), ``odd`` for what is not finite."""

    def level(value: float) -> str:
        if not math.isfinite(value):
            return "odd"
        share = (value - low) / (high - low) if high > low else 0.0
        return f"{letter}{math.ceil(_LEVELS * share) if letter == 'd' else round(_LEVELS * share)}"

    return level


def _paths(grid: Sequence[Sequence[float]], level: Callable[[float], str]) -> tuple[tuple[str, str], ...]:
    """One path a level: far fewer bytes than a rectangle for each cell."""
    cells: dict[str, list[str]] = {}
    for y, row in enumerate(grid):
        for x, value in enumerate(row):
            cells.setdefault(level(value), []).append(f"M{x * CELL} {y * CELL}h{CELL}v{CELL}h-{CELL}z")
    return tuple((css, "".join(found)) for css, found in sorted(cells.items()))


def _told(apart: Sequence[Sequence[float]]) -> str:
    flat = [(value, y, x) for y, row in enumerate(apart) for x, value in enumerate(row)]
    wrong, (worst, y, x) = sum(value > 0 for value, _y, _x in flat), max(flat)
    if not worst:
        return _("Heatmaps of the numbers below: all of those that are shown are the same.")
    return _(
        "Heatmaps of the numbers below: {wrong} of {count} differ, most of all in row {row}, column {column}."
    ).format(wrong=wrong, count=len(flat), row=y, column=x)
