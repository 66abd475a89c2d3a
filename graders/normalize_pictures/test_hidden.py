"""Hidden criteria of normalize_pictures: fresh batches, drawn from the course's secret. Never shipped."""

import contextlib

import pytest
import torch

from torchgrade.testing import (
    ProbeFailure,
    Raised,
    _,
    assert_tensor_close,
    for_each_input,
    normal,
    require,
    uniform,
)

CHANNELS = (0, 2, 3)
NEAR = 0.003  # as in the public criteria: a small number added to the divisor does no harm
CALL = "normalize_pictures(A)"
USUAL = (16, 3, 12, 10)
BROADCAST = (
    "A mean of shape (C,) is matched with the last dimension of A, the columns, not with the channels. Keep the "
    "dimensions, or view it as (1, C, 1, 1)."
)
USUAL_FIRST = "normalize_pictures(A) is not right for an ordinary batch of colour pictures either: begin there."

# N, C, H, W. The odd ones come last: what a wrong answer looks like is seen best on an ordinary batch.
SHAPES = [(20, 5, 7, 9), (9, 1, 28, 28), (3, 3, 3, 3), (2, 10, 4, 1), (1, 4, 8, 8), (6, 2, 1, 1)]


@pytest.mark.criterion("any-size")
def test_any_size(submission, rng, hint):
    """normalize_pictures(A) works for any number of pictures, channels, rows and columns"""
    with advice(hint, USUAL_FIRST):
        right_values(submission)(pictures(rng, USUAL))
    drawn = tuple(int(torch.randint(low, 3 * low, (), generator=rng)) for low in (5, 4, 6, 7))
    with advice(
        hint,
        "Is a size written in your function? keepdim=True, or view(1, -1, 1, 1), fits any number of channels.",
    ):
        for_each_input(submission, right_values(submission), [pictures(rng, shape) for shape in (*SHAPES, drawn)])


@pytest.mark.criterion("wide-range")
def test_any_range(submission, rng, hint):
    """normalize_pictures(A) is right for pixels of any range, contrast and sign"""
    with advice(hint, USUAL_FIRST):
        right_values(submission)(pictures(rng, USUAL))
    one = pictures(rng, USUAL)
    inputs = [uniform(rng, USUAL, 0, 255), 255 * one, 2 * one - 5, 0.6 * one + 0.1, -40 * one]
    with advice(
        hint, "The result does not change when all pixels are doubled: a number added to the divisor must be tiny."
    ):
        for_each_input(submission, right_values(submission), inputs)


@pytest.mark.criterion("argument-unchanged")
def test_argument_is_left_alone(submission, rng, hint):
    """normalize_pictures(A) leaves A as it was"""
    A = pictures(rng, USUAL)
    with advice(
        hint, "`A -= ...` and `A[:, c] = ...` write into the caller's own pictures: `A = A - ...` makes new ones."
    ):
        after = submission.call_keeping_arguments("normalize_pictures", A)[1][0]
        same = isinstance(after, torch.Tensor) and after.shape == A.shape and bool((after == A).all())
        require(same, _("After the call A is no longer what it was: normalize_pictures changed its argument."))


@pytest.mark.criterion("constant-channel")
def test_constant_channel(submission, rng, hint):
    """A channel that is the same number everywhere becomes 0, and the others stay right"""
    # Multiples of a half: whatever the order of the additions, their mean is the number itself.
    A = pictures(rng, (8, 3, 8, 8))
    channel = int(torch.randint(0, 3, (), generator=rng))
    with advice(
        hint, "Its standard deviation is 0, and 0 / 0 is NaN. What could the divisor be, so that 0 stays 0?"
    ):
        for value in (0.0, 0.5, 64.0):
            A[:, channel] = value
            expected = standard(A, 1)
            expected[:, channel] = 0
            got = submission.call("normalize_pictures", A)
            assert_tensor_close(got, expected, rtol=NEAR, atol=NEAR, name=CALL, input=A)


# --- right values ----------------------------------------------------------------------------------------------


def pictures(rng, shape):
    """A batch whose channels and pictures differ in brightness and in contrast."""
    n, c, _h, _w = shape
    base = uniform(rng, (1, c, 1, 1), 0.2, 0.7)
    contrast = uniform(rng, (1, c, 1, 1), 0.05, 0.2) * uniform(rng, (n, 1, 1, 1), 0.4, 1.6)
    return base + 0.15 * normal(rng, (n, 1, 1, 1)) + contrast * normal(rng, shape)


def standard(A, correction):
    """The right values, in float64; ``correction`` 0 divides by n in the standard deviation, 1 by n - 1."""
    A = A.double()
    std = A.std(dim=CHANNELS, correction=correction, keepdim=True)
    return (A - A.mean(dim=CHANNELS, keepdim=True)) / std


def right_values(submission):
    """A check of normalize_pictures; with n in the standard deviation or with n - 1, as the student likes."""

    def check(A):
        got = submission.call("normalize_pictures", A)
        with_n = standard(A, 0)
        close = isinstance(got, torch.Tensor) and got.shape == with_n.shape and got.dtype.is_floating_point
        if close and bool(((got.double() - with_n).abs() <= NEAR + NEAR * with_n.abs()).all()):
            return
        assert_tensor_close(got, standard(A, 1), rtol=NEAR, atol=NEAR, name=CALL, input=A)

    return check


@contextlib.contextmanager
def advice(hint, text):
    """Give this hint if what is asked inside fails."""
    try:
        yield
    except (AssertionError, ProbeFailure) as failure:
        hint(BROADCAST if isinstance(failure, Raised) and "must match the size" in str(failure) else text)
        raise
