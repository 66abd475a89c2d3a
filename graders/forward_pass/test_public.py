"""Public criteria of forward_pass. They ship with the handout: a student can run them before handing in."""

import contextlib

import pytest
import torch

from torchgrade.testing import (
    ProbeFailure,
    Raised,
    _,
    assert_tensor_close,
    for_each_input,
    require,
    require_tensor,
)

X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
W = torch.tensor([[-0.5], [2.5]])


@pytest.mark.criterion("example-values")
def test_example(submission, hint):
    """forward_pass(X, w) is right for the example (1.0000, 0.9985, 0.0474), its rows moved or halved"""

    def check(x, w):
        answer = submission.call("forward_pass", x, w)
        assert_tensor_close(answer, torch.sigmoid(x @ w), name="forward_pass(X, w)", input={"X": x, "w": w})

    examples = [(X, W), (X.flip(0), W), (X[1:2], W), (X / 2, W)]
    with advice(
        hint, "Multiply first (X @ w, one number for each row), then put that number through the sigmoid."
    ):
        for_each_input(submission, check, examples, label="X[N, D] w[D, M]")


NAME_TAKEN = (
    "When the notebook has run, `forward_pass` is no function any more: a cell gives its name to something else. Choose "
    "another name there."
)


@contextlib.contextmanager
def advice(hint, text):
    """Give this hint if what is asked inside fails; another one where the name stands for something else by now."""
    try:
        yield
    except (AssertionError, ProbeFailure) as failure:
        taken = isinstance(failure, Raised) and "object is not callable" in str(failure) and not failure.line
        hint(NAME_TAKEN if taken else text)
        raise


@pytest.mark.criterion("sigmoid-range")
def test_range_and_rise(submission, hint):
    """Every answer lies between 0 and 1, also for large numbers, and rises with X @ w"""
    text = "The sigmoid is 1 / (1 + exp(-z)): it goes up from 0 to 1, and each row is answered by itself."
    with advice(hint, text):
        rising(answers(submission, [-2.0, -1.0, 0.0, 1.0, 2.0]), _("when its rows are asked together"))
        alone = [answers(submission, [z]) for z in (-1.0, 0.0, 1.0)]
        rising(torch.cat(alone), _("when each row is asked alone"))
    text = (
        "It is for large X @ w that the answer leaves the sigmoid. Written as exp(z) / (1 + exp(z)), for example, it "
        "becomes infinity by infinity, while 1 / (1 + exp(-z)) stays finite."
    )
    with advice(hint, text):
        between(answers(submission, [-200.0, -30.0, 30.0, 200.0]))


def answers(submission, sums):
    """The neuron's answers, of shape (N, 1), to rows for which X @ w is ``sums``."""
    z = torch.tensor(sums)
    x, w = torch.stack([2 * z, -z], dim=1), torch.tensor([[1.0], [1.0]])
    answer = require_tensor(submission.call("forward_pass", x, w), (len(sums), 1), name="forward_pass(X, w)")
    between(answer)
    return answer


def between(answer):
    """All of them from 0 to 1."""
    low, high = float(answer.min()), float(answer.max())
    require(
        0 <= low and high <= 1,
        _("A sigmoid lies between 0 and 1, but the answers go from {low:.4g} to {high:.4g}.").format(
            low=low, high=high
        ),
        safe=_("The answers do not lie between 0 and 1."),
        got=answer,
    )


def rising(answer, when):
    """Each clearly larger than the one before."""
    steps = answer[1:] - answer[:-1]
    found = [round(v, 4) for v in answer[:, 0].tolist()]
    require(
        steps > 0.01,
        _("X @ w rises from row to row, but the answer does not, {when}: {found}.").format(when=when, found=found),
        safe=_("The answers do not rise with X @ w."),
        got=answer,
    )
