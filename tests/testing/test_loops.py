"""What graders of training loops ask with: more inputs where few did nothing, numbers and nothing else."""

from __future__ import annotations

import pytest
import torch
from in_process import Held, InProcess

from torchgrade.testing import (
    ComparisonFailure,
    Raised,
    TimedOut,
    flat_weights,
    must,
    numbers_in,
    off_course,
    on_enough,
    plain_numbers,
    wants_double,
)


def asked(failing, *, idle=True, kind=None):
    """The numbers that a check was asked with; it fails on those of ``failing``."""
    seen = []

    def check(n):
        seen.append(n)
        if n in failing and kind is not None:
            raise kind(f"on {n}")
        must(n not in failing, f"on {n}", idle=idle)

    return seen, check


def test_few_inputs_are_enough_where_all_is_well():
    seen, check = asked(())
    on_enough(check)
    assert seen == [200]


@pytest.mark.parametrize("kind", [None, Raised], ids=["idle", "raised"])
def test_where_nothing_was_done_on_few_many_have_the_last_word(kind):
    seen, check = asked((200,), kind=kind)
    on_enough(check)
    assert seen == [200, 2100]


def test_what_fails_on_many_too_is_told_as_on_few():
    _seen, check = asked((3, 40))
    with pytest.raises(ComparisonFailure, match="on 3"):
        on_enough(check, 3, 40)


@pytest.mark.parametrize("more", [{"idle": False}, {"kind": TimedOut}], ids=["wrong", "late"])
def test_what_was_done_wrongly_or_took_too_long_is_not_tried_on_more(more):
    seen, check = asked((200,), **more)
    with pytest.raises((ComparisonFailure, TimedOut)):
        on_enough(check)
    assert seen == [200]


NUMBERS = [[1, 0.5], (1, 0.5), torch.tensor([1, 0.5]), [torch.tensor(1), torch.tensor([0.5])]]
OTHERS = [
    None,
    3.0,
    "ab",
    [],
    [True],
    [1, "a"],
    [[1.0]],
    torch.tensor([[1.0]]),
    torch.tensor(1.0),
    {"a": 1},
    [None],
]


@pytest.mark.parametrize("value", NUMBERS, ids=str)
def test_numbers_are_read_from_lists_tuples_and_tensors(value):
    assert plain_numbers(value) == [1.0, 0.5]
    assert numbers_in(Held(InProcess({}), value)) == [1.0, 0.5]


@pytest.mark.parametrize("value", [o for o in OTHERS if o != []], ids=str)
def test_anything_else_is_no_list_of_numbers(value):
    assert plain_numbers(value) is None
    assert numbers_in(Held(InProcess({}), value)) is None


def test_an_empty_list_holds_no_numbers_and_is_one():
    assert plain_numbers([]) == [] == numbers_in(Held(InProcess({}), []))


def test_a_list_that_may_not_leave_the_room_is_none_of_numbers():
    assert numbers_in(Held(InProcess({}), [torch.nn.Linear(1, 1)])) is None


def test_the_way_of_the_weights_is_measured_by_the_right_one():
    start, ours = torch.zeros(2), torch.tensor([3.0, 4.0])
    assert off_course(torch.tensor([3.0, 4.5]), ours, start) == pytest.approx(0.1)
    assert off_course(torch.tensor([float("nan"), 0]), ours, start) == float("inf")
    state = {"w": torch.ones(2, 2, dtype=torch.float16), "b": torch.zeros(1)}
    assert flat_weights(state).tolist() == [1, 1, 1, 1, 0]
    assert flat_weights(state).dtype == torch.float64


@pytest.mark.parametrize(
    ("dtype", "source", "wanted"),
    [(torch.float64, "x.double()", True), (torch.float64, "x", False), (torch.float32, "x.double()", False)],
)
def test_double_is_wanted_where_networks_and_train_are_in_it(dtype, source, wanted):
    class Net(Held):
        def state(self):
            return {"w": torch.zeros(1, dtype=dtype)}

    student = InProcess({}, source=source)
    student.build = lambda name, *args: Net(student, None)
    assert wants_double(student, "Net", [2, 3]) is wanted


def test_nothing_is_claimed_of_a_network_that_cannot_be_built():
    assert not wants_double(InProcess({}, source="double"), "Net")
