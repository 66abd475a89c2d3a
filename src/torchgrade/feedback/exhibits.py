"""What a grader shows beside its words, ready to be drawn: curves, tables, pictures, a folded traceback.

Whatever an old or odd verdict holds, what cannot be drawn is left out and never raises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import escape

from torchgrade.feedback.clean import one_line, plain, shorten
from torchgrade.feedback.pictures import Picture, picture
from torchgrade.feedback.surface import SurfaceView, surface_view
from torchgrade.i18n import _
from torchgrade.model import Evidence

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 460, 200, 52, 8, 168  # of the drawing of curves, and where its lines lie in it
_LINES, _POINTS, _ROWS, _COLUMNS, _PICTURES = 6, 200, 42, 13, 16
_NAME, _NUMBER, _NOTE, _PICTURE = 60, 24, 300, 6000
_LARGEST = 1e100  # of a number that is drawn; NaN and infinity are none
KINDS = ("curves", "surface", "confusion", "layers", "table", "images", "filters", "trace")


@dataclass(frozen=True)
class Curve:
    """One line, or the band behind them: ``path`` in SVG's words, ``style`` a class of ours."""

    name: str
    style: str
    path: str


@dataclass(frozen=True)
class Cell:
    """A number of a table; ``heat`` from 0 to 6 and ``tone`` pick its wash, where it has one."""

    text: str
    heat: str = ""


@dataclass(frozen=True)
class Row:
    """A row of a table; ``style`` is the class of the line that it belongs to, if it does."""

    name: str
    cells: tuple[Cell, ...]
    style: str = ""


@dataclass(frozen=True)
class Shown:
    """A small picture with the words under it, and those that stand for it."""

    picture: Picture
    caption: str
    alt: str


@dataclass(frozen=True)
class ExhibitView:
    """One exhibit. ``kind`` picks the macro; ``size`` is about how many bytes it takes on the page."""

    kind: str
    label: str
    note: str
    cut: bool
    title: str = ""  # of a drawing: everything in words
    curves: tuple[Curve, ...] = ()
    ticks: tuple[tuple[float, str], ...] = ()  # (y, number)
    unit: str = ""  # what the curves go along: "epoch"
    epochs: tuple[tuple[float, str], ...] = ()  # (x, number)
    head: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    pictures: tuple[Shown, ...] = ()
    surface: SurfaceView | None = None
    text: str = ""

    @property
    def size(self) -> int:
        """About how many bytes it takes on the page."""
        words = [self.label, self.note, self.title, self.text, *self.head, *(c.path for c in self.curves)]
        words += [text for row in self.rows for text in (row.name, *(c.text for c in row.cells))]
        cells = sum(len(row.cells) + 1 for row in self.rows)
        pictures = sum(len(p.picture.source) + 2 * len(escape(p.alt)) + 160 for p in self.pictures)
        drawn = self.surface.size if self.surface else 0
        return 900 + drawn + sum(len(escape(w).encode()) for w in words) + 34 * cells + pictures


def exhibit_view(evidence: Evidence) -> ExhibitView | None:
    """Evidence of one of ``KINDS``; None where there is nothing in it to be drawn."""
    rows = tuple(tuple(map(str, row)) for row in evidence.rows if isinstance(row, tuple | list))
    if evidence.kind == "curves":
        return _curves(evidence, rows)
    if evidence.kind == "surface":
        return _surface(evidence, rows)
    if evidence.kind in ("images", "filters"):
        return _gallery(evidence, rows)
    if evidence.kind == "trace":
        text = plain("\n".join(row[0] for row in rows if row))
        return _view(evidence, text=shorten(text, 3000)) if text.strip() else None
    return _table(evidence, rows)


def _view(evidence: Evidence, **more: object) -> ExhibitView:
    note = one_line(evidence.note, _NOTE)
    return ExhibitView(evidence.kind, one_line(evidence.label, 120), note, evidence.cut, **more)  # type: ignore[arg-type]


# --- curves ------------------------------------------------------------------------------------------------------


def _curves(evidence: Evidence, rows: Sequence[Sequence[str]]) -> ExhibitView | None:
    named = [(row[0], *_points(text)) for row, text in zip(rows, evidence.drawn, strict=False) if row]
    lines = [(name, points) for name, band, points in named if points and not band][:_LINES]
    bands = [(name, points) for name, band, points in named if points and band][:1]
    heights = [y for _name, points in (*lines, *bands) for pair in points for y in pair]
    longest = max((len(points) for _name, points in lines), default=0)
    if longest < 2:
        return None
    low, high = min(heights), max(heights)
    low = min(low, 0.0) if low >= 0 and low < 0.3 * high else low
    scale = _Scale(longest, low, high if high > low else low + 1.0)
    drawn = [Curve(one_line(name, _NAME), "band", scale.band(points)) for name, points in bands]
    drawn += [
        Curve(one_line(name, _NAME), f"line l{n % 3 + 1}", scale.line([y for y, _same in points]))
        for n, (name, points) in enumerate(lines)
    ]
    styles = {curve.name: curve.style for curve in drawn}
    head, *body = rows
    table = tuple(
        Row(name, tuple(Cell(one_line(cell, _NUMBER)) for cell in row[1:5]), styles[name])
        for row in body
        if row and (name := one_line(row[0], _NAME)) in styles
    )
    columns = tuple(one_line(word, _NAME) for word in head[1:5])
    told = "; ".join(f"{row.name}: {_told(columns, row)}" for row in table)
    epochs = evidence.shape[0] if evidence.shape else longest
    return _view(
        evidence,
        title=f"{one_line(evidence.label, 120)}. {told}",
        curves=tuple(drawn),
        ticks=scale.ticks(),
        unit=one_line("".join(head[:1]), _NAME) or _("epoch"),  # verdicts of an earlier version name none
        epochs=((scale.x(0), "1"), (scale.x(longest - 1), str(epochs))),
        head=columns,
        rows=table,
    )


