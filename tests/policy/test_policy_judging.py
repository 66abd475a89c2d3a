"""Which attempt counts, of one's own or of the group's, and for whom nothing does."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from torchgrade.policy import (
    Amount,
    Attempt,
    Choice,
    Exceptions,
    LateRule,
    Policy,
    Span,
    Standing,
    Unit,
    standing_of,
    written,
)

DUE = written("2026-03-01 23:59 Europe/Moscow").at(None)
HOUR = timedelta(hours=1)
DAILY = LateRule(Amount(share=0.5), Unit.DAY)


def attempt(
    points: float, hours: float | None = -1, number: int = 1, student: str = "anna", **more: object
) -> Attempt:
    """Handed in so many hours after it was due; None: nobody knows when."""
    moment = None if hours is None else DUE + hours * HOUR
    seen = DUE + timedelta(days=30, seconds=number)
    made = Attempt(student, number, points, 10.0, 0.0, f"{student}-{number}", moment, seen)
    return replace(made, **more)  # type: ignore[arg-type]


def stand(policy: Policy, *attempts: Attempt, **excepted: object) -> Standing:
    return standing_of(policy, "anna", attempts, Exceptions(**excepted))  # type: ignore[arg-type]


def test_without_a_policy_what_the_run_graded_counts_and_there_is_nothing_to_say() -> None:
    earlier, now = attempt(9, -20), attempt(6, -10, 2, current=True, bonus=0.5)
    found = stand(Policy(), earlier, now)
    assert found == Standing(6, 6, 10, 0.5, attempt=2, handed_in=now.handed_in)
    assert not found.differs


def test_the_best_attempt_counts_after_its_own_penalty() -> None:
    policy = Policy(DUE, late=DAILY, choice=Choice.BEST)
    early, late = attempt(6, -1), attempt(10, +1, 2, current=True)
    found = stand(policy, early, late)
    assert (found.points, found.raw_points, found.attempt, found.late_seconds) == (6, 6, 1, 0)
    assert found.because == ("Attempt 1 counts: the best of 2.",)
    assert stand(policy, replace(early, points=4), late).points == 5


def test_of_equally_good_ones_the_last_counts() -> None:
    found = stand(Policy(choice=Choice.BEST), attempt(6, -2), attempt(6, -1, 2, current=True))
    assert (found.attempt, found.because) == (2, ())


def test_the_last_attempt_counts_also_where_it_is_worse() -> None:
    found = stand(Policy(choice=Choice.LAST), attempt(9, -2), attempt(3, -1, 2, current=True))
    assert (found.points, found.attempt, found.because) == (3, 2, ())


def test_an_older_notebook_handed_in_again_is_the_last() -> None:
    again = attempt(9, -5, 1, current=True)
    found = stand(Policy(choice=Choice.LAST), again, attempt(3, -1, 2))
    assert (found.points, found.attempt) == (9, 1)


def test_what_was_handed_in_before_counts_where_nothing_is_there_now() -> None:
    nothing = attempt(0, None, current=True, digest="")
    earlier = attempt(7, -3, 2)
    found = stand(Policy(DUE, choice=Choice.LAST), earlier, nothing)
    assert (found.points, found.attempt, found.because) == (7, 2, ("Attempt 2 counts.",))
    assert stand(Policy(DUE), earlier, nothing).points == 0
    assert not stand(Policy(DUE), earlier, nothing).differs, "nothing handed in is not late"


def test_attempts_beyond_the_limit_do_not_count() -> None:
    policy = Policy(choice=Choice.BEST, limit=2)
    three = [attempt(n, -10 + n, n, current=n == 3) for n in (1, 2, 3)]
    for order in itertools.permutations(three):
        found = stand(policy, *order)
        assert (found.points, found.attempt) == (2, 2)
    assert "2 attempts are allowed; later ones do not count." in found.because
    assert stand(replace(policy, choice=Choice.LAST), *three).attempt == 2
    assert stand(replace(policy, limit=3), *three).because == ()


def test_a_broken_verdict_is_not_the_best_and_hides_nothing() -> None:
    broken = attempt(0, -1, 2, current=True, settled=False)
    assert stand(Policy(choice=Choice.BEST), attempt(0, -2), broken).attempt == 1
    assert stand(Policy(choice=Choice.LAST), attempt(5, -2), broken).attempt == 2


def test_what_could_not_be_judged_is_told_to_the_whole_group() -> None:
    nothing, theirs = both(0, -1, settled=False)
    found = stand(Policy(DUE, groups=True), nothing, theirs)
    assert found.because[-1] == "It could not be judged yet, so these points are not final."


def test_an_attempt_judged_by_earlier_graders_is_told() -> None:
    old = attempt(9, -2, graders="g1")
    found = stand(Policy(choice=Choice.BEST), old, attempt(3, -1, 2, current=True, graders="g2"))
    assert found.because[-1] == "It was judged by an earlier version of the graders."


def test_excused_counts_neither_for_nor_against() -> None:
    policy = Policy(DUE, late=DAILY, choice=Choice.BEST)
    found = stand(policy, attempt(4, +50, current=True), excused=True)
    assert (found.excused, found.points, found.raw_points, found.late_seconds) == (True, 0, 4, 0)
    assert found.because == ("Excused: it counts neither for nor against.",) and found.differs


def test_bonus_stays_unless_the_work_came_after_it_was_closed() -> None:
    late = attempt(8, +1, current=True, bonus=1.0)
    assert stand(Policy(DUE, late=DAILY), late).bonus == 1.0
    shut = Policy(DUE, late=replace(DAILY, closed=Span(0, 60)))
    assert (stand(shut, late).points, stand(shut, late).bonus) == (0.0, 0.0)


# Groups


def both(points: float, hours: float, **more: object) -> tuple[Attempt, Attempt]:
    """Anna handed nothing in, Boris did."""
    return attempt(0, None, current=True, digest=""), attempt(points, hours, student="boris", current=True, **more)


def test_what_one_member_hands_in_counts_for_all_and_is_told() -> None:
    found = stand(Policy(DUE, late=DAILY, groups=True), *both(8, -1))
    assert (found.points, found.by) == (8, "boris")
    assert found.because == ("What boris of your group handed in counts.",)
    late = stand(Policy(DUE, late=DAILY, groups=True), *both(8, +1))
    assert (late.points, late.raw_points, late.late_seconds) == (4, 8, 3600)


def test_without_groups_what_others_hand_in_counts_for_them_alone() -> None:
    assert stand(Policy(DUE), *both(8, -1)).points == 0


def test_of_what_members_handed_in_the_last_or_the_best_counts() -> None:
    mine, theirs = attempt(9, -5, current=True), attempt(4, -2, student="boris", current=True)
    assert stand(Policy(groups=True), mine, theirs).by == "boris"
    assert stand(Policy(groups=True, choice=Choice.LAST), mine, theirs).points == 4
    best = stand(Policy(groups=True, choice=Choice.BEST), mine, theirs)
    assert (best.points, best.by, best.because) == (9, "", ())


def test_an_extension_is_the_member_s_own() -> None:
    policy = Policy(DUE, late=DAILY, groups=True)
    attempts = both(8, +1)
    assert stand(policy, *attempts, extension=Span(1)).points == 8
    assert standing_of(policy, "boris", attempts, Exceptions()).points == 4


def test_the_same_notebook_of_two_members_is_one_attempt_handed_in_by_the_first() -> None:
    mine = attempt(8, +30, current=True, digest="same")
    theirs = attempt(8, -1, student="boris", current=True, digest="same")
    found = stand(Policy(DUE, late=DAILY, groups=True, choice=Choice.BEST, limit=1), mine, theirs)
    assert (found.points, found.late_seconds, found.by, found.because) == (8, 0, "", ())


def test_a_limit_is_the_groups() -> None:
    policy = Policy(groups=True, choice=Choice.BEST, limit=1)
    found = stand(policy, attempt(9, -1, current=True), attempt(4, -5, student="boris", current=True))
    assert (found.points, found.by) == (4, "boris")


def test_order_of_the_attempts_does_not_matter() -> None:
    attempts = [
        attempt(9, None, 1), attempt(7, -1, 2, current=True), attempt(8, +5, 1, "boris", current=True),
        attempt(9, +7, 2, "boris"),
    ]  # fmt: skip
    for choice in (None, *Choice):
        policy = Policy(DUE, late=DAILY, groups=True, choice=choice)
        assert len({stand(policy, *order) for order in itertools.permutations(attempts)}) == 1


@pytest.mark.parametrize("moment", [None, DUE + HOUR])
def test_a_time_that_nobody_knows_takes_nothing_off(moment: datetime | None) -> None:
    found = stand(Policy(DUE, late=DAILY), attempt(8, None, current=True, handed_in=moment))
    assert (found.points == 8) == (moment is None)
    assert ("not known" in found.because[0]) == (moment is None)
