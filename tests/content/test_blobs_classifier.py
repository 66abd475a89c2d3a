"""blobs_classifier: the examiner's own networks and loops are told apart, and what is wrong is named.

That every answer beside the graders loses what it must is tried in real rooms by ``torchgrade ci``.
"""

from __future__ import annotations

import itertools
import json

import pytest
import torch
from networks_here import judge, run
from quick import ROOT, header, listed, load, one_thread

from torchgrade.grading.reference import LocalHandle
from torchgrade.notebook import derive_handout, dump
from torchgrade.spec import check_graders, load_assignment
from torchgrade.testing import agree, collected, draw_weights, load_into, weights_of

SPEC = load_assignment(ROOT, "blobs_classifier")
WRONG = sorted((SPEC.graders / "answers" / "wrong").glob("*.py"))
public = load(SPEC.graders / "test_public.py", "blobs_classifier.test_public")
hidden = load(SPEC.graders / "test_hidden.py", "blobs_classifier.test_hidden")

HEAD = """
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
"""
NETWORK = """
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 1)

    def forward(self, x):
        BODY
"""
RIGHT = "return torch.sigmoid(self.b(torch.sigmoid(self.a(x))))"
TRAIN = """
def train(model, X, y, epochs, batch_size=None, lr=1e-3):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = []
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(X)).split(batch_size or len(X)):
            optimizer.zero_grad()
            loss = F.binary_cross_entropy(model(X[batch]), y[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        history.append(total / len(X))
    return history
"""
# One hidden unit asks on which side a point lies, and the last layer is as sure of it as wanted.
MODEL = """
model = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1), nn.Sigmoid())
with torch.no_grad():
    for p in model.parameters():
        p.zero_()
    model[0].weight[0] = torch.tensor([4.0, -0.8])
    model[0].bias[0] = -2.0
    model[2].weight[0, 0] = SURE
    model[2].bias[0] = -SURE / 2
history = [0.7, 0.3, 0.1]
"""
LOOP = {"one-step", "full-batches", "mini-batches", "history", "any-network"}


def judged(body=RIGHT, train=TRAIN, sure=10.0, extra="", only=frozenset(), seed=0, **more):
    cells = (HEAD, NETWORK.replace("BODY", body), train, MODEL.replace("SURE", str(sure)) + extra)
    with one_thread():
        return judge(SPEC, (public, hidden), run(*cells), only, seed=seed, **more)


def loop(*changes, **more):
    """The verdict on the loop alone, with these pieces of it replaced."""
    text = TRAIN
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return judged(train=text, only=LOOP, **more)


def test_the_graders_fit_the_rubric():
    check_graders(SPEC)
    assert SPEC.max_points == 10
    for path in WRONG:
        head = header(path)
        assert listed(head["loses"]) <= {c.id for c in SPEC.criteria}, path
        assert 40 <= len(head["hint"]) <= 200


def test_the_handout_is_derived_and_holds_no_answer():
    solution = json.loads(SPEC.solution.read_text(encoding="utf-8"))
    handout = SPEC.handout.read_text(encoding="utf-8")
    assert handout == dump(derive_handout(solution, SPEC.solution))
    for secret in ("nn.Linear", "optim.SGD", "zero_grad", "randperm(len"):
        assert secret not in handout


@pytest.mark.parametrize("seed", range(4))
def test_right_work_loses_nothing(seed):
    found = judged(seed=seed)
    assert found.lost == set(), found.results


@pytest.mark.parametrize("seed", range(3))
def test_no_mistake_is_taken_for_right_or_for_another(seed):
    """With the same weights no two networks give the same numbers."""
    rng = torch.Generator().manual_seed(seed)
    x, told = 2 * torch.randn(20, 2, generator=rng), []
    handle = LocalHandle(hidden.Variant())
    draw_weights(handle, rng)
    state = weights_of(handle)
    for network in (*hidden.RIGHT, *hidden.mistakes()):
        with torch.no_grad():
            told.append((network, load_into(network.build(), state).eval()(x)))
    assert len(told) > 15
    same = [(a, b) for (a, p), (b, q) in itertools.combinations(told, 2) if agree(p, q)]
    # Where all numbers are positive, a ReLU at the end does nothing; it has the same hint as none at all.
    assert not [(a.name, b.name) for a, b in same if a.hint != b.hint or not a.hint]


