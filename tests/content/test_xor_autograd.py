"""xor_autograd: a mistake costs what it is worth and is named; the surface is drawn from what forward answers."""

from __future__ import annotations

import pytest
import torch
from quick import ROOT, Student, judge, load, run

from torchgrade.spec import load_assignment

PUBLIC = load(ROOT / "graders" / "xor_autograd" / "test_public.py")

HEAD = """
import numpy as np
import torch

torch.manual_seed(0)
corners = torch.randint(0, 2, (1000, 2)).float()
X, y = corners + 0.1 * torch.randn(1000, 2), (corners[:, :1] != corners[:, 1:]).float()
"""
FORWARD = """
def forward(X, w1, b1, w2, b2):
    return torch.sigmoid(torch.sigmoid(X @ w1 + b1) @ w2 + b2)
"""
LOSS = """
def loss(y, y_):
    y_ = y_.clamp(1e-7, 1 - 1e-7)
    return -(y * y_.log() + (1 - y) * (1 - y_).log()).sum()
"""
TRAIN = """
def train(X, y, w1, b1, w2, b2, lr=1e-3, steps=10_000):
    parameters = [p.detach().clone().requires_grad_() for p in (w1, b1, w2, b2)]
    losses = []
    for _ in range(steps):
        total = loss(y, forward(X, *parameters)).sum()
        total.backward()
        with torch.no_grad():
            for p in parameters:
                p -= lr * p.grad
                p.grad.zero_()
        losses.append(total.item())
    return *(p.detach() for p in parameters), losses
"""
# Of two hidden units the first one asks whether a coordinate is 1, the second whether both are.
DONE = """
weights_1, bias_1 = torch.zeros(2, 16), torch.zeros(16)
weights_2, bias_2 = torch.zeros(16, 1), torch.tensor([-6.0])
weights_1[:, :2] = 12.0
bias_1[:2] = torch.tensor([-6.0, -18.0])
weights_2[:2, 0] = torch.tensor([12.0, -12.0])
"""
PARTS = {"head": HEAD, "forward": FORWARD, "loss": LOSS, "train": TRAIN, "done": DONE}
RETURN = "return *(p.detach() for p in parameters), losses"
LOOP = {"one-step", "several-steps", "history", "any-data", "arguments-unchanged"}


def judged(seed=0, **changes):
    """The verdict on right work with these parts in place of its own; an empty part is left out."""
    space, _errors = run("xor_autograd", [part for part in (PARTS | changes).values() if part])
    return judge("xor_autograd", space, seed)


def changed(text, *changes):
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("seed", range(5))
def test_right_work_loses_nothing(seed):
    assert judged(seed).lost == set()


@pytest.mark.parametrize(
    ("part", "lost"),
    [("forward", {"forward-values"} | LOOP), ("loss", {"loss-values", "loss-finite"} | LOOP), ("train", LOOP),
     ("done", {"trained"})],
)  # fmt: skip
def test_a_missing_part_loses_its_own_criteria(part, lost):
    assert judged(**{part: ""}).lost == lost


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("torch.sigmoid(X @ w1 + b1) @ w2 + b2", "no sigmoid behind the last layer"),
        ("torch.sigmoid((X @ w1 + b1) @ w2 + b2)", "no sigmoid behind the hidden layer"),
        ("torch.sigmoid(torch.relu(X @ w1 + b1) @ w2 + b2)", "a ReLU stands"),
        ("torch.sigmoid(torch.tanh(X @ w1 + b1) @ w2 + b2)", "a tanh stands"),
        ("torch.softmax(torch.sigmoid(X @ w1 + b1) @ w2 + b2, 1)", "a softmax over the one column"),
        ("torch.sigmoid(torch.sigmoid(X @ w1 + 0 * b1) @ w2 + b2)", "bias_1 is left out"),
        ("torch.sigmoid(torch.sigmoid(X @ w1 + b1) @ w2 + 0 * b2)", "bias_2 is left out"),
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_another_network_is_named_and_does_not_cost_the_loop(new, said, seed):
    found = judged(seed, forward=f"def forward(X, w1, b1, w2, b2):\n    return {new}")
    assert found.lost == {"forward-values"}
    assert said in str(found.results["forward-values"])


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("torch.nn.functional.binary_cross_entropy(y_, y)", "the mean of the terms"),
        ("(y * y_.log() + (1 - y) * (1 - y_).log()).sum()", "without the minus"),
        ("-(y * y_.log()).sum()", "points of class 0"),
        ("-((1 - y) * (1 - y_).log()).sum()", "points of class 1"),
        ("((y - y_) ** 2).sum()", "the sum of squared errors"),
        ("-(y * y_.log2() + (1 - y) * (1 - y_).log2()).sum()", "base 2"),
        ("torch.nn.functional.binary_cross_entropy_with_logits(y_, y, reduction='sum')", "a sigmoid once more"),
    ],
)
def test_another_loss_is_named_and_does_not_cost_the_loop(new, said):
    found = judged(loss=f"def loss(y, y_):\n    return {new}")
    assert found.lost == {"loss-values", "loss-finite"}
    assert said in str(found.results["loss-values"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("p -= lr", "p += lr")], "the step goes uphill"),
        ([("p -= lr", "p -= 1e-3")], "lr is always 0.001"),
        ([("p -= lr * ", "p -= ")], "without lr"),
        ([("total.backward()", "(total / len(X)).backward()")], "that of the mean, not of the sum"),
        ([("p -= lr * p.grad", "p -= lr * p.grad * (p.ndim > 1)")], "only the weights"),
        ([("p -= lr * p.grad", "p -= lr * p.grad * (p is parameters[2] or p is parameters[3])")], "second layer"),
        ([("p -= lr * p.grad", "pass")], "have not moved at all"),
    ],
)  # fmt: skip
def test_a_wrong_step_is_named(changes, said):
    found = judged(train=changed(TRAIN, *changes))
    assert said in str(found.results["one-step"])
    assert "history" not in found.lost, "the losses are those of the steps that were taken"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("                p.grad.zero_()\n", "")], "the gradients of all earlier steps are added"),
        ([("p.grad.zero_()", "(p.grad.zero_() if p.ndim > 1 else 0)")], "the gradients of the biases pile up"),
        ([("p.grad.zero_()", "(p.grad.zero_() if p.ndim == 1 else 0)")], "the gradients of the weights pile up"),
        ([("p.grad.zero_()", "(0 if p is parameters[3] else p.grad.zero_())")], "the gradients of bias_2 pile up"),
        ([("    return *(p", "        return *(p")], "these are the parameters after the first step"),
        ([("range(steps)", "range(steps + 1)")], "there is one step too many"),
    ],
)
def test_a_mistake_between_the_steps_is_named(changes, said):
    assert said in str(judged(train=changed(TRAIN, *changes)).results["several-steps"])


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": LOSS.replace(".sum()", "")},
        {"loss": LOSS.replace(".sum()", "[:, 0]")},
        {"train": changed(TRAIN, ("losses.append(total.item())", "losses.append(total.detach())"))},
        {"train": changed(TRAIN, ("losses.append(total.item())", "losses.append(total.item() / len(X))"))},
        {"train": changed(TRAIN, (RETURN, "return *parameters, np.array(losses)"))},
        {"train": changed(TRAIN, (RETURN, "return parameters, losses"))},
        {"forward": changed(FORWARD, ("return ", "print(len(X)); return "))},
        {"done": DONE + "weights_1 = torch.nn.Parameter(weights_1)\nbias_1 = bias_1.double().numpy()"},
        {"done": DONE + "order = torch.randperm(16)\n"
                 "weights_1, bias_1, weights_2 = weights_1[:, order], bias_1[order], weights_2[order]"},
    ],
)  # fmt: skip
def test_odd_ways_of_doing_it_right(changes):
    assert judged(**changes).lost == set()


