"""Hidden criteria of forward_pass: fresh inputs, drawn from the course's secret. Never shipped."""

import contextlib

import pytest
import torch

from torchgrade.testing import (
    GRADIENT_RTOL,
    BadAnswer,
    ComparisonFailure,
    Missing,
    ProbeFailure,
    Raised,
    assert_gradients,
    assert_tensor_close,
    for_each_input,
    gradient_dtype,
    normal,
)

# N, D, M. The odd ones come last: what a wrong answer looks like is seen best on an ordinary batch.
SIZES = [(20, 30, 7), (6, 2, 4), (4, 3, 1), (3, 3, 3), (1, 5, 3), (1, 1, 1)]


@pytest.mark.criterion("any-size")
def test_any_number_of_objects_features_and_neurons(submission, rng, hint):
    """forward_pass(X, w) works for any number of objects, features and neurons"""
    check = right_values(submission)
    with advice(hint, "It is not right for one neuron with two features and other numbers either: begin there."):
        check(*drawn(rng, 6, 2, 1))
    with advice(
        hint, "w may have several columns, one for each neuron: every row gets an answer from each of them."
    ):
        for_each_input(submission, check, [drawn(rng, *sizes) for sizes in SIZES], label="X[N, D] w[D, M]")
    with advice(hint, "It is not right where X @ w is far from 0: the sigmoid goes on falling and rising there."):
        # Few terms: rounding in float32 must not show.
        check(*drawn(rng, 200, 3, 2, scale=10))


@pytest.mark.criterion("gradients")
def test_gradients_by_both_arguments(submission, reference, rng, hint):
    """Gradients flow through forward_pass to X and to w"""
    # One neuron only: code that fails for several has lost its points for that already.
    for n, d in ((5, 3), (2, 4)):
        x, w, cotangent = normal(rng, (n, d)), normal(rng, (d, 1)), normal(rng, (n, 1))
        try:
            judge_gradients(submission, reference, (x, w), cotangent)
        except (ComparisonFailure, ProbeFailure) as failure:
            hint(cause_of(failure) if values_are_right(submission, x, w) else VALUES_FIRST)
            raise


VALUES_FIRST = "What comes back is not right yet, its values or its shape. Its gradient can only be right when it is: begin there."
CUT = (
    "Your values are right, but somewhere on the way the graph is cut, and X or w gets no gradient. Look for numpy, "
    "detach(), .data, item(), no_grad, round or a new Parameter."
)
IN_PLACE = (
    "Your values are right, but PyTorch cannot go back through them: a tensor that it still needs is changed in place, "
    "by =, += or a method that ends in _."
)
ANOTHER = (
    "Your values are right, but their gradient is that of another function: a part of the way is hidden from PyTorch, "
    "or has a backward of its own."
)


def cause_of(failure):
    """What may have gone wrong with the gradient of right values."""
    if isinstance(failure, Raised):
        said = str(failure)
        return IN_PLACE if "inplace" in said or "in-place" in said else CUT
    if isinstance(failure, ComparisonFailure) and "zeros" not in getattr(failure, "kind", ()):
        return ANOTHER
    return CUT


def judge_gradients(submission, reference, arguments, cotangent):
    dtype = gradient_dtype(submission, "forward_pass", *arguments)
    question = [a.to(dtype) for a in arguments]
    assert_gradients(
        submission.gradients("forward_pass", *question, wrt=(0, 1), cotangent=cotangent.to(dtype)),
        reference.gradients("forward_pass", *question, wrt=(0, 1), cotangent=cotangent.to(dtype)),
        rtol=GRADIENT_RTOL[dtype],
        names=["X", "w"],
    )


def values_are_right(submission, x, w):
    """Asked so that the answer stays in the room: right values say nothing about which mistake was made."""
    try:
        answer = submission.build("forward_pass", x, w).call("__mul__", 1)
        assert_tensor_close(answer, torch.sigmoid(x.double() @ w.double()))
    except (Raised, BadAnswer, Missing, ComparisonFailure):
        return False
    return True


def right_values(submission):
    """A check of forward_pass against torch's own sigmoid, taken in float64."""

    def check(x, w):
        answer = submission.call("forward_pass", x, w)
        expected = torch.sigmoid(x.double() @ w.double())
        assert_tensor_close(answer, expected, name="forward_pass(X, w)", input={"X": x, "w": w})

    return check


@contextlib.contextmanager
def advice(hint, text):
    """Give this hint if what is asked inside fails."""
    try:
        yield
    except (AssertionError, ProbeFailure):
        hint(text)
        raise


def drawn(rng, n, d, m, scale=1):
    """X (n, d) and w (d, m) for which X @ w has this standard deviation."""
    return normal(rng, (n, d)), normal(rng, (d, m), scale=scale * d**-0.5)
