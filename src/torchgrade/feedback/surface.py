"""A decision surface, ready to be drawn: runs of cells as one path for each class and shade, points by shape."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torchgrade.i18n import _

SIDE, LEFT, TOP = 252, 62, 8  # of the drawing's square, and where it lies
_CLASSES, _CELLS, _POINTS, _LEVELS = 5, 64, 100, 3
#: By class: the outline of a point round its place, so that colour is not the only difference.
_SHAPES = (
    "m-3 0a3 3 0 1 1 0 .1z",
    "m-3-3h6v6h-6z",
    "m0-4l4 7h-8z",
    "m0-4l4 4-4 4-4-4z",
    "m-1-4h2v3h3v2h-3v3h-2v-3h-3v-2h3z",
)


@dataclass(frozen=True)
class SurfaceView:
    """``areas`` and ``points``: (class, path), in a square of ``SIDE``; ``ticks``: (x, y, anchor, number)."""

    title: str
    areas: tuple[tuple[str, str], ...]
    points: tuple[tuple[str, str], ...]
    ticks: tuple[tuple[float, float, str, str], ...]
    scale: str  # of the areas, whose unit is a cell
    keys: tuple[str, ...]  # the outline of each class's points

    @property
    def size(self) -> int:
        """About how many bytes it takes on the page."""
        return 900 + 2 * len(self.title) + sum(len(path) + 40 for _css, path in (*self.areas, *self.points))


def surface_view(drawn: Sequence[str], rows: Sequence[Sequence[str]]) -> SurfaceView | None:
    """What ``decision_surface`` gave; None where it is not that. ``rows``: a head, then one for each class."""
    head, *classes = drawn[: _CLASSES + 1] or ("",)
    words = head.split()
    ranges = [_range(word) for word in words[:2]]
    grid = words[2:]
    width = len(grid[0]) if grid else 0
    letters = {chr(ord("a") + n) for n in range(_LEVELS * len(classes))}
    fine = 0 < len(grid) <= _CELLS and 0 < width <= _CELLS and all(len(row) == width for row in grid)
    if not fine or None in ranges or len(rows) != len(drawn) or not set("".join(grid)) <= letters:
        return None
    across, up = (r for r in ranges if r is not None)
    return SurfaceView(
        title=_told(rows),
        areas=tuple(_areas(grid)),
        points=tuple(_points(classes, across, up)),
        ticks=_ticks(across, up),
        scale=f"{SIDE / width:g} {SIDE / len(grid):g}",
        keys=_SHAPES[: len(classes)],
    )


def _told(rows: Sequence[Sequence[str]]) -> str:
    said = _("{name}: {area} of the area, {right} of {points} points right")
    rows = [row for row in rows[1:] if len(row) == 4]
    return "; ".join(said.format(name=n, area=area, points=points, right=right) for n, area, points, right in rows)


def _range(word: str) -> tuple[float, float] | None:
    numbers = _numbers(word, 2)
    return (numbers[0], numbers[1]) if numbers and numbers[0] < numbers[1] else None


def _numbers(word: str, count: int) -> list[float]:
    try:
        numbers = [float(part) for part in word.split(":")]
    except ValueError:
        return []
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else []


def _areas(grid: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Cells of one letter as one path, a rectangle for each run in a row; a unit is a cell's side."""
    runs: dict[str, list[str]] = {}
    for y, row in enumerate(grid):
        x = 0
        for letter, same in itertools.groupby(row):
            n = len(list(same))
            runs.setdefault(letter, []).append(f"M{x} {y}h{n}v1h-{n}z")
            x += n
    for letter, found in sorted(runs.items()):
        kind, level = divmod(ord(letter) - ord("a"), _LEVELS)
        yield f"c{kind} s{level}", "".join(found)


def _points(
    classes: Sequence[str], across: tuple[float, float], up: tuple[float, float]
) -> Iterator[tuple[str, str]]:
    for n, text in enumerate(classes):
        spots = [found for word in text.split()[:_POINTS] if (found := _numbers(word, 3))]
        for css, right in ((f"c{n}", True), (f"c{n} missed", False)):
            path = "".join(
                f"M{_at(x, across):g} {SIDE - _at(y, up):g}{_SHAPES[n]}"
                for x, y, said in spots
                if (said == n) is right
            )
            if path:
                yield css, path


def _at(value: float, ends: tuple[float, float]) -> float:
    """A place in the drawing; what lies outside is drawn at the edge."""
    low, high = ends
    return round(SIDE * min(max((value - low) / (high - low), 0.02), 0.98), 1)


def _ticks(across: tuple[float, float], up: tuple[float, float]) -> tuple[tuple[float, float, str, str], ...]:
    bottom, right = TOP + SIDE, LEFT + SIDE
    return (
        (LEFT, bottom + 16, "start", f"{across[0]:.3g}"),
        (LEFT + SIDE / 2, bottom + 16, "middle", "x₁"),
        (right, bottom + 16, "end", f"{across[1]:.3g}"),
        (LEFT - 6, bottom, "end", f"{up[0]:.3g}"),
        (LEFT - 6, TOP + SIDE / 2 + 4, "end", "x₂"),
        (LEFT - 6, TOP + 10, "end", f"{up[1]:.3g}"),
    )
