"""Figures of the cohort's page, against values worked out by hand, and where there are none."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

import pytest
import samples

from torchgrade.feedback.statistics import FEWEST, asking_seconds, discrimination, far_off, success
from torchgrade.model import Criterion, CriterionResult, Outcome, Status, Verdict

A = Criterion("a", "A", 2.0)
B = Criterion("b", "B", 3.0)
C = Criterion("c", "C", 1.0, bonus=True)


def verdict(a: float, b: float, c: float = 0.0, **more: object) -> Verdict:
    def result(criterion: Criterion, points: float) -> CriterionResult:
        outcome = Outcome.PASSED if points == criterion.points else Outcome.FAILED
        return samples.judged(criterion, outcome, points / criterion.points)

    return replace(samples.verdict("s", [result(A, a), result(B, b), result(C, c)]), **more)  # type: ignore[arg-type]


RIGHT_OR_WRONG = [2, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 2]
ELSEWHERE = [3, 3, 2, 3, 1, 0, 1, 2, 0, 0, 1, 0]


def point_biserial(right: list[int], total: list[int]) -> float:
    """(M1 - M0) / s * sqrt(p q), by its definition."""
    ones = [t for r, t in zip(right, total, strict=True) if r]
    noughts = [t for r, t in zip(right, total, strict=True) if not r]
    p = len(ones) / len(total)
    gap = statistics.fmean(ones) - statistics.fmean(noughts)
    return gap / statistics.pstdev(total) * math.sqrt(p * (1 - p))


def test_for_right_or_wrong_it_is_the_point_biserial_correlation_with_the_rest() -> None:
    verdicts = [verdict(a, b) for a, b in zip(RIGHT_OR_WRONG, ELSEWHERE, strict=True)]
    found = discrimination(A, verdicts)
    assert found.value == pytest.approx(point_biserial(RIGHT_OR_WRONG, ELSEWHERE))
    assert 0.3 < found.value < 0.9


def test_a_criterion_is_not_compared_with_itself() -> None:
    # Nothing hangs together here: with its own points in the total, it would seem to.
    verdicts = [verdict(a, b) for a in (0, 2) for b in (0, 3)] * 5
    assert discrimination(A, verdicts).value == pytest.approx(0.0)


def test_a_bonus_is_in_nobodys_total_and_has_a_figure_of_its_own() -> None:
    verdicts = [verdict(a, b, c=n % 2) for n, (a, b) in enumerate(zip(RIGHT_OR_WRONG, ELSEWHERE, strict=True))]
    without = [verdict(a, b) for a, b in zip(RIGHT_OR_WRONG, ELSEWHERE, strict=True)]
    assert discrimination(A, verdicts) == discrimination(A, without)
    assert discrimination(C, verdicts).value is not None


def test_where_there_is_no_correlation_it_says_why() -> None:
    mixed = [verdict(a, b) for a, b in zip(RIGHT_OR_WRONG, ELSEWHERE, strict=True)]
    assert discrimination(A, mixed[: FEWEST - 1]).why == "few"
    assert discrimination(A, [verdict(2, b) for b in ELSEWHERE]).why == "alike"
    assert discrimination(A, [verdict(a, 3) for a in RIGHT_OR_WRONG]).why == "rest"
    assert discrimination(replace(A, manual=True), mixed).why == "manual"
    assert discrimination(A, []).why == "few"


@pytest.mark.parametrize("status", [Status.UNREADABLE, Status.BROKEN])
def test_who_was_not_examined_says_nothing_about_a_criterion(status: Status) -> None:
    mixed = [verdict(a, b) for a, b in zip(RIGHT_OR_WRONG, ELSEWHERE, strict=True)]
    lost = [verdict(0, 0, status=status) for _ in range(30)]
    assert discrimination(A, mixed + lost) == discrimination(A, mixed)


def test_success_is_the_mean_share_of_those_who_were_judged() -> None:
    manual = samples.verdict("m", [samples.judged(A, Outcome.MANUAL)])
    assert success(A, [verdict(2, 0), verdict(1, 0), verdict(0, 0), manual]) == pytest.approx(0.5)
    assert success(A, [manual]) is None and success(A, []) is None
    assert success(replace(A, points=0.0), [verdict(0, 0)]) is None


def test_asking_takes_the_time_of_those_who_were_asked() -> None:
    def took(seconds: float, outcome: Outcome = Outcome.PASSED) -> Verdict:
        return samples.verdict("t", [samples.judged(A, outcome, seconds=seconds)])

    asked = [took(0.1), took(0.2), took(9.0), took(math.nan)]
    assert asking_seconds(A, [*asked, took(50, Outcome.SKIPPED)]) == (pytest.approx(0.15), 9.0)
    assert asking_seconds(A, [took(1, Outcome.SKIPPED)]) is None


# Far off


def numbered(count: int) -> list[Verdict]:
    return [samples.right(f"s{n}") for n in range(count)]


def names(values: list[float]) -> list[str]:
    return [found.verdict.student for found in far_off(numbered(len(values)), values)]


def test_who_is_far_above_is_told_the_largest_first() -> None:
    usual = [1.0, 1.1, 0.9, 1.2, 0.8, 1.0, 1.05, 0.95, 1.1, 0.9]
    assert names([*usual, 50.0, 9.0]) == ["s10", "s11"]
    found = far_off(numbered(12), [*usual, 50.0, 9.0])[0]
    assert (found.value, found.median) == (50.0, pytest.approx(1.025))


def test_many_who_are_far_off_do_not_hide_each_other() -> None:
    # A mean and a standard deviation would: here they are 21 and 40, and 100 is within two of them.
    usual = [1.0, 1.1, 0.9, 1.2, 0.8, 1.0, 1.05, 0.95, 1.1, 0.9, 1.0, 1.02]
    values = [*usual, 100.0, 100.0, 100.0]
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    assert mean + 2.5 * deviation > 100.0, "this test can fail"
    assert names(values) == ["s12", "s13", "s14"]


def test_a_little_more_than_nearly_equal_is_no_news() -> None:
    assert names([1.0, 1.001, 1.0, 1.002, 1.001, 1.0, 0.999, 1.001, 0.998, 1.0, 1.5]) == []


def test_few_equal_small_or_unmeasured_values_tell_nothing() -> None:
    assert names([1.0] * 8 + [100.0]) == []
    assert names([1.0] * 20 + [100.0]) == [], "most are equal: there is no measure of far"
    assert names([1.0, 1.1, 0.9, 1.2, 0.8, 1.0, 1.05, 0.95, 1.1, 0.9, 0.001]) == []
    assert names([math.nan] * 20) == [] == names([])
