"""The picture of relative errors: a bar for each parameter on a logarithmic scale, and the line of the limit.

The template turns these numbers into SVG attributes; the same figures stand in a table beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torchgrade.feedback.clean import one_line
from torchgrade.i18n import _
from torchgrade.model import Evidence

LOW, HIGH = -16, 2  # of the scale, as powers of ten
LEFT, WIDTH, STEP, THICK = 96, 250, 26, 14  # where bars begin, their room, the height of a row and of a bar
_ROWS, _NAME, _NUMBER, _DRAWN_NAME = 8, 40, 24, 12
_TICKS = (-16, -12, -8, -4, 0)


@dataclass(frozen=True)
class ErrorBar:
    """One parameter. ``solid`` is false where there is no number, so that only the bar's outline is drawn."""

    name: str
    short: str
    error: str
    allowed: str
    word: str  # right, wrong or none
    tone: str
    y: float
    width: float
    solid: bool


@dataclass(frozen=True)
class ErrorsView:
    """The picture: bars, the line of what is allowed, ticks as (x, their words), and all of it in words."""

    label: str
    title: str
    bars: tuple[ErrorBar, ...]
    limit: float | None
    ticks: tuple[tuple[float, str], ...]
    height: int  # of the bars together; the ticks' numbers stand below
    left: int = LEFT
    right: int = LEFT + WIDTH
    thick: int = THICK


def errors_view(evidence: Evidence) -> ErrorsView:
    """The picture of evidence of the kind ``errors``; whatever its rows hold, it can be drawn."""
    bars = tuple(_bar(n, row) for n, row in enumerate(evidence.rows[:_ROWS]))
    limits = [_number(bar.allowed) for bar in bars]
    known = [limit for limit in limits if limit is not None]
    label = one_line(evidence.label, 60)
    said = "; ".join(f"{bar.name} {bar.error}, {bar.word}" for bar in bars)
    same = bool(known) and len(set(limits)) == 1
    words = _("{label} on a logarithmic scale, at most {limit} is allowed: {said}") if same else ""
    words = words or _("{label} on a logarithmic scale: {said}")
    return ErrorsView(
        label=label,
        title=words.format(label=label, limit=bars[0].allowed if bars else "", said=said),
        bars=bars,
        limit=_x(known[0]) if same else None,
        ticks=tuple((_x(10.0**power), f"1e{power}" if power else "1") for power in _TICKS),
        height=STEP * len(bars),
    )


def _bar(n: int, row: Sequence[str]) -> ErrorBar:
    name, error, allowed = (*map(str, row[:3]), "", "", "")[:3]
    size, most = _number(error), _number(allowed)
    right = size is not None and most is not None and size <= most
    short = one_line(name, _NAME)
    return ErrorBar(
        name=short,
        short=short if len(short) <= _DRAWN_NAME else f"{short[: _DRAWN_NAME - 1]}…",
        error=_("none") if error == "none" else one_line(error, _NUMBER),
        allowed=one_line(allowed, _NUMBER),
        word=_("right") if right else _("wrong") if size is not None else _("nothing to compare"),
        tone="good" if right else "bad",
        y=float(n * STEP + (STEP - THICK) / 2),
        width=WIDTH if size is None else max(round(_x(size) - LEFT, 1), 1.5),
        solid=size is not None,
    )


def _number(text: str) -> float | None:
    """The number that a text says, if it is one that can be drawn."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _x(value: float) -> float:
    """Where a value lies, at the nearer end if it is off the scale."""
    power = math.log10(value) if value > 0 else LOW
    share = (min(max(power, LOW), HIGH) - LOW) / (HIGH - LOW)
    return round(LEFT + WIDTH * share, 1)
