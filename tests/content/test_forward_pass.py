"""forward_pass: right ways lose nothing, and the hint for a gradient follows from what became of it."""

from __future__ import annotations

import pytest
from quick import ROOT, judge, load, run

HIDDEN = load(ROOT / "graders" / "forward_pass" / "test_hidden.py")

EXAMPLE = """
import numpy as np
import torch

X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])
"""


def judged(body, seed=0):
    """The verdict on a forward_pass with these lines."""
    lines = "\n    ".join(body.splitlines())
    space, errors = run("forward_pass", [EXAMPLE, f"def forward_pass(X, w):\n    {lines}"])
    assert errors == []
    return judge("forward_pass", space, seed)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "body",
    [
        "return torch.sigmoid(X @ w)",
        "return 1 / (1 + np.e ** -(X @ w))",
        "return (torch.tanh(X.mm(w) / 2) + 1) / 2",
        "return torch.nn.functional.logsigmoid(X @ w).exp()",
        "return torch.cat([torch.sigmoid(torch.mv(X, c))[:, None] for c in w.t()], 1)",
        "return torch.sigmoid(X.double() @ w.double())",
        "return torch.sigmoid(torch.as_tensor(X, dtype=torch.float32) @ w.float())",
        "z = X @ w\nreturn z.sigmoid_()",
    ],
)
def test_right_ways_lose_nothing(body, seed):
    assert judged(body, seed).lost == set()


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("return torch.sigmoid(X @ w).detach()", HIDDEN.CUT),
        ("return torch.sigmoid(X.detach() @ w)", HIDDEN.CUT),
        ("return torch.sigmoid(X @ w.data)", HIDDEN.CUT),
        ("return torch.sigmoid(torch.nn.functional.linear(X, torch.nn.Parameter(w.t())))", HIDDEN.CUT),
        ("return 1 / (1 + torch.from_numpy(np.exp(-(X @ w).numpy())))", HIDDEN.CUT),
        ("return torch.round(torch.sigmoid(X @ w), decimals=7)", HIDDEN.CUT),
        ("z = X @ w\nz.neg_().exp_().add_(1).reciprocal_()\nreturn z", HIDDEN.IN_PLACE),
        ("z = X @ w\nreturn z + (torch.sigmoid(z) - z).detach()", HIDDEN.ANOTHER),
        ("s = torch.sigmoid(X @ w)\nreturn s + s.detach() - s.detach() * 1 + (s - s.detach())", HIDDEN.ANOTHER),
    ],
)
def test_what_became_of_the_gradient_decides_the_hint(body, hint):
    found = judged(body)
    assert found.lost == {"gradients"}
    assert found.hints["gradients"] == hint


@pytest.mark.parametrize(
    "body", ["return X @ w", "return torch.sigmoid(X @ w).view(-1)", "print(X @ w)", "return 1 / 0"]
)
def test_a_gradient_of_wrong_values_is_not_blamed_on_the_graph(body):
    found = judged(body)
    assert found.lost == {"example-values", "sigmoid-range", "any-size", "gradients"}
    assert found.hints["gradients"] == HIDDEN.VALUES_FIRST
    assert "begin there" in found.hints["any-size"]


@pytest.mark.parametrize("limit", [5, 10, 12])
def test_a_sum_that_is_cut_off_is_wrong(limit):
    found = judged(f"return torch.sigmoid((X @ w).clamp(-{limit}, {limit}))")
    assert "any-size" in found.lost
    assert "far from 0" in found.hints["any-size"] or limit < 10


def test_what_is_right_for_the_example_alone_earns_nothing():
    table = "{(-5.0, 5.0): 0.99999969, (2.0, 3.0): 0.99849882, (1.0, -1.0): 0.04742587}"
    body = f"known = {table}\nreturn torch.tensor([[known[tuple(row)]] for row in X.tolist()])"
    assert judged(body).lost == {"example-values", "sigmoid-range", "any-size", "gradients"}
