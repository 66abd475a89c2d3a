"""Numbers behind the two drawings of the cohort page; the template turns them into SVG attributes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torchgrade.feedback.words import OUTCOMES, number
from torchgrade.i18n import plural
from torchgrade.model import Outcome

BINS, WIDTH, HEIGHT = 10, 600, 120  # of the histogram, in its own units
_ORDER = ("good", "part", "bad", "idle", "ours")


@dataclass(frozen=True)
class Bar:
    """One bar of the histogram; ``label`` stands under it."""

    x: float
    width: float
    height: float
    n: int
    label: str
    title: str


@dataclass(frozen=True)
class Slice:
    """One part of a stacked bar, in thousandths of its width."""

    x: float
    width: float
    tone: str


def histogram(points: Sequence[float], most: float) -> list[Bar]:
    """Ten bars from 0 to ``most``; the last one holds full marks too. Empty where there is nothing to draw."""
    if not points or most <= 0:
        return []
    bins = Counter(min(max(int(p / most * BINS + 1e-9), 0), BINS - 1) for p in points)
    tallest, step = max(bins.values()), WIDTH / BINS
    return [_bar(i, bins[i], tallest, step, most / BINS) for i in range(BINS)]


def _bar(i: int, n: int, tallest: int, step: float, span: float) -> Bar:
    low, high = number(i * span), number((i + 1) * span)
    last = i == BINS - 1
    up_to = plural("{low} to {high} points: {count} submission", "{low} to {high} points: {count} submissions", n)
    under = plural(
        "{low} to under {high} points: {count} submission", "{low} to under {high} points: {count} submissions", n
    )
    title = (up_to if last else under).format(low=low, high=high, count=n)
    label = f"{low}–{high}"
    return Bar(round(i * step + 3, 1), round(step - 6, 1), round(HEIGHT * n / tallest, 1), n, label, title)


def slices(outcomes: Mapping[Outcome, int]) -> list[Slice]:
    """Outcomes as parts of a bar 1000 wide, good ones first."""
    tones: Counter[str] = Counter()
    for outcome, n in outcomes.items():
        tones[OUTCOMES[outcome].tone] += n
    total, x, parts = sum(tones.values()), 0.0, []
    for tone in _ORDER:
        if tones[tone]:
            width = 1000 * tones[tone] / total
            parts.append(Slice(round(x, 1), round(width, 1), tone))
            x += width
    return parts