@pytest.mark.parametrize(
    "body",
    [
        RIGHT,
        "return self.b(self.a(x).sigmoid()).sigmoid()",
        "h = 1 / (1 + torch.exp(-self.a(x))); return nn.Sigmoid()(self.b(h))",
        "return (torch.tanh(self.b(torch.sigmoid(self.a(x))) / 2) + 1) / 2",
        "print(x.shape); return torch.sigmoid(F.linear(torch.sigmoid(self.a(x)), self.b.weight, self.b.bias))",
    ],
)
def test_right_networks_lose_nothing(body):
    assert judged(body, only={"network-output", "same-network"}).lost == set()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return torch.sigmoid(self.b(F.relu(self.a(x))))", "ReLU in the hidden layer"),
        ("return torch.sigmoid(self.b(torch.tanh(self.a(x))))", "tanh in the hidden layer"),
        ("return torch.sigmoid(self.b(self.a(x)))", "no sigmoid in the hidden layer"),
        ("return self.b(torch.sigmoid(self.a(x)))", "no sigmoid at the end"),
        ("return F.softmax(self.b(torch.sigmoid(self.a(x))), 1)", "a softmax over the one output"),
        ("return self.b(F.relu(self.a(x)))", "ReLU in the hidden layer, and no sigmoid at the end"),
        ("return torch.sigmoid(torch.sigmoid(self.b(torch.sigmoid(self.a(x)))))", "two sigmoids at the end"),
    ],
)
def test_another_network_is_named_and_does_not_cost_the_loop(body, said):
    found = judged(
        body, train=TRAIN if "self.b(" not in body[7:14] else TRAIN.replace("entropy(", "entropy_with_logits(")
    )
    assert found.lost - {"network-output"} == {"same-network"}, found.results
    assert said in str(found.results["same-network"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("lr=lr)", "lr=1e-3)")], "lr is always 0.001"),
        ([("optim.SGD", "optim.Adam")], "the step is that of Adam"),
        ([("lr=lr)", "lr=lr, weight_decay=0.01)")], "a weight decay of 0.01 acts"),
        ([("y[batch])", "y[batch], reduction='sum')")], "that of the sum, not of the mean"),
        ([("F.binary_cross_entropy(", "F.mse_loss(")], "squared errors"),
        ([("entropy(", "entropy_with_logits(")], "a sigmoid acts twice"),
        ([("optimizer.step()", "pass")], "has not moved at all"),
        ([("model.parameters()", "list(model.parameters())[2:]")], "only the last layer was moved"),
        ([("loss.backward()", "(-loss).backward()")], "the step goes uphill"),
        ([("torch.randperm(len(X))", "torch.arange(len(X))"), ("batch_size or len(X)", "1")], "for each point"),
    ],
)  # fmt: skip
def test_a_wrong_step_is_named(changes, said):
    found = loop(*changes)
    assert said in str(found.results["one-step"]), found.results["one-step"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("            optimizer.zero_grad()\n", "")], "the gradients of all earlier steps are added"),
        ([("lr=lr)", "lr=lr, momentum=0.9)")], "a momentum of 0.9 acts"),
        ([("    return history", "        return history")], "these are the weights after the first step"),
        ([("range(epochs)", "range(epochs - 1)")], "one epoch is missing"),
    ],
)
def test_a_mistake_between_the_steps_is_named(changes, said):
    assert said in str(loop(*changes).results["full-batches"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([(".split(batch_size or len(X))", ".split(len(X))")], "there are 2"),
        ([("batch_size or len(X)", "1 if batch_size else len(X)")], "so 6 in two"),
        ([("X[batch]), y[batch]", "X[: len(batch)]), y[: len(batch)]")], "taken again and again"),
        ([("torch.randperm(len(X))", "torch.randperm(len(X)).clamp(max=127)")], "does not take every point once"),
        ([("y[batch])", "y[batch.flip(0)])")], "does not take every point once, with its own class"),
        ([("split(batch_size or len(X))", "split(batch_size or len(X))[: 3 - len(X) // 192]")], "leaves out"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("seed", range(2))
def test_wrong_batches_are_named(changes, said, seed):
    found = loop(*changes, seed=seed)
    assert "mini-batches" in found.lost
    if "leaves out" not in said:  # of a random order any third may be missing
        assert said in str(found.results["mini-batches"]), found.results["mini-batches"]


@pytest.mark.parametrize(
    "changes",
    [
        [("torch.randperm(len(X))", "torch.arange(len(X))")],
        [("torch.randperm(len(X))", "torch.tensor(np.random.permutation(len(X)))")],
        [
            (
                "split(batch_size or len(X))",
                "split(batch_size or len(X))[: max(1, len(X) // (batch_size or len(X)))]",
            )
        ],
        [("history.append(total / len(X))", "history.append(loss.detach())")],
        [("return history", "return torch.tensor(history)")],
        [("return history", "return np.array(history)")],
        [("F.binary_cross_entropy(model(X[batch]), y[batch])", "nn.BCELoss()(model(X[batch]), y[batch].float())")],
        [("lr=lr)", "lr=lr, momentum=0.0, foreach=False)")],
        [("history.append(total / len(X))", "history.append(total)")],
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_odd_loops_that_are_right_lose_nothing(changes, seed):
    found = loop(*changes, seed=seed)
    assert found.lost == set(), found.results


@pytest.mark.parametrize(("sure", "outcome"), [(10.0, "full"), (1.4, "half"), (0.4, "none"), (-10.0, "none")])
def test_it_is_the_loss_that_is_judged(sure, outcome):
    awarded = []
    found = judged(sure=sure, only={"trained"}, award=lambda share, because: awarded.append((share, because)))
    assert ("trained" in found.lost) is (outcome == "none"), found.results
    assert [share for share, _ in awarded] == ([0.5] if outcome == "half" else [])
    if outcome == "half":
        assert "99." in awarded[0][1], "nearly all points are on the right side"


@pytest.mark.parametrize(
    "extra",
    ["model = model.state_dict()", "model = None", "del model", "model = Classifier", "model = nn.Linear(2, 3)"],
)
def test_what_is_no_trained_network_earns_nothing(extra):
    assert judged(extra=extra, only={"trained"}).lost == {"trained"}


@pytest.mark.parametrize("seed", range(20))
def test_right_orders_are_far_nearer_to_each_other_than_what_leaves_points_out(seed):
    rng = torch.Generator().manual_seed(seed)
    case = public.telling(rng)
    end = public.after(case, torch.randperm(192, generator=rng).split(64))
    right = [public.after(case, parts) for parts in (public.THIRDS, public.MIXED)]
    assert any(public.near(end, each, case.start, public.ORDER / 2) for each in right)
    for third in public.THIRDS:
        assert not any(public.near(public.after(case, [third] * 3), each, case.start, 0.2) for each in right)


def test_the_surface_is_what_the_model_answers():
    shown = []
    judged(only={"trained"}, exhibit=lambda make: shown.extend(collected(make)))
    kinds = {evidence.kind: evidence for evidence in shown}
    assert set(kinds) == {"curves", "surface"}
    cells = kinds["surface"].drawn[0].split()[2:]
    assert all(row.startswith("c") and row.endswith("f") for row in cells)


def test_the_papers_bounds_are_the_graders():
    text = (ROOT / "assignments" / "blobs_classifier" / "README.md").read_text(encoding="utf-8")
    assert f"may be {public.PARTS} at most; up to {public.BEGINS} you get half" in text
