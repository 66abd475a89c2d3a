"""linear_regression: a mistake costs what it is worth and is named; odd ways of doing it right lose nothing."""

from __future__ import annotations

import pytest
import torch
from quick import ROOT, judge, load, run

PUBLIC = load(ROOT / "graders" / "linear_regression" / "test_public.py")

HEAD = """
import numpy as np
import torch

torch.manual_seed(0)
x = 4 * torch.rand(500) - 2
y = 2.5 * x - 1 + 0.5 * torch.randn(500)
"""
PREDICT = "def predict(x, w, b):\n    return w * x + b"
MSE = "def mse(y_pred, y):\n    return ((y_pred - y) ** 2).mean()"
FIT = """
def fit(x, y, w, b, lr=0.05, stop=0.3, max_steps=1000):
    w = w.detach().clone().requires_grad_()
    b = b.detach().clone().requires_grad_()
    losses = []
    for _ in range(max_steps):
        loss = mse(predict(x, w, b), y)
        losses.append(loss.item())
        if loss < stop:
            break
        loss.backward()
        with torch.no_grad():
            w -= lr * w.grad
            b -= lr * b.grad
        w.grad.zero_()
        b.grad.zero_()
    return w.detach(), b.detach(), losses
"""
TRAIN = "w, b, losses = fit(x, y, torch.zeros(1), torch.zeros(1))"
PARTS = {"head": HEAD, "predict": PREDICT, "mse": MSE, "fit": FIT, "train": TRAIN}
LOOP = {"one-step", "several-steps", "history", "stops", "by-autograd", "any-data", "arguments-unchanged"}


def judged(seed=0, **changes):
    """The verdict on right work with these parts in place of its own; an empty part is left out."""
    space, _errors = run("linear_regression", [part for part in (PARTS | changes).values() if part])
    return judge("linear_regression", space, seed)


def fit(*changes):
    """FIT with these pieces replaced."""
    text = FIT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("seed", range(5))
def test_right_work_loses_nothing(seed):
    assert judged(seed).lost == set()


@pytest.mark.parametrize(
    ("part", "lost"),
    [("predict", {"predict-values", "trained"} | LOOP), ("mse", {"mse-values", "trained"} | LOOP),
     ("fit", {"trained"} | LOOP), ("train", {"trained"})],
)  # fmt: skip
def test_a_missing_part_loses_its_own_criteria(part, lost):
    assert judged(**{part: ""}).lost == lost


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            [("        w.grad.zero_()\n        b.grad.zero_()\n", "")],
            "the gradients of all earlier steps are added",
        ),
        ([("        w.grad.zero_()\n", "")], "the gradients of w pile up"),
        ([("        b.grad.zero_()\n", "")], "the gradients of b pile up"),
        ([("    return w", "        return w")], "these are the numbers after the first step"),
        ([("range(max_steps)", "range(max_steps - 1)")], "one step is missing"),
        ([("range(max_steps)", "range(max_steps + 1)")], "there is one step too many"),
    ],
)
def test_a_mistake_between_the_steps_is_named(changes, said):
    assert said in str(judged(fit=fit(*changes)).results["several-steps"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("w -= lr", "w += lr"), ("b -= lr", "b += lr")], "the step goes uphill"),
        ([("w -= lr * w.grad", "w -= 0")], "only b was moved"),
        ([("b -= lr * b.grad", "pass")], "only w was moved"),
        ([("w -= lr", "w -= 0.05"), ("b -= lr", "b -= 0.05")], "lr is always 0.05"),
        ([("w -= lr * ", "w -= "), ("b -= lr * ", "b -= ")], "without lr"),
        ([("w -= lr * w", "w -= lr * b"), ("b -= lr * b", "b -= lr * w")], "w moves by the gradient of b"),
        ([("loss.backward()", "(loss * len(x)).backward()")], "a sum over the points"),
        ([("loss.backward()", "(loss / 2).backward()")], "the step is half as long"),
        ([("w -= lr * w.grad", "pass"), ("b -= lr * b.grad", "pass")], "w and b have not moved at all"),
    ],
)
def test_a_wrong_step_is_named(changes, said):
    found = judged(fit=fit(*changes))
    assert said in str(found.results["one-step"])
    assert "history" not in found.lost, "the losses are those of the steps that were taken"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("((y_pred - y) ** 2).sum()", "the sum of the squares"),
        ("((y_pred - y) ** 2).mean() / 2", "half of the mean"),
        ("((y_pred - y) ** 2).mean().sqrt()", "the root of the mean"),
        ("(y_pred - y).abs().mean()", "absolute errors"),
    ],
)
def test_another_loss_is_named_and_does_not_cost_the_loop(expression, said):
    found = judged(mse=f"def mse(y_pred, y):\n    return {expression}", train="w, b = torch.ones(1) * 2.5, -1.0")
    assert found.lost == {"mse-values"}
    assert said in str(found.results["mse-values"])


