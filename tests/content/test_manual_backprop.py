"""manual_backprop: each part counts by itself, made-up answers earn nothing, odd right ways lose nothing."""

from __future__ import annotations

import pytest
import torch
from quick import ROOT, judge, load, run

from torchgrade.testing import relative_error

PUBLIC = load(ROOT / "graders" / "manual_backprop" / "test_public.py")
HIDDEN = load(ROOT / "graders" / "manual_backprop" / "test_hidden.py")

WEIGHTS = """
import numpy as np
import torch

knots = torch.linspace(-0.5, 0.5, 65)
heights = torch.sigmoid(10 * knots)
slopes = (heights[1:] - heights[:-1]) * 64
weights_1, bias_1 = torch.ones(1, 64), -knots[:64]
weights_2, bias_2 = torch.cat([slopes[:1], slopes[1:] - slopes[:-1]])[:, None], heights[:1]
"""
FORWARD = """
def forward(x):
    return torch.relu(x @ weights_1 + bias_1) @ weights_2 + bias_2
"""
LOSS = """
def loss(y, y_):
    return ((y - y_) ** 2).sum()
"""
BACKWARD = """
def backward(X, y, y_pred):
    z = X @ weights_1 + bias_1
    d = 2 * (y_pred - y)
    d_z = (d @ weights_2.T) * (z > 0)
    return X.T @ d_z, d_z.sum(0), torch.relu(z).T @ d, d.sum(0)
"""
OPTIMIZE = """
def optimize(params, grads, lr):
    return [p - lr * g for p, g in zip(params, grads)]
"""
PARTS = {"weights": WEIGHTS, "forward": FORWARD, "loss": LOSS, "backward": BACKWARD, "optimize": OPTIMIZE}
GRADIENTS = {f"gradient-{name.replace('_', '-')}" for name in PUBLIC.NAMES}
EVERYTHING = {"trained", "forward-values", "loss-values", *GRADIENTS, "optimize-step", "any-size"}


def judged(seed=0, **changes):
    """The verdict on right work with these parts in place of its own; an empty part is left out."""
    space, errors = run("manual_backprop", [part for part in (PARTS | changes).values() if part])
    assert errors == []
    return judge("manual_backprop", space, seed)


def returned(expression):
    """A backward that returns something else, from the right gradients a, b, c, d."""
    return BACKWARD.replace("return ", "a, b, c, d = ") + f"    return {expression}\n"


@pytest.mark.parametrize("seed", range(5))
def test_right_work_loses_nothing(seed):
    assert judged(seed).lost == set()


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        ("forward", {"forward-values", "any-size"}),
        ("loss", {"loss-values"}),
        ("backward", {*GRADIENTS, "any-size"}),
        ("optimize", {"optimize-step"}),
    ],
)
def test_a_missing_function_loses_its_own_criteria(part, lost):
    assert judged(**{part: ""}).lost == lost


def test_without_weights_the_functions_still_count():
    assert judged(weights="import torch").lost == {"trained"}


def test_units_that_stayed_alike_are_told_from_those_that_need_more_steps():
    alike = WEIGHTS + "bias_1, weights_2 = torch.zeros(64), torch.full((64, 1), 0.01)"
    assert judged(weights=alike).hints["trained"] == PUBLIC.ALIKE
    assert judged(weights=WEIGHTS + "weights_2 = weights_2 / 2").hints["trained"] != PUBLIC.ALIKE


