"""Hidden criteria of softmax: fresh inputs, drawn from the course's secret. Never shipped."""

import pytest
import torch

from torchgrade.testing import assert_tensor_close, for_each_input, normal, require, uniform

# Batches of 64 rows are left to the other criteria: code that fixes 64 fails here and nowhere else.
# The odd ones come last: what a wrong answer looks like is seen best on an ordinary batch.
SHAPES = [(100, 7), (10, 64), (3, 2), (2, 3), (5, 5), (1, 10), (7, 1), (1, 1)]


@pytest.mark.criterion("softmax-any-size")
def test_any_number_of_rows_and_columns(submission, rng, hint):
    """softmax(x) works for any number of rows and columns"""
    hint("Is 64 or 10 written in your function? keepdim=True, or view(-1, 1), fits a batch of any size.")
    for_each_input(submission, right_values(submission), [normal(rng, shape) for shape in SHAPES])


@pytest.mark.criterion("softmax-wide-range")
def test_numbers_of_other_sizes(submission, rng, hint):
    """softmax(x) is right for small, large and shifted numbers"""
    hint("Only the differences within a row matter: adding the same number to a whole row changes no probability.")
    shape = (64, 10)
    inputs = [
        normal(rng, shape, 0.01),
        uniform(rng, shape, -20, 20),
        normal(rng, shape) + 20,
        normal(rng, shape) - 20,
    ]
    for_each_input(submission, right_values(submission, atol=1e-12), inputs)


@pytest.mark.criterion("argument-unchanged")
def test_argument_is_left_alone(submission, rng, hint):
    """softmax(x) leaves x as it was"""
    hint("Whoever calls softmax may need x again: make new tensors, and avoid -=, /= and methods that end in _.")
    x = normal(rng, (64, 10))
    _, after = submission.call_keeping_arguments("softmax", x)
    same = isinstance(after[0], torch.Tensor) and after[0].shape == x.shape and bool((after[0] == x).all())
    require(same, "After the call x is no longer what it was: softmax changed its argument.")


@pytest.mark.criterion("softmax-stable")
def test_numbers_near_a_thousand(submission, rng, hint):
    """softmax(x) stays finite and right for numbers near ±1000"""
    hint(
        "exp(1000) is more than a float32 can hold, so the quotient becomes NaN. Softmax does not change when "
        "the same number is subtracted from a whole row: the row's maximum is a good choice."
    )
    shifts = torch.tensor([-1000.0, 1000.0]).repeat(32)[:, None]
    inputs = [normal(rng, (64, 10)) + shifts, uniform(rng, (64, 10), -1000, 1000)]
    for_each_input(submission, right_values(submission), inputs)


def right_values(submission, atol=1e-6):
    """A check of softmax against torch's own, taken in float64."""

    def check(x):
        expected = torch.softmax(x.double(), dim=1)
        assert_tensor_close(submission.call("softmax", x), expected, atol=atol, name="softmax(x)", input=x)

    return check
