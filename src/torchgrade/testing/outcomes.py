"""What a probe may raise in a grader. Each is an outcome of the student's, never a fault of the engine.

    ProbeFailure
    ├── Missing        the notebook defines no such name
    ├── Raised         the student's code raised
    ├── TimedOut       no answer within the limit
    ├── OutOfMemory    the room ran out of memory
    ├── Died           the student's process ended
    └── BadAnswer      an answer came that is not an allowed value
    ComparisonFailure  the answer is not the expected one (an AssertionError)

A grader may catch one to say something kinder; uncaught, the plugin turns it into the criterion's outcome.
"""

from __future__ import annotations

from traceback import clear_frames as clear_frames_of_traceback

from torchgrade.model import Evidence, Outcome


class ProbeFailure(Exception):
    """A probe that got no usable answer.

    ``str()`` may quote the student's own words and is shown for public criteria only; ``safe`` holds nothing
    that the student's code said during the probe and may be shown for every criterion.
    """

    outcome = Outcome.FAILED

    def __init__(
        self, message: str, *, safe: str = "", name: str = "", line: int | None = None, traceback: str = ""
    ) -> None:
        super().__init__(message)
        self.safe = safe or message
        self.name = name  # of the exception that the student's code raised
        self.line = line  # line of the student's own code, within its cell
        self.traceback = traceback


class Missing(ProbeFailure):
    """The notebook defines no such name (or no such attribute)."""


class Raised(ProbeFailure):
    """The student's code raised while it answered."""

    outcome = Outcome.ERRORED


class TimedOut(ProbeFailure):
    """No answer within the limit."""

    outcome = Outcome.TIMED_OUT


class OutOfMemory(ProbeFailure):
    """The room ran out of memory."""

    outcome = Outcome.OUT_OF_MEMORY


class Died(ProbeFailure):
    """The student's process ended while it was asked."""

    outcome = Outcome.ERRORED


class BadAnswer(ProbeFailure):
    """An answer came, but not a value that may cross the wall (type, dtype, size)."""


class ComparisonFailure(AssertionError):
    """The answer is not the expected one.

    ``str()`` is for a public criterion and may hold values; ``safe`` names shapes, kinds of error and what the
    answer looks like, but no value of input or answer. ``evidence`` is shown for public criteria only.
    """

    def __init__(self, message: str, *, safe: str = "", evidence: tuple[Evidence, ...] = ()) -> None:
        super().__init__(message)
        self.safe = safe or message
        self.evidence = evidence


def clear_frames(failure: BaseException) -> None:
    """Empty the frames that a failure came through: it goes on telling the lines, but holds no answers any more.

    A failure that is kept (the best of a search, the one of a record) would keep a large answer with it, and the
    two hold each other, so that only a collection would end them.
    """
    waiting: list[BaseException | None] = [failure]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            clear_frames_of_traceback(one.__traceback__)
            waiting += [one.__cause__, one.__context__]