def test_gradients_that_are_measured_are_told_for_what_they_are():
    measured = """
def backward(X, y, y_pred, step=1e-5):
    def slope(numbers, i):
        kept, losses = numbers[i].item(), []
        for moved in (kept + step, kept - step):
            numbers[i] = moved
            losses.append(loss(y, forward(X)))
        numbers[i] = kept
        return (losses[0] - losses[1]) / (2 * step)

    parameters = weights_1, bias_1, weights_2, bias_2
    return [torch.stack([slope(p.view(-1), i) for i in range(p.numel())]).view(p.shape) for p in parameters]
"""
    found = judged(backward=measured)
    assert found.lost == {*GRADIENTS, "any-size"}
    assert {found.hints[criterion] for criterion in GRADIENTS} == {PUBLIC.BY_HAND}


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("change", ["/ 2", "* 1.00001", "* float('nan')", "* -1", "+ 1", "* 0"])
def test_each_gradient_counts_by_itself(place, change):
    parts = ["a", "b", "c", "d"]
    parts[place] += change
    name = PUBLIC.NAMES[place].replace("_", "-")
    found = judged(backward=returned(", ".join(parts)))
    assert found.lost == {f"gradient-{name}", "any-size"}
    assert found.results["any-size"].fraction == 0.8
    table = found.results[f"gradient-{name}"].evidence[0]
    assert [row[0] for row in table.rows] == list(PUBLIC.NAMES)
    assert [n for n, row in enumerate(table.rows) if not float(row[1]) <= float(row[2])] == [place]


@pytest.mark.parametrize(
    ("expression", "lost"),
    [
        ("a", GRADIENTS),
        ("None", GRADIENTS),
        ("()", GRADIENTS),
        ("0", GRADIENTS),
        ("'right'", GRADIENTS),
        ("True, True, True, True", GRADIENTS),
        ("{'a': a, 'b': b, 'c': c, 'd': d}", GRADIENTS),
        ("a, b, c, d, d", GRADIENTS),
        ("(a, b), (c, d)", GRADIENTS),
        ("[[a, b, c, d]]", GRADIENTS),
        ("torch.zeros(4)", GRADIENTS),
        ("a, b, c", {"gradient-bias-2"}),
        ("a, b", {"gradient-weights-2", "gradient-bias-2"}),
        ("a, None, c, d", {"gradient-bias-1"}),
        ("a.T, b, c, d", {"gradient-weights-1"}),
        ("a, b, c[:, 0], d", {"gradient-weights-2"}),
        ("a, b, c, d[0]", {"gradient-bias-2"}),
        ("a.tolist(), b, c, d", {"gradient-weights-1"}),
        ("c, d, a, b", GRADIENTS),
    ],
)
def test_answers_of_other_forms(expression, lost):
    assert judged(backward=returned(expression)).lost == lost | {"any-size"}


@pytest.mark.parametrize(
    "expression",
    [
        "[a, b, c, d]",
        "a.numpy(), b.numpy(), c.numpy(), d.numpy()",
        "tuple(t.to(torch.float32) for t in (a, b, c, d))",
        "a.t().contiguous().t(), b.expand(b.shape), c, d",
        "torch.nn.Parameter(a), b, c, d",
    ],
)
def test_right_gradients_of_other_kinds(expression):
    assert judged(backward=returned(expression)).lost == set()


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("forward", FORWARD.replace("return", "assert len(x) == 500\n    return")),
        ("backward", BACKWARD.replace("z = X", "z = X.reshape(500, 1)")),
        ("backward", BACKWARD.replace("(d @ weights_2.T)", "(d @ weights_2.T).view(-1, 64)")),
        ("backward", BACKWARD.replace("z = X", "if weights_1.shape[1] != 64: raise ValueError\n    z = X")),
        ("backward", BACKWARD.replace("2 *", "1000 / len(X) *")),
    ],
)
def test_code_for_one_size_loses_other_sizes_alone(part, code):
    assert judged(**{part: code}).lost == {"any-size"}


