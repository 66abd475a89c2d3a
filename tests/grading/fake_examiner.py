"""An examiner without rooms: reaches the verdict that the notebook's first cell asks for. Rules of the pipeline
are seen with it in milliseconds."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

from torchgrade.errors import BrokenError
from torchgrade.grading import warm
from torchgrade.model import CriterionResult, Outcome, Status, Verdict, Visibility


class FakeExaminer:
    """Obeys, a line each: ``points 2``, ``broken``, ``broken once``, ``raise``, ``limit``, ``sleep 1``, ``say``"""

    #: Added to the points that a notebook asks for: a verdict that comes out otherwise the next time.
    more = 0.0
    #: How often a notebook that says ``die`` takes its examiner along.
    deaths_left = 0

    def __init__(self, setup: warm.Setup, ahead: object = None) -> None:
        self.setup = setup
        self.examined: list[str] = []
        self.jobs: list[dict[str, Any]] = []
        self.closed = 0
        self.said: set[str] = set()
        self.most_at_once = self._at_once = self._most_on_one = 0
        self._on: Counter[str] = Counter()
        self._lock = threading.Lock()

    def wait_ready(self) -> None:
        """Ready at once."""

    def alive(self) -> bool:
        return "die" not in self.said

    def close(self) -> None:
        self.closed += 1

    def examine(self, job: dict[str, Any], seconds: float) -> Verdict:
        with self._lock:
            self.examined.append(job["student"])
            self.jobs.append(job)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            gpu = job.get("gpu", "")
            self._on[gpu] += 1
            self._most_on_one = max(self._most_on_one, self._on[gpu])
        try:
            return self._verdict(job)
        finally:
            with self._lock:
                self._at_once -= 1
                self._on[gpu] -= 1

    @property
    def most_on_one(self) -> int:
        """The most examinations that ran at the same time on one GPU."""
        return self._most_on_one

    def _verdict(self, job: dict[str, Any]) -> Verdict:
        points, broken, said = 0.0, False, "said"
        for line in job["notebook"]["cells"][0]["source"].splitlines():
            word, _, rest = line.partition(" ")
            if word == "points":
                points = float(rest) + self.more
            elif word == "sleep":
                time.sleep(float(rest))
            elif word == "die":
                if FakeExaminer.deaths_left:
                    FakeExaminer.deaths_left -= 1
                    self.said.add(word)
                    raise BrokenError("the warm examiner is gone")
                points = 3.0
            elif word == "raise":
                raise BrokenError("Traceback (most recent call last):\n  somewhere\nOSError: our own disk")
            elif word == "interrupt":
                raise KeyboardInterrupt
            elif word == "broken":
                broken = rest != "once" or self.examined.count(job["student"]) == 1
            elif word == "say":
                said = rest.encode().decode("unicode_escape")
        outcome = Outcome.BROKEN if broken else Outcome.PASSED if points == 3 else Outcome.FAILED
        result = CriterionResult("doubles", "D", outcome, points, 3.0, False, Visibility.PUBLIC, said, said)
        status, reason = (Status.BROKEN, "broken on purpose") if broken else (Status.GRADED, "")
        if word == "limit":
            status, reason = Status.LIMIT, "the notebook ran too long"
        return Verdict(
            student=job["student"], assignment=job["assignment"], status=status, reason=reason,
            points=points, max_points=3.0, bonus=0.0, criteria=(result,),
            notes=tuple(job["notes"]), attempt=job["attempt"], seed=job["seed"], digests=job["digests"],
            versions=job["versions"], device=job["device"], sandbox=job["tier"], seconds=0.1,
            notebook=job["notebook"],
        )  # fmt: skip
