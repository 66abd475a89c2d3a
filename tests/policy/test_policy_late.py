"""What being late takes off, at its boundaries."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchgrade.policy import (
    Amount,
    LateRule,
    Policy,
    Span,
    Step,
    Unit,
    amount,
    deadline,
    lateness,
    written,
)
from torchgrade.policy.late import amount_words, span_words

DUE = written("2026-03-28 23:59 Europe/Berlin").at(None)  # the clocks go forward in the night
DAILY = LateRule(Amount(share=0.1), Unit.DAY)
HOURLY = LateRule(Amount(points=0.5), Unit.HOUR)


def at(text: str) -> datetime:
    return written(text).at(DUE.tzinfo)


def left(rule: LateRule | None, handed_in: datetime | None, earned: float = 8.0, **policy: object) -> float:
    made = Policy(due=DUE, late=rule, **policy)  # type: ignore[arg-type]
    return lateness(made, deadline(made), earned, handed_in).points


def test_at_the_deadline_itself_it_is_in_time() -> None:
    assert left(DAILY, DUE) == 8.0
    assert left(DAILY, DUE + timedelta(microseconds=1)) == 7.2


@pytest.mark.parametrize(
    ("moment", "points"),
    [
        ("2026-03-28 23:59", 8.0),
        ("2026-03-29 00:00", 7.2),
        ("2026-03-29 23:59", 7.2),  # 23 hours later
        ("2026-03-30 00:00", 6.4),
        ("2026-04-06 23:59", 0.8),
        ("2026-04-07 23:59", 0.0),
        ("2026-06-01 00:00", 0.0),  # never below
    ],
)
def test_a_day_begun_costs_its_share(moment: str, points: float) -> None:
    assert left(DAILY, at(moment)) == pytest.approx(points)


@pytest.mark.parametrize(
    ("moment", "points"),
    [("2026-03-29 00:00", 7.5), ("2026-03-29 00:59", 7.5), ("2026-03-29 01:00", 7.0), ("2026-03-29 03:59", 6.5)],
)
def test_an_hour_begun_costs_points(moment: str, points: float) -> None:
    assert left(HOURLY, at(moment)) == points


def test_the_floor_is_a_share_or_points_and_raises_nothing() -> None:
    week = at("2026-04-05 12:00")
    assert left(LateRule(Amount(share=0.1), Unit.DAY, floor=Amount(share=0.5)), week) == 4.0
    assert left(LateRule(Amount(share=0.1), Unit.DAY, floor=Amount(points=3)), week) == 3.0
    assert left(LateRule(Amount(share=0.1), Unit.DAY, floor=Amount(points=3)), week, earned=2.0) == 2.0


def test_after_it_is_closed_nothing_counts_and_at_that_moment_it_still_does() -> None:
    rule = LateRule(Amount(share=0.1), Unit.DAY, floor=Amount(share=0.5), closed=Span(3))
    made = Policy(due=DUE, late=rule)
    last = at("2026-03-31 23:59")
    assert left(rule, last) == pytest.approx(5.6)
    after = lateness(made, deadline(made), 8.0, last + timedelta(seconds=1))
    assert (after.points, after.closed) == (0.0, True)
    assert "counts nothing" in after.because[0]


def test_of_steps_the_last_that_was_begun_counts() -> None:
    steps = (Step(Span(), Amount(points=1)), Step(Span(1), Amount(share=0.5)), Step(Span(7), Amount(share=1.0)))
    rule = LateRule(steps=steps)
    assert left(rule, DUE) == 8.0
    assert left(rule, DUE + timedelta(seconds=1)) == 7.0
    assert left(rule, at("2026-03-29 23:59")) == 7.0
    assert left(rule, at("2026-03-30 00:00")) == 4.0
    assert left(rule, at("2026-04-04 23:59")) == 4.0
    assert left(rule, at("2026-04-05 00:00")) == 0.0
    later_steps = LateRule(steps=(Step(Span(0, 3600), Amount(points=1)),))
    assert left(later_steps, DUE + timedelta(minutes=59)) == 8.0, "before the first step nothing is taken"


def test_grace_moves_the_deadline_and_lateness_is_counted_from_there() -> None:
    made = Policy(due=DUE, grace=Span(0, 900), late=HOURLY)
    limit = deadline(made)
    assert lateness(made, limit, 8.0, DUE + timedelta(minutes=15)).points == 8.0
    late = lateness(made, limit, 8.0, DUE + timedelta(minutes=15, seconds=30))
    assert (late.points, late.seconds) == (7.5, 30.0)
    assert lateness(made, limit, 8.0, DUE + timedelta(minutes=75)).points == 7.5


def test_an_extension_moves_it_by_the_clock_or_to_a_date_and_never_back() -> None:
    made = Policy(due=DUE, late=DAILY)
    assert deadline(made, Span(1)).due == at("2026-03-29 23:59")
    assert deadline(made, at("2026-04-02 12:00")).due == at("2026-04-02 12:00")
    assert deadline(made, at("2026-02-02 12:00")).due == DUE
    assert deadline(made, Span(1)).because == ("Extended to 2026-03-29 23:59 Europe/Berlin.",)
    assert deadline(made).because == deadline(made, at("2026-02-02 12:00")).because == ()


def test_grace_comes_after_an_extension() -> None:
    made = Policy(due=DUE, grace=Span(0, 60), late=DAILY)
    assert deadline(made, Span(2)).due == at("2026-03-30 23:59") + timedelta(minutes=1)


def test_what_has_no_time_or_no_due_date_loses_nothing() -> None:
    made = Policy(due=DUE, late=DAILY)
    unknown = lateness(made, deadline(made), 8.0, None)
    assert (unknown.points, unknown.seconds) == (8.0, 0.0) and "not known" in unknown.because[0]
    free = Policy(late=DAILY)
    assert lateness(free, deadline(free), 8.0, None).because == ()
    assert lateness(free, deadline(free, Span(1)), 8.0, DUE).because == ()


def test_without_a_rule_late_work_is_told_and_counts_in_full() -> None:
    made = Policy(due=DUE)
    late = lateness(made, deadline(made), 8.0, DUE + timedelta(hours=2))
    assert (late.points, late.seconds) == (8.0, 7200.0) and "nothing is taken off" in late.because[0]


def test_the_sentence_says_how_late_by_which_rule_and_how_much() -> None:
    made = Policy(due=DUE, late=DAILY)
    said = lateness(made, deadline(made), 8.0, at("2026-03-30 01:04")).because
    assert said == (
        "Handed in 1 d after the deadline, 2026-03-28 23:59 Europe/Berlin: "
        "2 days begun, minus 10 % each, here 1.6 points.",
    )


@given(
    st.floats(0, 100), st.floats(0, 10), st.floats(0, 1), st.sampled_from(list(Unit)), st.floats(0, 50),
    st.lists(st.integers(0, 10**7), min_size=2, max_size=2).map(sorted),
)  # fmt: skip
def test_later_never_counts_more_and_nothing_is_given(
    earned: float, points: float, share: float, per: Unit, floor: float, late: list[int]
) -> None:
    rule = LateRule(Amount(points, share), per, floor=Amount(points=floor))
    first, then = (left(rule, DUE + timedelta(seconds=s), earned) for s in late)
    assert -1e-6 <= then <= first + 1e-6 <= earned + 2e-6
    assert then >= min(earned, floor) - 1e-6


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10 %", Amount(share=0.1)),
        ("10%", Amount(share=0.1)),
        ("10 percent", Amount(share=0.1)),
        ("0.5 points", Amount(points=0.5)),
        ("1 point", Amount(points=1)),
    ],
)
def test_an_amount_is_what_was_written(text: str, found: Amount) -> None:
    assert amount(text) == found


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (10, "'10 %' or '10 points'"),
        ("10", "'10 %'"),
        ("110 %", "at most 100 %"),
        ("-1 %", "such as"),
        (None, "such as"),
    ],
)
def test_what_is_no_amount_is_told(value: object, told: str) -> None:
    with pytest.raises(ValueError) as caught:
        amount(value)
    assert told in str(caught.value)


@pytest.mark.parametrize(("points", "said"), [(0.5, "0.5 points"), (1, "1 point"), (2, "2 points")])
def test_points_are_told_as_they_are_counted(points: float, said: str) -> None:
    assert amount_words(Amount(points=points)) == said


def test_spans_are_told_in_two_units_at_most() -> None:
    told = [span_words(s) for s in (0.2, 59, 60, 3600, 3660, 86_400, 90_061, 10 * 86_400 + 7200)]
    assert told == ["1 s", "59 s", "1 min", "1 h", "1 h 1 min", "1 d", "1 d 1 h", "10 d 2 h"]
