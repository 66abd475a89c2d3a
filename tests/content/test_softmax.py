"""softmax: `out` is told from what is no raw output, and answers are their own."""

from __future__ import annotations

import pytest
import torch
from quick import ROOT, judge, load, run

PUBLIC = load(ROOT / "graders" / "softmax" / "test_public.py")

NETWORK = """
import torch

inputs = 2 * torch.rand(64, 784) ** 4 - 1  # dark for the most part, as digits are
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)

def activation(x):
    return 1 / (1 + torch.exp(-x))
"""
OUT = "out = activation(inputs @ w1 + b1) @ w2 + b2"
SOFTMAX = """
def softmax(x):
    e = torch.exp(x - x.max(dim=1, keepdim=True).values)
    return e / e.sum(dim=1, keepdim=True)
"""


def judged(out=OUT, softmax=SOFTMAX, network=NETWORK, seed=0):
    """The verdict on right work with these parts in place of its own."""
    space, errors = run("softmax", [network, out, softmax])
    assert errors == []
    return judge("softmax", space, seed)


@pytest.mark.parametrize("seed", range(5))
def test_right_work_loses_nothing(seed):
    assert judged(seed=seed).lost == set()


@pytest.mark.parametrize(
    "out",
    [
        OUT + "\nout = out.numpy()",
        OUT.replace("out", "logits"),
        "out = torch.relu(inputs @ w1 + b1) @ w2",
        "out = torch.tanh(inputs @ w1) @ w2",
        "out = activation(inputs @ (0.01 * w1)) @ (0.01 * w2)",
        "out = activation(inputs @ w1.abs() + b1) @ w2.abs() + b2.abs() / 4",
        "out = activation(inputs @ w1.abs()) @ w2",
        "out = activation(inputs.double() @ w1.double()) @ w2.double()",
        "from torch.nn import Linear, Sequential, Sigmoid\n"
        "out = Sequential(Linear(784, 256), Sigmoid(), Linear(256, 10))(inputs)",
        "def network(x):\n    return activation(x @ w1 + b1) @ w2 + b2\nout = network(inputs)",
        "raw = activation(inputs @ w1 + b1).mm(w2)\nout = raw",
        "out = inputs\nfor w in (w1, w2):\n    out = out @ w\n    if w is w1:\n        out = activation(out)",
        "x = inputs\nfor w in (w1, w2):\n    x = x @ w\n    if w is w1:\n        x = torch.relu(x)\nout = x",
        "out = torch.zeros(64, 10)\nfor i in range(64):\n    out[i] = activation(inputs[i] @ w1 + b1) @ w2 + b2",
        "out = torch.rand(64, 10)\ntorch.mm(activation(inputs @ w1 + b1), w2, out=out)",
    ],
)
def test_the_raw_output_of_any_network_counts(out):
    assert judged(out).lost == set()


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("out = torch.randn(64, 10)", "made up"),
        ("out = torch.rand((64, 10)) * 2 - 1", "made up"),
        ("out = torch.randn(inputs.shape[0], 10)", "made up"),
        ("import numpy as np\nout = torch.from_numpy(np.random.normal(size=(64, 10)))", "made up"),
        ("out = torch.arange(640).view(64, 10).float()", "made up"),
        ("x = torch.randn(64, 10) * 3\nout = x", "made up"),
        ("out = torch.zeros(64, 10)", "same number everywhere"),
        ("out = torch.full((64, 10), 0.1)", "same number everywhere"),
        (OUT + "\nout = torch.softmax(out, 1)", "rows of `out` sum to 1"),
        (OUT + "\nout = torch.log_softmax(out, 1)", "behind `log_softmax`"),
        (OUT + "\nout = out - out.logsumexp(1, keepdim=True)", "behind a logarithm of softmax"),
        (OUT + "\nout = 1 / (1 + torch.exp(-out))", "behind a sigmoid"),
        (OUT + "\nout = activation(0.01 * out)", "behind `activation`"),
        (OUT + "\nout = 2 / (1 + torch.exp(-2 * out)) - 1", "behind a tanh"),
        (OUT + "\nout = out * (out > 0)", "behind a ReLU"),
        (OUT + "\nout = out.T", "(10, 64)"),
        (OUT + "\nout = out.argmax(1)", "(64,)"),
        (OUT + "\nout = out / 0 * 0", "NaN"),
        ("out = inputs", "(64, 784)"),
        ("out = None", "None"),
    ],
)
def test_what_is_no_raw_output_is_told(out, words):
    found = judged(out)
    assert found.lost == {"out-shape"}
    assert words in str(found.results["out-shape"])


@pytest.mark.parametrize(
    "body",
    [
        "    buffer.resize_(x.shape)\n    torch.softmax(x, 1, out=buffer)\n    return buffer",
        "    x.copy_(torch.softmax(x, 1))\n    return x",
        "    return torch.softmax(x.sub_(1), 1)",
        "    y = torch.softmax(x, 1)\n    x[-1, -1] += 1e-3\n    return y",
    ],
)
def test_whoever_changes_what_the_caller_holds_is_told(body):
    found = judged(softmax=f"buffer = torch.zeros(0)\ndef softmax(x):\n{body}")
    assert "argument-unchanged" in found.lost


@pytest.mark.parametrize("body", ["np.exp(x)", "np.exp(x.numpy())", "np.array(x.exp())"])
def test_an_answer_of_numpy_that_it_cannot_take_back_is_no_change(body):
    code = f"import numpy as np\ndef softmax(x):\n    e = {body}\n    return e / e.sum(1)[:, None]"
    assert judged(softmax=code).lost == {"softmax-stable"}


@pytest.mark.parametrize("decimals", [5, 6, 7])
def test_small_probabilities_count_like_large_ones(decimals):
    rounded = SOFTMAX.replace("return ", "p = ") + f"    return torch.round(p, decimals={decimals})"
    assert "softmax-values" in judged(softmax=rounded).lost


def test_hints_tell_other_sizes_from_what_is_wrong_anyway():
    halved = judged(softmax=SOFTMAX.replace("return e", "return e / 2")).hints
    assert halved["softmax-any-size"] == halved["softmax-wide-range"]
    assert "ordinary batch" in halved["softmax-any-size"]
    fixed = judged(softmax=SOFTMAX + "    assert len(x) == 64").hints
    assert "ordinary" not in fixed.get("softmax-any-size", "")


def test_a_name_that_was_given_away_is_told():
    found = judged(softmax=SOFTMAX + "softmax = softmax(out)")
    assert found.hints["softmax-values"] == found.hints["rows-sum-to-one"] == PUBLIC.NAME_TAKEN
    other = judged(softmax="def softmax(x):\n    return torch.exp(x)(1)")
    assert other.hints["softmax-values"] != PUBLIC.NAME_TAKEN


def test_rows_that_differ_in_the_fifth_digit_are_not_called_equal_to_one():
    told = str(judged(softmax=SOFTMAX.replace("return e", "return 1.0002 * e")).results["rows-sum-to-one"])
    assert "sums to 1.0002" in told
    assert torch.is_grad_enabled()
