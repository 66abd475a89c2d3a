"""Hidden criteria of softmax: fresh inputs, drawn from the course's secret. Never shipped."""

import contextlib

import pytest
import torch

from torchgrade.testing import ProbeFailure, _, assert_tensor_close, for_each_input, normal, require, uniform

USUAL = (64, 10)  # the batch of the task; what fails for it has a mistake of another kind
USUAL_FIRST = "softmax(x) is not right for an ordinary batch of shape (64, 10) either: begin there."

# Batches of 64 rows are left to the other criteria: code that fixes 64 fails here and nowhere else.
# The odd ones come last: what a wrong answer looks like is seen best on an ordinary batch.
SHAPES = [(100, 7), (10, 64), (3, 2), (2, 3), (5, 5), (1, 10), (7, 1), (1, 1)]


@pytest.mark.criterion("softmax-any-size")
def test_any_number_of_rows_and_columns(submission, rng, hint):
    """softmax(x) works for any number of rows and columns"""
    with advice(hint, USUAL_FIRST):
        right_values(submission)(normal(rng, USUAL))
    drawn = tuple(int(torch.randint(low, 3 * low, (), generator=rng)) for low in (400, 11))
    text = "Is 64 or 10 written in your function? keepdim=True, or view(-1, 1), fits a batch of any size."
    with advice(hint, text):
        for_each_input(submission, right_values(submission), [normal(rng, shape) for shape in (*SHAPES, drawn)])


@pytest.mark.criterion("softmax-wide-range")
def test_numbers_of_other_sizes(submission, rng, hint):
    """softmax(x) is right for small, large and shifted numbers"""
    with advice(hint, USUAL_FIRST):
        right_values(submission)(normal(rng, USUAL))
    inputs = [
        uniform(rng, USUAL, -20, 20),
        normal(rng, USUAL, 0.01),
        normal(rng, USUAL) + 20,
        normal(rng, USUAL) - 20,
    ]
    text = (
        "Only the differences within a row matter: adding the same number to a whole row changes no probability."
    )
    with advice(hint, text):
        for_each_input(submission, right_values(submission), inputs)


@pytest.mark.criterion("argument-unchanged")
def test_argument_is_left_alone(submission, rng, hint):
    """softmax(x) leaves x as it was"""
    hint(
        "Whoever calls softmax may need x again: make new tensors in every call, and avoid -=, /= and methods that "
        "end in _."
    )
    x = normal(rng, USUAL)
    after = submission.call_keeping_arguments("softmax", x)[1]
    require(unchanged(x, after[0]), _("After the call x is no longer what it was: softmax changed its argument."))
    before, after = asked_of_its_own_answer(submission, x)
    text = _(
        "After p = softmax(x) and q = softmax(p), p is no longer what it was. Does your function keep one tensor for "
        "all its answers?"
    )
    require(unchanged(before, after), text)


@pytest.mark.criterion("softmax-stable")
def test_numbers_near_a_thousand(submission, rng, hint):
    """softmax(x) stays finite and right for numbers near ±1000"""
    hint(
        "exp(1000) is more than a float32 can hold, so the quotient becomes NaN. Softmax does not change when "
        "the same number is subtracted from a whole row: the row's maximum is a good choice."
    )
    shifts = torch.tensor([-1000.0, 1000.0]).repeat(32)[:, None]
    inputs = [normal(rng, USUAL) + shifts, uniform(rng, USUAL, -1000, 1000)]
    for_each_input(submission, right_values(submission), inputs)


def right_values(submission):
    """A check of softmax against torch's own, taken in float64. Small probabilities count like large ones."""

    def check(x):
        expected = torch.softmax(x.double(), dim=1)
        assert_tensor_close(submission.call("softmax", x), expected, atol=1e-12, name="softmax(x)", input=x)

    return check


@contextlib.contextmanager
def advice(hint, text):
    """Give this hint if what is asked inside fails."""
    try:
        yield
    except (AssertionError, ProbeFailure):
        hint(text)
        raise


def asked_of_its_own_answer(submission, x):
    """The answer to x before softmax was asked of it and after. Code that cannot take it has changed nothing."""
    answer = submission.build("softmax", x)
    before = answer.call("__mul__", 1)  # as good as reading it, for an array of numpy as well
    with contextlib.suppress(ProbeFailure):
        submission.call("softmax", answer)
    return before, answer.call("__mul__", 1)


def unchanged(before, after):
    """Whether a tensor came back with the same numbers in the same places."""
    same_shape = isinstance(after, torch.Tensor) and after.shape == before.shape
    return same_shape and bool((after == before).all())