@pytest.mark.parametrize("seed", range(3))
def test_another_line_does_not_cost_the_loop(seed):
    found = judged(seed, predict="def predict(x, w, b):\n    return w * x - b", train="w, b = 2.5, -1.0")
    assert found.lost == {"predict-values"}


@pytest.mark.parametrize(
    ("value", "fine"),
    [
        ("torch.tensor([2.5])", True),
        ("torch.tensor(2.5, requires_grad=True)", True),
        ("torch.nn.Parameter(torch.tensor([[2.5]]))", True),
        ("np.array([2.5])", True),
        ("2.7", True),
        ("2", False),
        ("float('nan')", False),
        ("torch.tensor([2.5, 2.5])", False),
        ("'2.5'", False),
        ("None", False),
        ("True", False),
    ],
)
def test_any_number_near_the_line_is_trained(value, fine):
    assert ("trained" in judged(train=f"w, b = {value}, -1.0").lost) is not fine


@pytest.mark.parametrize(
    "changes",
    [
        [("losses.append(loss.item())", "losses.append(loss.detach())")],
        [("losses.append(loss.item())", "losses.append(np.float64(loss.item()))")],
        [("w.detach(), b.detach(), losses", "w, b, np.array(losses)")],
        [("w.detach(), b.detach(), losses", "w.item(), b.item(), torch.tensor(losses)")],
        [("if loss < stop", "if loss.detach().numpy() <= stop")],
        [("w.detach(), b.detach(), losses", "[w[0], b[0], tuple(losses)]")],
        [("        loss.backward()", "        (loss + 0).backward(retain_graph=True)")],
    ],
)
def test_odd_ways_of_doing_it_right(changes):
    assert judged(fit=fit(*changes)).lost == set()


def test_points_that_want_no_copy_are_given_tensors_that_want_gradients():
    bare = fit(("w.detach().clone().requires_grad_()", "w"), ("b.detach().clone().requires_grad_()", "b"))
    found = judged(fit=bare, train="w, b = (torch.zeros(1, requires_grad=True) for _ in 'wb'); fit(x, y, w, b)")
    assert found.lost == {"arguments-unchanged"}


@pytest.mark.parametrize(
    "optimizer", ["torch.optim.SGD", "__import__('torch').optim.SGD", "from torch.optim import SGD"]
)
def test_an_optimiser_is_found_wherever_it_is(optimizer):
    made = "SGD" if "import SGD" in optimizer else optimizer
    helper = f"{optimizer if made == 'SGD' else ''}\ndef stepper(p, lr):\n    return {made}(p, lr=lr)\n"
    text = fit(
        ("    losses = []", "    losses = []\n    taker = stepper([w, b], lr)"),
        (
            "        with torch.no_grad():\n            w -= lr * w.grad\n            b -= lr * b.grad\n",
            "        taker.step()\n",
        ),
    )
    assert judged(fit=helper + text).lost == {"by-autograd"}


def test_a_comment_about_an_optimiser_is_none():
    assert judged(fit=fit(("    losses = []", "    losses = []  # torch.optim.SGD(...) would do"))).lost == set()


def test_grad_mode_is_as_before_afterwards():
    judged()
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("seed", range(20))
def test_no_mistake_is_taken_for_another(seed):
    """The wrong steps that are told by name lie apart from the right one and from each other."""
    case = PUBLIC.draw(torch.Generator().manual_seed(seed), lr=0.11)
    (w, b), right, two = PUBLIC.descent(case, 2)
    by_w, by_b = PUBLIC.slopes(case, w, b)
    others = [(w, b), two, (w + 0.11 * by_w, b + 0.11 * by_b), (w - 0.05 * by_w, b - 0.05 * by_b), (right[0], b)]
    assert not any(PUBLIC.near(right, other) for other in others)
    several = PUBLIC.replace(case, steps=3)
    ends = [
        PUBLIC.piled(several, *keeps) for keeps in ((True, True), (True, False), (False, True), (False, False))
    ]
    assert not any(PUBLIC.near(a, b) for n, a in enumerate(ends) for b in ends[:n])


def test_the_papers_bound_is_the_graders():
    assert pytest.approx(0.4) == PUBLIC.FOLLOWS + PUBLIC.NOISE
    text = (ROOT / "assignments" / "linear_regression" / "README.md").read_text(encoding="utf-8")
    assert "may be 0.4 at most" in text
