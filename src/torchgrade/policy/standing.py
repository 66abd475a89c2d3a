"""What a student's work counts in the end, once dates and attempts are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Standing:
    """Points before and after what being late costs. ``because``: a sentence for each change."""

    points: float  # what counts
    raw_points: float  # what the work earned
    max_points: float
    bonus: float = 0.0
    late_seconds: float = 0.0  # after the due date, grace and extension; 0: in time
    attempt: int = 1  # which of the student's attempts counts
    excused: bool = False  # counts nothing, neither for nor against
    because: tuple[str, ...] = ()
    by: str = ""  # the member of the group who handed in what counts; empty: the student
    due: datetime | None = None  # this student's, extension and grace included, with a zone
    handed_in: datetime | None = None  # with a zone; None: nobody knows

    @property
    def differs(self) -> bool:
        """Whether there is something to say beside the points that the work earned."""
        return self.excused or self.points != self.raw_points or bool(self.because)
