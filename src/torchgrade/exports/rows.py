"""What every export is made of: one row for each student, and what of it may be told to another system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from torchgrade.model import Assignment, Outcome, Status, Verdict
from torchgrade.policy import Standing


class State(StrEnum):
    """Whether there is a grade to hand on."""

    GRADED = "graded"
    EXCUSED = "excused"
    WAITING = "waiting"  # some criterion waits for a teacher: the points are not the last word
    BROKEN = "broken"  # our fault: no grade may follow from it
    MISSING = "missing"  # in the roster, and nothing is known of them


@dataclass(frozen=True)
class Row:
    """A student, the other columns of the roster, the final verdict, and what policy makes of it."""

    student: str
    fields: Mapping[str, str] = field(default_factory=dict)
    verdict: Verdict | None = None
    standing: Standing | None = None

    @property
    def state(self) -> State:
        """Whether there is a grade."""
        if self.standing is not None and self.standing.excused:
            return State.EXCUSED
        if self.verdict is None:
            return State.GRADED if self.standing is not None else State.MISSING
        outcomes = {result.outcome for result in self.verdict.criteria}
        if self.verdict.status is Status.BROKEN or Outcome.BROKEN in outcomes:
            return State.BROKEN
        return State.WAITING if Outcome.MANUAL in outcomes else State.GRADED

    @property
    def points(self) -> float:
        """What counts, without the bonus; 0 where there is no verdict."""
        if self.standing is not None:
            return self.standing.points
        return self.verdict.points if self.verdict is not None else 0.0

    @property
    def raw_points(self) -> float:
        """What the work earned, before lateness."""
        if self.standing is not None:
            return self.standing.raw_points
        return self.verdict.points if self.verdict is not None else 0.0

    @property
    def bonus(self) -> float:
        """Points beyond the maximum."""
        if self.standing is not None:
            return self.standing.bonus
        return self.verdict.bonus if self.verdict is not None else 0.0

    @property
    def total(self) -> float:
        """Points and bonus together: what a gradebook with one number gets."""
        return round(self.points + self.bonus, 6)

    @property
    def attempt(self) -> int:
        """Which attempt counts."""
        if self.standing is not None:
            return self.standing.attempt
        return self.verdict.attempt if self.verdict is not None else 0


def possible(assignment: Assignment) -> float:
    """The most points without a bonus, those that a teacher awards by hand included."""
    return sum(c.points for c in assignment.criteria if not c.bonus)


def in_order(rows: Iterable[Row]) -> list[Row]:
    """By name, the same each time."""
    return sorted(rows, key=lambda row: (row.student.casefold(), row.student))


def number(value: float, places: int = 2) -> str:
    """A number as every platform reads it: a point, no grouping, no needless zeros."""
    text = f"{round(value, places):.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
