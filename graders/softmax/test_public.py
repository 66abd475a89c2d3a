"""Public criteria of softmax. They ship with the handout: a student can run them before handing in."""

import pytest
import torch

from torchgrade.testing import (
    ProbeFailure,
    assert_tensor_close,
    for_each_input,
    normal,
    require,
    require_tensor,
)


@pytest.mark.criterion("rows-sum-to-one")
def test_every_row_is_a_distribution(submission, rng, hint):
    """Every row of softmax(x) is positive, sums to 1, and is largest where x is largest"""
    hint("One row of x is one picture: its ten numbers share a probability of 1 among themselves alone.")

    def check(x):
        p = require_tensor(submission.call("softmax", x), x.shape, name="softmax(x)")
        positive(p, x)
        sums_to_one(p, x)
        follows(p, x)

    for_each_input(submission, check, [normal(rng, (64, 10))])


@pytest.mark.criterion("softmax-values")
def test_values_for_a_batch(submission, rng, hint):
    """softmax(x) has the right values for a batch of shape (64, 10)"""
    hint("Take exp of every number, add these up along each row, and divide each by the sum of its own row.")

    def check(x):
        assert_tensor_close(submission.call("softmax", x), torch.softmax(x, dim=1), name="softmax(x)", input=x)

    for_each_input(submission, check, [normal(rng, (64, 10)), normal(rng, (64, 10), scale=3)])


@pytest.mark.criterion("out-shape")
def test_out_is_the_raw_output(submission, hint):
    """out is the network's raw output for the batch: shape (64, 10), before softmax"""
    try:
        value = submission.value("out")
    except ProbeFailure:
        hint(advice(None))
        raise
    hint(advice(value))
    out = require_tensor(value, (64, 10), name="`out`")
    spread = float(out.max() - out.min())
    require(spread > 1e-6, "`out` is the same number everywhere, so it cannot come from the network.", got=out)
    require(not distribution(out), "The rows of `out` sum to 1: it is not the raw output.", got=out)


def advice(out):
    """The hint for this `out`: what it looks like decides what helps."""
    if isinstance(out, torch.Tensor) and out.shape == (10, 64):
        return (
            "Your `out` has a column for each picture; a batch has a row for each. Look at the order of the two "
            "factors in the product."
        )
    if isinstance(out, torch.Tensor) and out.shape == (64, 10) and distribution(out):
        return (
            "`out` holds probabilities already. Keep the raw output of the network in it, and give its softmax "
            "another name."
        )
    return "The raw output is (hidden activations) @ (second weights) + (second biases), one row for each picture."


def distribution(out):
    """Whether every row is positive and sums to 1 already."""
    return bool((out >= 0).all()) and bool(((out.sum(dim=1) - 1).abs() < 1e-3).all())


def positive(p, x):
    """Every probability is above 0."""
    low = float(p.min()) if p.numel() else 1.0
    require(
        low > 0,
        f"softmax(x) holds {low:.4g}, but every probability is above 0.",
        safe="softmax(x) holds numbers that are not above 0.",
        input=x,
        got=p,
        expected=torch.softmax(x, dim=1),
    )


def sums_to_one(p, x):
    """Every row sums to 1, to 1e-4."""
    away = (p.double().sum(dim=1) - 1).abs()
    row = int(away.argmax())
    require(
        away <= 1e-4,
        f"Row {row} of softmax(x) sums to {float(p[row].sum()):.4g}, but every row should sum to 1.",
        safe="The rows of softmax(x) do not sum to 1.",
        input=x,
        got=p,
        expected=torch.softmax(x, dim=1),
    )


def follows(p, x):
    """In every row the largest x has the largest probability, and clearly more than the smallest x has."""
    at_largest = p.gather(1, x.argmax(dim=1, keepdim=True))
    at_smallest = p.gather(1, x.argmin(dim=1, keepdim=True))
    apart = (x.amax(dim=1, keepdim=True) - x.amin(dim=1, keepdim=True)) > 0.1
    ordered = at_largest >= p.amax(dim=1, keepdim=True) * (1 - 1e-5)
    require(
        ordered & (~apart | (at_largest > 1.01 * at_smallest)),
        "The largest number of a row of x should have the largest probability.",
        safe="The largest probabilities are not where x is largest.",
        input=x,
        got=p,
        expected=torch.softmax(x, dim=1),
    )
