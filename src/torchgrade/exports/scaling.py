"""From our points to a platform's, where the two do not have the same maximum."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torchgrade.errors import UsageError
from torchgrade.exports.rows import number


@dataclass(frozen=True)
class Scale:
    """``factor``: a platform's point for one of ours. ``most``: what the platform takes at most; None: any."""

    factor: float = 1.0
    most: float | None = None

    def value(self, points: float) -> float:
        """Points on the platform, to two decimals."""
        value = points * self.factor
        return round(value if self.most is None else min(value, self.most), 2)

    def cell(self, points: float) -> str:
        """The same as text."""
        return number(self.value(points))

    def cuts(self, points: float) -> bool:
        """Whether something is lost, since the platform takes no more."""
        return self.most is not None and points * self.factor > self.most + 0.005


def scale_to(theirs: float | None, ours: float, scaled: bool, where: str) -> Scale:
    """The scale between two maxima. Raises UsageError where they differ and nobody said what then."""
    if theirs is None or math.isclose(theirs, ours, abs_tol=0.005):
        return Scale()
    if not scaled:
        raise UsageError(
            f"{where} is out of {_points(theirs)}, here it is {number(ours)}; "
            f"change it there, or say --scale to scale the points"
        )
    if ours <= 0 or theirs <= 0:
        raise UsageError(f"{where}: {_points(ours)} here cannot be scaled to {number(theirs)}")
    return Scale(theirs / ours)


def _points(points: float) -> str:
    return f"{number(points)} {'point' if points == 1 else 'points'}"
