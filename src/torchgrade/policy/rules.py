"""The rules of an assignment about time and attempts: frozen records, and how their amounts are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from torchgrade.policy.moments import Span

_AMOUNT = re.compile(r"(?P<number>\d{1,7}(\.\d{1,4})?)\s*(?P<unit>%|points?|)")
_LONG = {"percent": "%", "per cent": "%", "pts": "points", "pt": "point"}


@dataclass(frozen=True)
class Amount:
    """Points, or a share of the points that the work earned (``share``: 0.1 for 10 %)."""

    points: float = 0.0
    share: float = 0.0

    def of(self, earned: float) -> float:
        """Points that this is, where the work earned ``earned``."""
        return self.points + self.share * earned


@dataclass(frozen=True)
class Step:
    """What is taken off once ``after`` is over."""

    after: Span
    minus: Amount


class Unit(StrEnum):
    """What a penalty is counted by: each one that has begun."""

    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True)
class LateRule:
    """What being late costs: ``minus`` for each ``per`` begun, or the last of ``steps`` that was begun.

    It never leaves less than ``floor``, but for work that comes after ``closed``, which counts nothing.
    """

    minus: Amount = Amount()
    per: Unit = Unit.DAY
    steps: tuple[Step, ...] = ()
    floor: Amount = Amount()
    closed: Span | None = None


class Choice(StrEnum):
    """Which of several attempts counts."""

    BEST = "best"
    LAST = "last"


@dataclass(frozen=True)
class Policy:
    """All that points depend on beside the work. ``choice`` None: what the run graded counts, nothing earlier."""

    due: datetime | None = None  # with a zone
    grace: Span = Span()
    late: LateRule | None = None
    choice: Choice | None = None
    limit: int = 0  # attempts after so many do not count; 0: all do
    groups: bool = False  # what one member hands in counts for all
    zone: str = ""  # the course's, for extensions that name none


def amount(value: object) -> Amount:
    """``10 %`` (of what the work earned), ``0.5 points``. Raises ValueError in words for who wrote it."""
    text = value.strip() if isinstance(value, str) else value
    for long, short in _LONG.items():
        if isinstance(text, str) and text.endswith(long):
            text = f"{text.removesuffix(long).strip()} {short}"
    match = _AMOUNT.fullmatch(text) if isinstance(text, str) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number or (match is not None and not match["unit"]):
        raise ValueError(f"needs a unit: '{value} %' or '{value} points'")
    if match is None:
        raise ValueError("must be such as '10 %' (of what the work earned) or '0.5 points'")
    number = float(match["number"])
    if match["unit"] != "%":
        return Amount(points=number)
    if number > 100:
        raise ValueError("must be at most 100 %")
    return Amount(share=number / 100)