def _told(columns: Sequence[str], row: Row) -> str:
    return ", ".join(f"{word} {cell.text}" for word, cell in zip(columns, row.cells, strict=False))


def _points(text: str) -> tuple[bool, list[tuple[float, float]]]:
    """(whether it is a band, its points as (low, high)); no points where one is no number."""
    word, *numbers = text.split()[: _POINTS + 1] or [""]
    try:
        pairs = [tuple(float(part) for part in number.split(":")) for number in numbers]
    except ValueError:
        return False, []
    fine = word in ("line", "band") and all(len(p) in (1, 2) and all(abs(v) < _LARGEST for v in p) for p in pairs)
    return word == "band", [(min(p), max(p)) for p in pairs] if fine else []


@dataclass(frozen=True)
class _Scale:
    """From epochs and numbers to places in the drawing."""

    longest: int
    low: float
    high: float

    def x(self, place: int) -> float:
        return round(LEFT + (WIDTH - LEFT - 8) * place / (self.longest - 1), 1)

    def y(self, value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (value - self.low) / (self.high - self.low), 1)

    def line(self, values: Sequence[float]) -> str:
        """A line; a single number is a short stroke."""
        points = [f"{self.x(n):g} {self.y(v):g}" for n, v in enumerate(values[: self.longest])]
        return f"M{'L'.join(points)}" + ("h4" if len(points) == 1 else "")

    def band(self, points: Sequence[tuple[float, float]]) -> str:
        """The outline of a band: along its upper edge, and back along the lower."""
        kept = list(enumerate(points[: self.longest]))
        upper = [f"{self.x(n):g} {self.y(high):g}" for n, (_low, high) in kept]
        lower = [f"{self.x(n):g} {self.y(low):g}" for n, (low, _high) in reversed(kept)]
        return f"M{'L'.join([*upper, *lower])}z"

    def ticks(self) -> tuple[tuple[float, str], ...]:
        values = (self.low + share * (self.high - self.low) for share in (0, 0.5, 1))
        return tuple((self.y(v), f"{v:.3g}") for v in values)


# --- surfaces ----------------------------------------------------------------------------------------------------


def _surface(evidence: Evidence, rows: Sequence[Sequence[str]]) -> ExhibitView | None:
    rows = [[one_line(text, _NAME) for text in row[:4]] for row in rows]
    made = surface_view(evidence.drawn, rows)
    if made is None or not all(rows):
        return None
    head, *body = rows
    table = tuple(Row(row[0], tuple(Cell(text) for text in row[1:])) for row in body)
    return _view(evidence, surface=made, head=tuple(head[1:]), rows=table)


# --- tables ------------------------------------------------------------------------------------------------------


def _table(evidence: Evidence, rows: Sequence[Sequence[str]]) -> ExhibitView | None:
    if len(rows) < 2:
        return None
    head, *body = rows
    heated = evidence.kind == "confusion"
    made = tuple(_row(n, row, heated=heated) for n, row in enumerate(body[:_ROWS]) if row)
    columns = tuple(one_line(word, _NAME) for word in head[:_COLUMNS])
    return _view(evidence, head=columns, rows=made)


def _row(n: int, row: Sequence[str], *, heated: bool) -> Row:
    cells = [one_line(cell, _NUMBER) for cell in row[1:_COLUMNS]]
    counts = [int(cell) if cell.isdecimal() else 0 for cell in cells]
    total = max(sum(counts), 1)
    heats = [f"h{math.ceil(6 * c / total)} {'own' if x == n else 'other'}" for x, c in enumerate(counts)]
    return Row(
        one_line(row[0], _NAME),
        tuple(Cell(cell, heat if heated else "") for cell, heat in zip(cells, heats, strict=True)),
    )


# --- pictures ----------------------------------------------------------------------------------------------------


def _gallery(evidence: Evidence, rows: Sequence[Sequence[str]]) -> ExhibitView | None:
    shown = []
    for row, data in list(zip(rows, evidence.drawn, strict=False))[:_PICTURES]:
        made = picture("image/png", data, _PICTURE)
        if isinstance(made, Picture):
            shown.append(_shown(evidence, [one_line(word, _NAME) for word in row], made))
    return _view(evidence, pictures=tuple(shown)) if shown else None


def _shown(evidence: Evidence, words: Sequence[str], made: Picture) -> Shown:
    if evidence.kind == "images" and len(words) > 1:
        said = _("{truth}, taken for {answer}").format(truth=words[0], answer=words[1])
        return Shown(made, said, said)
    name = words[0] if words else ""
    return Shown(made, name, _("Weights of unit {name}").format(name=name))