@pytest.mark.parametrize(
    "extra",
    ["weights_2 = -weights_2", "weights_1[0, 0] = float('nan')", "weights_1 = weights_1.T",
     "bias_2 = bias_2 * 0",
     "weights_1, bias_1, weights_2 = weights_1[:, :8], bias_1[:8], weights_2[:8]", "weights_1 = None",
     "del bias_1",
     "weights_1 = weights_1.int()", "weights_2 = weights_2 * 0", "weights_2[1] = 0"],
)  # fmt: skip
def test_globals_that_do_not_part_the_points_are_not_trained(extra):
    found = judged(done=DONE + extra).results["trained"]
    assert found != "passed" and getattr(found, "fraction", 0) == 0


def test_an_unsure_network_is_worth_half():
    found = judged(done=DONE + "weights_2, bias_2 = weights_2 / 4, bias_2 / 4").results["trained"]
    assert found.fraction == 0.5 and "100.0%" in found.because, "it is the loss that is judged, not the accuracy"


def test_the_surface_is_what_forward_answers():
    space, _errors = run("xor_autograd", list(PARTS.values()))
    student = Student(load_assignment(ROOT, "xor_autograd"), space, may_explain=True)
    rng = torch.Generator().manual_seed(0)
    x, y = PUBLIC.xor_points(rng, 200)
    shown = PUBLIC.surface(student, [space[name] for name in PUBLIC.NAMES], x, y)
    assert [row[2] == row[3] for row in shown.rows[1:]] == [True, True]
    cells = shown.drawn[0].split()[2:]
    assert (cells[3][3], cells[3][-4], cells[-4][3], cells[-4][-4]) == ("f", "c", "c", "f")


@pytest.mark.parametrize("seed", range(20))
def test_float32_is_far_nearer_than_what_is_allowed(seed):
    case = PUBLIC.draw(torch.Generator().manual_seed(seed), steps=5)
    wanted = PUBLIC.descent(case, 5)[-1]
    parameters = [p.clone() for p in case.parameters]
    for _step in range(5):
        leaves = [p.requires_grad_() for p in parameters]
        total = torch.nn.functional.binary_cross_entropy(PUBLIC.network(case.x, *leaves), case.y, reduction="sum")
        found = torch.autograd.grad(total, leaves)
        parameters = [(p - case.lr * g).detach() for p, g in zip(leaves, found, strict=True)]
    parts = zip(parameters, wanted, case.parameters, strict=True)
    assert all(float((a - b).abs().max()) < 1e-4 * float((b - s).abs().max()) for a, b, s in parts)


def test_the_papers_bounds_are_the_graders():
    text = (ROOT / "assignments" / "xor_autograd" / "README.md").read_text(encoding="utf-8")
    assert f"may be {PUBLIC.PARTS} at most; up to {PUBLIC.BEGINS} you get half" in text
