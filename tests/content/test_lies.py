"""Answers made up without doing the work earn nothing, and odd ways of doing the work lose nothing."""

from __future__ import annotations

import pytest
import torch
from quick import judge

KNOWN = {(1.0, 2.0, 3.0): (0.09, 0.2447, 0.6652), (0.0, 0.0): (0.5, 0.5)}


def emptied_first(x):
    x.zero_()
    return torch.full_like(x, 1 / x.shape[1])


def looked_up(x):
    rows = [KNOWN.get(tuple(row), tuple([1 / len(row)] * len(row))) for row in x.tolist()]
    return torch.tensor(rows)


class Smug(torch.Tensor):
    def __eq__(self, other):
        return torch.ones(self.shape, dtype=torch.bool)

    __le__ = __lt__ = __gt__ = __ge__ = __eq__
    __hash__ = torch.Tensor.__hash__


SOFTMAX_LIES = {
    "zeros": torch.zeros_like,
    "ones": torch.ones_like,
    "uniform": lambda x: torch.full_like(x, 1 / x.shape[1]),
    "uniform after emptying x": emptied_first,
    "looked up, else uniform": looked_up,
    "NaN": lambda x: torch.full_like(x, float("nan")),
    "infinity": lambda x: torch.full_like(x, float("inf")),
    "empty": lambda x: x.new_empty((0, *x.shape[1:])),
    "random distribution": lambda x: torch.softmax(torch.randn(x.shape), 1),
    "one at the maximum": lambda x: (x == x.amax(1, keepdim=True)).float(),
    "always agreeing zeros": lambda x: torch.zeros_like(x).as_subclass(Smug),
    "identity": lambda x: x,
    "stretched zero": lambda x: torch.zeros(1).expand(1 << 10, 1 << 8),
    "a text": lambda x: "passed",
    "True": lambda x: True,
    "an object": lambda x: object(),
    "other dimension": lambda x: torch.softmax(x, 0),
    "transposed": lambda x: torch.softmax(x, 1).T,
    "not a function": torch.ones(64, 10),
}


@pytest.mark.parametrize("lie", SOFTMAX_LIES.values(), ids=SOFTMAX_LIES)
@pytest.mark.parametrize("seed", range(2))
def test_a_made_up_softmax_earns_nothing(lie, seed):
    judged = judge("softmax", {"softmax": lie}, seed)
    assert "passed" not in judged.results.values()


@pytest.mark.parametrize(
    "out",
    [
        torch.zeros(64, 10),
        torch.full((64, 10), float("nan")),
        torch.randn(10, 64),
        torch.randn(64, 10, 1),
        torch.randn(64, 10).softmax(1),
        torch.randint(9, (64, 10)),
        torch.randn(64, 10).tolist(),
        None,
        "out",
    ],
    ids=[
        "zeros",
        "NaN",
        "transposed",
        "three dimensions",
        "probabilities",
        "whole numbers",
        "a list",
        "None",
        "a text",
    ],
)
def test_a_made_up_output_earns_nothing(out):
    assert "passed" not in judge("softmax", {"out": out}).results.values()


def test_an_output_that_wants_a_gradient_is_an_output():
    out = (torch.randn(64, 784) @ torch.randn(784, 10, requires_grad=True)).t().contiguous().t()
    assert judge("softmax", {"out": out}).results["out-shape"] == "passed"


def test_a_softmax_for_64_rows_loses_other_sizes_alone():
    judged = judge(
        "softmax", {"softmax": lambda x: x.exp() / x.exp().sum(1).view(64, 1), "out": torch.randn(64, 10)}
    )
    assert judged.lost == {"softmax-any-size", "softmax-stable"}


FORWARD_LIES = {
    "zeros": lambda X, w: torch.zeros(len(X), w.shape[1]),
    "halves": lambda X, w: torch.full((len(X), w.shape[1]), 0.5),
    "the example": lambda X, w: torch.tensor([[1.0], [0.99849882], [0.04742587]])[: len(X)],
    "the product": lambda X, w: X @ w,
    "rising with the row number": lambda X, w: torch.linspace(0.01, 0.99, len(X))[:, None].repeat(1, w.shape[1]),
    "ranks of the product": lambda X, w: (X @ w).argsort(0).argsort(0) / len(X),
    "softmax over the rows": lambda X, w: torch.softmax(X @ w, 0),
    "step": lambda X, w: (X @ w > 0).float(),
    "NaN": lambda X, w: (X @ w) * float("nan"),
    "random": lambda X, w: torch.rand(len(X), w.shape[1]),
    "empties its arguments": lambda X, w: torch.sigmoid(X.zero_() @ w.zero_()),
    "True": lambda X, w: True,
}


@pytest.mark.parametrize("lie", FORWARD_LIES.values(), ids=FORWARD_LIES)
@pytest.mark.parametrize("seed", range(2))
def test_a_made_up_forward_pass_earns_nothing(lie, seed):
    judged = judge("forward_pass", {"forward_pass": lie}, seed)
    assert "passed" not in judged.results.values()
