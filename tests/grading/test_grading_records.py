"""From how one test ended to its record, without rooms and without pytest."""

from __future__ import annotations

from pathlib import Path

import pytest

from torchgrade.grading.records import Given, TestRecord, blame_answer, record_of
from torchgrade.model import Assignment, Criterion, Evidence, Outcome, Visibility
from torchgrade.testing.outcomes import ComparisonFailure, Raised, TimedOut

SHOWN = Evidence("came back", (1,), "float32", (("1",),))
TRACE = "Traceback:\n  File cell 1\nValueError: theirs"


def recorded(
    error: BaseException | None = None, *, hidden: bool = False, given: Given | None = None
) -> TestRecord:
    assignment = Assignment("double", "Double", (), (), graders=Path("/course/graders/double"))
    visibility = Visibility.HIDDEN if hidden else Visibility.PUBLIC
    criterion = Criterion("c", "C", 2.0, visibility)
    return record_of(assignment, criterion, "double(2) is 4", error, given or Given(), [])


@pytest.mark.parametrize(
    ("error", "outcome", "message", "safe"),
    [
        (Raised("ValueError: theirs", safe="It raised."), Outcome.ERRORED, "ValueError: theirs", "It raised."),
        (TimedOut("Too slow."), Outcome.TIMED_OUT, "Too slow.", "Too slow."),
        (ComparisonFailure("5, not 4", safe="Not 4."), Outcome.FAILED, "5, not 4", "Not 4."),
        (AssertionError("too large\nassert 5 == 4"), Outcome.FAILED, "too large", "not so: double(2) is 4"),
        (AssertionError(), Outcome.FAILED, "not so: double(2) is 4", "not so: double(2) is 4"),
        (pytest.skip.Exception("not today"), Outcome.SKIPPED, "not today", "not today"),
        (KeyError("ours"), Outcome.BROKEN, "'ours'", ""),
    ],
)
def test_each_kind_of_error_has_its_outcome_and_words(
    error: BaseException, outcome: Outcome, message: str, safe: str
) -> None:
    found = recorded(error)
    assert (found.outcome, found.fraction, found.message, found.safe) == (outcome, 0.0, message, safe)
    assert found.error is error and type(error).__name__ in found.detail


def test_the_least_of_what_was_awarded_counts() -> None:
    half = recorded(given=Given(awards=[(1.0, "all"), (0.5, "half")]))
    assert (half.outcome, half.fraction, half.message, half.safe) == (Outcome.PARTIAL, 0.5, "half", "half")
    assert recorded(given=Given(awards=[(0.0, "none")])).outcome is Outcome.FAILED
    assert (recorded().outcome, recorded().fraction) == (Outcome.PASSED, 1.0)


def test_an_award_before_an_error_earns_nothing() -> None:
    assert recorded(AssertionError(), given=Given(awards=[(0.5, "half")])).fraction == 0.0


def test_of_what_is_hidden_neither_exhibit_nor_traceback_is_kept_to_show() -> None:
    error = Raised("ValueError: theirs", traceback=TRACE)
    assert [e.kind for e in recorded(error, given=Given(exhibits=[SHOWN])).evidence] == ["trace", SHOWN.kind]
    assert recorded(error, hidden=True, given=Given(exhibits=[SHOWN])).evidence == ()


def test_an_answer_that_is_to_blame_is_told_without_its_words_to_everybody() -> None:
    found = recorded(TypeError("theirs"))
    blame_answer(found)
    assert found.outcome is Outcome.FAILED
    assert "TypeError: theirs" in found.message and "theirs" not in found.safe