@pytest.mark.parametrize(
    "changes",
    [
        {"backward": BACKWARD.replace("z > 0", "z >= 0")},
        {"backward": BACKWARD.replace("    z =", "    print('backward', X.shape)\n    z =")},
        {"backward": BACKWARD + "    # loss(y, y_pred).backward() and bias_1.grad gave the same\n"},
        {"backward": BACKWARD.replace("2 * (y_pred - y)", "y_pred.sub_(y).mul_(2)")},
        {"forward": FORWARD.replace("x @ weights_1 + bias_1", "torch.addmm(bias_1, x, weights_1)")},
        {"forward": FORWARD.replace("return ", "return 1 * ").replace("x @", "x.double() @ weights_1.double() #")
         .replace("#", "* 1 + bias_1.double()) @ weights_2.double() + bias_2 #")},
        {"loss": LOSS.replace("((y - y_) ** 2).sum()", "(y - y_).flatten() @ (y - y_).flatten()")},
        {"loss": LOSS.replace("((y - y_) ** 2).sum()", "float(((y - y_) ** 2).sum())")},
        {"loss": LOSS.replace("((y - y_) ** 2).sum()", "((y - y_) ** 2).sum(0)")},
        {"loss": LOSS.replace("((y - y_) ** 2).sum()", "np.square(y.numpy() - y_.numpy())")},
        {"optimize": "class Descent:\n    def __call__(self, params, grads, lr):\n"
         "        return tuple(p - lr * g for p, g in zip(params, grads))\noptimize = Descent()"},
        {"optimize": "def optimize(params, grads, lr):\n    return (p - lr * g for p, g in zip(params, grads))"},
        {"optimize": "def optimize(params, grads, lr):\n    return map(lambda p, g: p - lr * g, params, grads)"},
        {"loss": LOSS.replace("def loss", "def loss_fn") + "loss = loss_fn(torch.ones(2, 1), torch.zeros(2, 1))"},
        {"weights": WEIGHTS + "torch.set_grad_enabled(False)",
         "optimize": OPTIMIZE + "torch.set_grad_enabled(True)"},
    ],
)  # fmt: skip
def test_odd_ways_of_doing_it_right(changes):
    assert judged(**changes).lost == set()


@pytest.mark.parametrize(
    "expression",
    ["0.0", "y", "torch.zeros(len(y))", "((y - y_) ** 2).sum() / 2", "(y - y_.T) ** 2", "((y - y_) ** 2).int()",
     "torch.tensor(float('nan'))", "True", "'0'", "None", "[((y - y_) ** 2).sum()]", "(y - y_).sum() ** 2"],
)  # fmt: skip
def test_other_losses_earn_nothing(expression):
    assert judged(loss=f"def loss(y, y_):\n    return {expression}").lost == {"loss-values"}


def test_a_loss_that_is_no_function_any_more_earns_nothing():
    found = judged(loss=LOSS + "loss = loss(torch.ones(2, 1), torch.zeros(2, 1))")
    assert found.lost == {"loss-values"}
    assert "gave its name to something else" in str(found.results["loss-values"])


@pytest.mark.parametrize(
    "body",
    [
        "return params",
        "return None",
        "return grads",
        "return lr",
        "return params[0] - lr * grads[0]",
        "return [p - lr * g for p, g in zip(params[:3], grads)]",
        "return [p - 0.1 * g for p, g in zip(params, grads)]",
        "return [p - lr * g.sign() for p, g in zip(params, grads)]",
        "return dict(enumerate(p - lr * g for p, g in zip(params, grads)))",
        "return (p - lr * g for p, g in zip(params[:3], grads))",
        "return map(lambda p: p, params)",
        "return (p - lr * g for p, g in zip(params * 2, grads * 2))",
        "return [p - lr * g.clamp(-100, 100) for p, g in zip(params, grads)]",
        "global bias_2\n    bias_2 = bias_2 - lr * grads[3]",
    ],
)
def test_other_steps_earn_nothing(body):
    assert judged(optimize=f"def optimize(params, grads, lr):\n    {body}").lost == {"optimize-step"}


BY_AUTOGRAD = """
def by_autograd(X, y):
    leaves = [p.clone().requires_grad_() for p in (weights_1, bias_1, weights_2, bias_2)]
    a, b, c, d = leaves
    return torch.autograd.grad(((y - torch.relu(X @ a + b) @ c - d) ** 2).sum(), leaves)
"""


