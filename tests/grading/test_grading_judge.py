"""From records to results, without rooms: totals, and what each reader may see."""

from __future__ import annotations

import pytest

from torchgrade.grading.examiner import Job, broken
from torchgrade.grading.judge import Mistake, judge_criterion, public_part, totals
from torchgrade.grading.records import TestRecord
from torchgrade.model import (
    Assignment,
    Criterion,
    CriterionResult,
    Evidence,
    Outcome,
    Status,
    Visibility,
)

EVIDENCE = (Evidence("came back", (1,), "float32", (("1",),)),)


def record(outcome: Outcome, fraction: float = 0.0, **fields: object) -> TestRecord:
    made = {
        "message": "with values",
        "safe": "without values",
        "evidence": EVIDENCE,
        "hints": ["a hint"],
        **fields,
    }
    return TestRecord("c", outcome, fraction, "the sentence", **made)  # type: ignore[arg-type]


def judged(*records: TestRecord, known: str = "", **criterion: object) -> CriterionResult:
    fields = {"id": "c", "title": "C", "points": 3.0, **criterion}
    mistake = Mistake("the-mistake", known) if known else None
    return judge_criterion(Criterion(**fields), records, lambda record: mistake)  # type: ignore[arg-type]


@pytest.mark.parametrize("visibility", [Visibility.HIDDEN, Visibility.AFTER_DUE])
def test_a_criterion_that_is_not_public_shows_the_safe_words_alone(visibility: Visibility) -> None:
    found = judged(record(Outcome.FAILED), visibility=visibility)
    assert (found.message, found.evidence) == ("without values", ())
    assert "with values" in found.detail


def test_a_public_criterion_shows_all(visibility: Visibility = Visibility.PUBLIC) -> None:
    found = judged(record(Outcome.FAILED), visibility=visibility)
    assert (found.message, found.evidence, found.hint) == ("with values", EVIDENCE, "a hint")


def test_a_known_mistakes_hint_takes_the_place_of_the_graders() -> None:
    assert judged(record(Outcome.FAILED), known="known").hint == "known"


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.SKIPPED, Outcome.BROKEN])
def test_what_was_not_lost_by_an_answer_gets_no_hint(outcome: Outcome) -> None:
    assert judged(record(outcome, 1.0), known="known").hint == ""


def test_without_a_test_a_criterion_is_broken() -> None:
    found = judged()
    assert (found.outcome, found.points) == (Outcome.BROKEN, 0)
    assert "not your fault" in found.message


def test_a_manual_criterion_waits_whatever_was_run() -> None:
    assert judged(record(Outcome.FAILED), manual=True).outcome == Outcome.MANUAL


ORDER = ["broken", "out_of_memory", "timed_out", "errored", "failed", "skipped", "partial", "passed"]


@pytest.mark.parametrize(("worse", "better"), [(a, b) for n, a in enumerate(ORDER) for b in ORDER[n + 1 :]])
def test_the_worst_outcome_of_several_tests_counts(worse: str, better: str) -> None:
    share = {"passed": 1.0, "partial": 0.5}
    made = [record(Outcome(o), share.get(o, 0.0), message=o) for o in (better, worse)]
    for records in (made, made[::-1]):
        found = judged(*records)
        assert found.outcome == worse
        assert found.points == 3 * share.get(worse, 0.0)


def result(outcome: Outcome, points: float, most: float, *, bonus: bool = False) -> CriterionResult:
    return CriterionResult("c", "C", outcome, points, most, bonus)


def test_totals_leave_out_bonus_manual_and_broken() -> None:
    results = [
        result(Outcome.PASSED, 2, 2),
        result(Outcome.PARTIAL, 0.5, 1),
        result(Outcome.FAILED, 0, 4),
        result(Outcome.SKIPPED, 0, 8),
        result(Outcome.MANUAL, 0, 16),
        result(Outcome.BROKEN, 0, 32),
        result(Outcome.PASSED, 0.25, 64, bonus=True),
        result(Outcome.BROKEN, 0, 128, bonus=True),
    ]
    assert totals(results) == (2.5, 15, 0.25)


def test_totals_do_not_show_the_dust_of_binary_fractions() -> None:
    assert totals([result(Outcome.PASSED, 0.1, 0.1)] * 3) == (0.3, 0.3, 0)


def test_totals_of_nothing() -> None:
    assert totals([]) == (0, 0, 0)


def test_the_public_part_is_what_a_student_can_run() -> None:
    listed = (
        Criterion("a", "A", 1),
        Criterion("b", "B", 1, Visibility.HIDDEN),
        Criterion("c", "C", 1, Visibility.AFTER_DUE),
        Criterion("d", "D", 1, manual=True),
    )
    assert [c.id for c in public_part(Assignment("a", "A", listed, ()))] == ["a"]


def test_a_broken_verdict_neither_earns_nor_costs() -> None:
    assignment = Assignment("a", "A", (Criterion("c", "C", 5.0), Criterion("d", "D", 2.0, manual=True)), ())
    verdict = broken(assignment, Job("ada", "a", {}, "d"), "no room")
    assert (verdict.status, verdict.points, verdict.max_points, verdict.reason) == (Status.BROKEN, 0, 0, "no room")
    assert totals(verdict.criteria) == (0, 0, 0)
    assert all("not your fault" in c.message for c in verdict.criteria)
