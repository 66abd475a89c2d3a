"""Hidden criteria of forward_pass: fresh inputs, drawn from the course's secret. Never shipped."""

import pytest
import torch

from torchgrade.testing import (
    GRADIENT_RTOL,
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
    hint("w may have several columns, one for each neuron. X @ w gives every row an answer from each of them.")

    def check(x, w):
        answer = submission.call("forward_pass", x, w)
        expected = torch.sigmoid(x.double() @ w.double())
        assert_tensor_close(answer, expected, name="forward_pass(X, w)", input={"X": x, "w": w})

    inputs = [(normal(rng, (n, d)), normal(rng, (d, m), scale=d**-0.5)) for n, d, m in SIZES]
    for_each_input(submission, check, inputs, label="X[N, D] w[D, M]")


@pytest.mark.criterion("gradients")
def test_gradients_by_both_arguments(submission, reference, rng, hint):
    """Gradients flow through forward_pass to X and to w"""
    hint(
        "From X and w to the result every step must be a PyTorch operation: no numpy, detach, item, data or round."
    )
    # One neuron only: code that fails for several has lost its points for that already.
    for n, d in ((5, 3), (2, 4)):
        x, w, cotangent = normal(rng, (n, d)), normal(rng, (d, 1)), normal(rng, (n, 1))
        dtype = gradient_dtype(submission, "forward_pass", x, w)
        question = (x.to(dtype), w.to(dtype))
        assert_gradients(
            submission.gradients("forward_pass", *question, wrt=(0, 1), cotangent=cotangent.to(dtype)),
            reference.gradients("forward_pass", *question, wrt=(0, 1), cotangent=cotangent.to(dtype)),
            rtol=GRADIENT_RTOL[dtype],
            names=["X", "w"],
        )