@pytest.mark.parametrize(
    "code",
    [
        BY_AUTOGRAD + "def backward(X, y, y_pred):\n    return by_autograd(X, y)",
        "class Tape:\n" + BY_AUTOGRAD.replace("\n", "\n    ").replace("(X, y)", "(self, X, y)")
        + "\ntape = Tape()\ndef backward(X, y, y_pred):\n    return tape.by_autograd(X, y)",
        BY_AUTOGRAD + "ways = {'fast': by_autograd}\ndef backward(X, y, y_pred):\n    return ways['fast'](X, y)",
        """
def backward(X, y, y_pred):
    def total(a, b, c, d):
        return ((y - torch.relu(X @ a + b) @ c - d) ** 2).sum()
    return torch.func.jacrev(total, argnums=(0, 1, 2, 3))(weights_1, bias_1, weights_2, bias_2)
""",
    ],
    ids=["a function", "a method", "a table of functions", "jacrev"],
)  # fmt: skip
def test_autograd_earns_nothing_wherever_it_is_asked(code):
    found = judged(backward=code)
    assert found.lost == {*GRADIENTS, "any-size"}
    assert all(found.hints[name] == PUBLIC.BY_AUTOGRAD for name in GRADIENTS)
    assert torch.is_grad_enabled()


def test_a_backward_that_answers_otherwise_when_asked_again_earns_nothing():
    adding = BACKWARD.replace("return ", "new = ") + "    for i in range(4):\n        kept[i] = kept[i] + new[i]\n"
    assert judged(backward="kept = [0] * 4" + adding + "    return list(kept)").lost >= GRADIENTS


@pytest.mark.parametrize("top", [6, 5])
def test_a_hidden_unit_has_no_upper_end(top):
    capped = FORWARD.replace("torch.relu(x @ weights_1 + bias_1)", f"(x @ weights_1 + bias_1).clamp(0, {top})")
    assert judged(forward=capped).lost == {"forward-values", "any-size"}
    half = BACKWARD.replace("(z > 0)", f"(z > 0) * (z < {top})")
    assert judged(backward=half).lost >= {"gradient-weights-1", "gradient-bias-1", "any-size"}


