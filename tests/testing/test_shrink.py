"""A failing input becomes small and simple, keeps failing in the same way, and costs few questions."""

from __future__ import annotations

import gc
import traceback
import weakref

import pytest
import torch
from in_process import InProcess

from torchgrade.testing import (
    ComparisonFailure,
    Died,
    OutOfMemory,
    Raised,
    TimedOut,
    assert_tensor_close,
    for_each_input,
)
from torchgrade.testing.shrink import MOST_PROBES


def rng():
    return torch.Generator().manual_seed(11)


def x64():
    return torch.randn(64, 10, generator=rng())


def examine(softmax, inputs, *, may_explain=True, label="x"):
    """The failure of a softmax, and the examinee that was asked."""
    submission = InProcess({"softmax": softmax}, may_explain=may_explain)

    def check(x):
        assert_tensor_close(submission.call("softmax", x), torch.softmax(x, 1), input=x)

    with pytest.raises((AssertionError, Raised, TimedOut)) as caught:
        for_each_input(submission, check, inputs, label=label)
    return caught.value, submission


def test_right_code_is_asked_once_per_input():
    submission = InProcess({"softmax": lambda x: x.softmax(1)})
    inputs = [x64(), x64()[:3]]
    for_each_input(submission, lambda x: assert_tensor_close(submission.call("softmax", x), x.softmax(1)), inputs)
    assert submission.asked == 2


def test_a_wrong_dimension_ends_as_a_tiny_matrix_with_its_likeness():
    failure, submission = examine(lambda x: x.softmax(0), [x64()])
    shown = failure.evidence[0]
    assert shown.label == "smallest failing input x"
    assert shown.shape[0] * shown.shape[1] <= 8
    assert "normalised over dimension 0" in str(failure)
    assert submission.asked <= MOST_PROBES + 1


def test_numbers_become_simple():
    failure, _ = examine(lambda x: x.exp() / x.sum(1, keepdim=True), [x64()])
    assert {v for row in failure.evidence[0].rows for v in row} <= {"0", "1", "-1", "2", "-2"}


def test_the_first_failing_input_is_the_one_that_is_explained():
    seen = []

    def check(x):
        seen.append(tuple(x.shape))
        assert x.shape[0] < 5

    with pytest.raises(AssertionError):
        for_each_input(InProcess({}), check, [torch.ones(2, 2), torch.ones(9, 3), torch.ones(11, 7)])
    assert seen[:2] == [(2, 2), (9, 3)]
    assert (11, 7) not in seen


def test_an_error_keeps_its_kind():
    def softmax(x):
        if len(x) > 3:
            raise KeyError("too long")
        raise IndexError("other")

    failure, _ = examine(softmax, [x64()])
    assert isinstance(failure, Raised)
    assert "KeyError" in str(failure)
    assert failure.evidence[0].shape == (4, 1)


def test_hidden_criteria_are_never_shrunk():
    failure, submission = examine(lambda x: x.softmax(0), [x64()], may_explain=False)
    assert submission.asked == 1
    assert not any("smallest" in e.label for e in failure.evidence)


@pytest.mark.parametrize("error", [TimedOut, Died, OutOfMemory])
def test_a_room_that_suffered_is_not_asked_again(error):
    asked = []

    def check(x):
        asked.append(x)
        raise error("no answer")

    with pytest.raises(error):
        for_each_input(InProcess({}), check, [x64(), x64()])
    assert len(asked) == 1


def test_a_time_out_during_the_search_ends_it_with_the_best_so_far():
    asked = []

    def check(x):
        asked.append(tuple(x.shape))
        if x.numel() < 100:
            raise TimedOut("no answer")
        raise ComparisonFailure("wrong")

    with pytest.raises(ComparisonFailure):
        for_each_input(InProcess({}), check, [x64()])
    assert len(asked) == 2


def test_questions_are_bounded_for_code_that_always_fails():
    asked = []

    def check(x):
        asked.append(1)
        assert float(x.abs().sum()) < 1e-9

    with pytest.raises(AssertionError):
        for_each_input(InProcess({}), check, [torch.randn(200, 300, generator=rng())])
    assert len(asked) <= MOST_PROBES + 1


def test_a_check_that_cannot_take_a_small_input_does_not_break():
    def check(x):
        assert x[5, 5] == 0  # an IndexError on anything smaller

    with pytest.raises(AssertionError) as caught:
        for_each_input(InProcess({}), check, [torch.ones(9, 9)])
    assert caught.value.evidence[0].shape == (6, 6)


def test_dimensions_of_one_name_shrink_together():
    shapes = []

    def check(a, b):
        shapes.append((tuple(a.shape), tuple(b.shape)))
        assert float((a @ b).sum()) == -1.5

    with pytest.raises(AssertionError) as caught:
        a, b = torch.rand(7, 5, generator=rng()), torch.rand(5, 3, generator=rng())
        for_each_input(InProcess({}), check, [(a, b)], label="X[N, D] w[D, M]")
    assert [e.label for e in caught.value.evidence] == ["smallest failing input X", "smallest failing input w"]
    assert all(x[1] == w[0] for x, w in shapes)
    assert shapes[-1] == ((1, 1), (1, 1))


def test_the_same_seed_gives_the_same_smallest_input():
    first, _ = examine(lambda x: x.softmax(0), [x64()])
    second, _ = examine(lambda x: x.softmax(0), [x64()])
    assert first.evidence == second.evidence
    assert str(first) == str(second)


def test_the_failure_that_is_kept_holds_no_answer():
    answers = []

    class Answer(torch.Tensor):
        pass

    def check(x):
        answer = torch.zeros(3).as_subclass(Answer)
        answers.append(weakref.ref(answer))
        raise ComparisonFailure("wrong")

    gc.disable()  # nothing here may wait for a collection: an answer may have a hundred megabytes
    try:
        with pytest.raises(ComparisonFailure) as caught:
            for_each_input(InProcess({}, may_explain=True), check, [torch.ones(4, 4)])
        assert len(answers) > 2 and not any(ref() is not None for ref in answers)
        assert "in check" in "".join(traceback.format_exception(caught.value))
    finally:
        gc.enable()
