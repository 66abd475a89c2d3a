"""What one test of a grader found: from how it ended, and what it gave, to a record."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from torchgrade.grading.blame import fault_line
from torchgrade.grading.examinee import Call
from torchgrade.i18n import _
from torchgrade.model import Assignment, Criterion, Evidence, Outcome, Visibility
from torchgrade.testing.exhibits import traceback_of
from torchgrade.testing.outcomes import ComparisonFailure, ProbeFailure

MOST_DETAIL = 6000  # characters of what a teacher is told of a fault


@dataclass
class TestRecord:
    """What one test function found. ``message`` may quote the student's code, ``safe`` does not."""

    __test__ = False
    criterion: str
    outcome: Outcome
    fraction: float
    sentence: str  # the test's docstring
    message: str = ""
    safe: str = ""
    evidence: tuple[Evidence, ...] = ()
    hints: list[str] = field(default_factory=list)
    detail: str = ""
    seconds: float = 0.0
    calls: list[Call] = field(default_factory=list)
    error: BaseException | None = None


@dataclass
class Given:
    """What a test gave while it ran, through the fixtures ``award``, ``hint`` and ``exhibit``."""

    awards: list[tuple[float, str]] = field(default_factory=list)  # (fraction, because)
    hints: list[str] = field(default_factory=list)
    exhibits: list[Evidence] = field(default_factory=list)


def record_of(
    assignment: Assignment,
    criterion: Criterion,
    sentence: str,
    error: BaseException | None,
    given: Given,
    calls: Sequence[Call],
) -> TestRecord:
    """The record of a test that ran. ``error``: what it or a fixture raised; ``calls``: what it asked."""
    public = criterion.visibility == Visibility.PUBLIC
    record = TestRecord(criterion.id, Outcome.PASSED, 1.0, sentence, hints=list(given.hints), error=error)
    record.calls = list(calls)
    record.evidence = tuple(given.exhibits) if public else ()  # of what is hidden nobody sees an array
    if error is None:
        _apply_awards(record, given.awards)
        return record
    record.fraction = 0.0
    record.detail = "".join(traceback.format_exception(error, limit=-8))[-MOST_DETAIL:]
    record.message = _(str(error))
    _apply_error(record, error, assignment, public=public)
    return record


def _apply_awards(record: TestRecord, awards: Sequence[tuple[float, str]]) -> None:
    """The least that was awarded counts; a test that awards nothing and ends well has earned all."""
    if not awards:
        return
    record.fraction, record.message = min(awards)
    record.safe = record.message
    if record.fraction <= 0.0:
        record.outcome = Outcome.FAILED
    elif record.fraction < 1.0:
        record.outcome = Outcome.PARTIAL


def _apply_error(record: TestRecord, error: BaseException, assignment: Assignment, *, public: bool) -> None:
    """Outcome and words by the kind of the error; what is no way of failing is a fault of the grader: broken."""
    if isinstance(error, ProbeFailure):
        record.outcome, record.safe = error.outcome, _(error.safe)
        record.detail = f"{error.traceback}\n{record.detail}" if error.traceback else record.detail
        record.evidence = (*(traceback_of(error) if public else ()), *record.evidence)
    elif isinstance(error, ComparisonFailure):
        record.outcome, record.safe = Outcome.FAILED, _(error.safe)
        record.evidence = (*error.evidence, *record.evidence)
    elif isinstance(error, (AssertionError, pytest.fail.Exception)):
        record.outcome, record.safe = Outcome.FAILED, _("not so: {sentence}").format(sentence=_(record.sentence))
        record.message = _(record.message.split("\nassert ")[0].strip()) or record.safe
    elif isinstance(error, pytest.skip.Exception):
        record.outcome, record.safe = Outcome.SKIPPED, record.message
    else:
        record.outcome = Outcome.BROKEN
        record.detail = f"{record.detail}\n{fault_line(assignment, error)}"


def blame_answer(record: TestRecord) -> None:
    """Make a record that says that a grader stumbled one that says that the student's answer tripped it."""
    what = f"{type(record.error).__name__}: {record.error}"
    record.outcome = Outcome.FAILED
    record.message = _("the answer is not of a form that can be judged ({what})").format(what=what)
    record.safe = _("the answer is not of a form that can be judged")