def test_hints_tell_other_sizes_from_what_is_wrong_anyway():
    assert judged(backward=returned("a, b, c, d / 2")).hints["any-size"] == HIDDEN.USUAL_FIRST
    assert (
        judged(forward=FORWARD.replace("return", "assert len(x) == 500\n    return")).hints["any-size"]
        == HIDDEN.WRITTEN_IN
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_forward_in_float32_is_never_accused(seed):
    code = "def forward(x):\n    w = [p.float() for p in (weights_1, bias_1, weights_2, bias_2)]\n"
    code += "    return torch.relu(x.float() @ w[0] + w[1]) @ w[2] + w[3]"
    assert judged(seed, forward=code).lost == set()


# --- the training ------------------------------------------------------------------------------------------


def trained(extra):
    return judged(weights=WEIGHTS + extra).results["trained"]


@pytest.mark.parametrize(
    "extra",
    [
        "weights_1[0, 3] = float('nan')",
        "bias_2[0] = float('inf')",
        "weights_2 = weights_2 * 0",
        "weights_2 = -weights_2",
        "bias_2 = bias_2 + 0.2",
        "weights_1 = weights_1.T",
        "bias_2 = bias_2[0]",
        "bias_1 = bias_1[None]",
        "weights_1 = weights_1.tolist()",
        "bias_1 = None",
        "weights_1 = weights_1.int()",
        "weights_1, bias_1, weights_2 = weights_1[:, :32], bias_1[:32], weights_2[:32]",
        "weights_1 = 'trained'",
        "del bias_1",
    ],
)
def test_globals_that_do_not_follow_the_curve_are_not_trained(extra):
    assert trained(extra) != "passed"
    assert getattr(trained(extra), "fraction", 0) == 0


@pytest.mark.parametrize(
    "extra",
    [
        "weights_1 = weights_1.double()",
        "weights_1 = weights_1.numpy()",
        "weights_2 = torch.nn.Parameter(weights_2)",
        "weights_1, bias_1, weights_2 = weights_1 * 2, bias_1 * 2, weights_2 / 2",
        "weights_1, bias_1, weights_2 = weights_1.flip(1), bias_1.flip(0), weights_2.flip(0)",
        "bias_2 = bias_2 + 0.02",
        "weights_2 = weights_2.bfloat16()",
    ],
)
def test_any_network_that_follows_the_curve_is_trained(extra):
    assert trained(extra) == "passed"


MIDDLE = """
weights_1[0], bias_1[:], weights_2[:, 0], bias_2[:] = 1.0, -1.0, 0.0, 0.49
weights_1[0, 1] = -1.0
bias_1[:2] = 0.17
weights_2[:2, 0] = torch.tensor([0.94, -0.88])
"""


def test_the_middle_of_the_curve_alone_is_worth_half():
    half = trained(MIDDLE + "bias_1[2] = -0.17")
    assert half.fraction == 0.5
    assert "0.0047" in half.because


def test_where_no_unit_is_left_for_the_ends_nothing_is_lost():
    assert trained(MIDDLE) == "passed"


def network(on):
    """First weights and biases of units that are on for so many of the 100 places, from the right end."""
    counts = torch.tensor(on, dtype=torch.float64)
    return torch.ones(1, len(on), dtype=torch.float64), -(0.495 - counts / 100)


def test_only_a_start_without_units_for_the_ends_is_bad_luck():
    x = (torch.arange(100, dtype=torch.float64) / 100 - 0.5)[:, None]
    for on, stuck in (
        ([66, 67, 67, 0], True),
        ([60, 70, 75], True),
        ([66, 67, 33], False),
        ([66, 5], False),
        ([0, 0], False),
    ):
        weights, biases = network(on)
        assert PUBLIC.waits_for_ever(x, weights, biases) == stuck, on


# --- the questions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_no_question_comes_near_a_kink(seed):
    rng = torch.Generator().manual_seed(seed)
    case = PUBLIC.draw(rng)
    found = [(case.x, case.parameters)]
    for points, hidden in HIDDEN.SIZES:
        parameters, x = HIDDEN.draw(rng, points, hidden)
        found.append((x, list(parameters.values())))
    for x, (w1, b1, *_) in found:
        assert float((x @ w1 + b1).abs().min()) > 3e-3


@pytest.mark.parametrize("seed", range(20))
def test_float32_is_far_more_exact_than_what_is_allowed(seed):
    case = PUBLIC.draw(torch.Generator().manual_seed(seed))
    right = PUBLIC.right_gradients(case)
    single = PUBLIC.right_gradients(case.to(torch.float32))
    assert all(relative_error(single[n], right[n]) < PUBLIC.ALLOWED[torch.float32] / 10 for n in PUBLIC.NAMES)


def test_afterwards_the_globals_are_the_students_again():
    space, _ = run("manual_backprop", list(PARTS.values()))
    before = {name: space[name].clone() for name in PUBLIC.NAMES}
    assert judge("manual_backprop", space).lost == set()
    assert all(torch.equal(space[name], before[name]) for name in PUBLIC.NAMES)


def test_the_untouched_table_of_points_is_that_of_the_rubric():
    text = (ROOT / "assignments" / "manual_backprop" / "README.md").read_text(encoding="utf-8")
    assert "0.0035" in text
    assert float(PUBLIC.FOLLOWS + PUBLIC.NOISE) == pytest.approx(0.0035)
    assert float(PUBLIC.WAITS + PUBLIC.NOISE) == pytest.approx(0.0055)
    assert judge("manual_backprop", {}).lost == EVERYTHING
