"""mnist_mlp: the examiner's own networks and loops are told apart, and honest loops keep their points.

That every answer beside the graders loses what it must is tried in real rooms by ``torchgrade ci mnist_mlp``.
"""

from __future__ import annotations

import itertools
import json

import pytest
import torch
from networks_here import images_of, judge, run
from quick import ROOT, header, listed, load

from torchgrade.grading.reference import LocalHandle
from torchgrade.notebook import derive_handout, dump
from torchgrade.spec import check_graders, load_assignment
from torchgrade.testing import agree, draw_weights, load_into, weights_of

SPEC = load_assignment(ROOT, "mnist_mlp")
WRONG = sorted((SPEC.graders / "answers" / "wrong").glob("*.py"))
public = load(SPEC.graders / "test_public.py", "mnist_mlp.test_public")
hidden = load(SPEC.graders / "test_hidden.py", "mnist_mlp.test_hidden")
LAYOUT = hidden.Layout((784, 24, 16, 10), (True, True, True))


def test_the_graders_fit_the_rubric():
    check_graders(SPEC)
    assert SPEC.max_points == 10
    for path in WRONG:
        assert listed(header(path)["loses"]) <= {c.id for c in SPEC.criteria}, path


def test_the_handout_is_derived_and_holds_no_answer():
    solution = json.loads(SPEC.solution.read_text(encoding="utf-8"))
    handout = SPEC.handout.read_text(encoding="utf-8")
    assert handout == dump(derive_handout(solution, SPEC.solution))
    for secret in ("nn.Linear", "optim.SGD", "zero_grad", "F.relu"):
        assert secret not in handout


def test_no_mistake_is_taken_for_right_or_for_another():
    """With the same weights no two networks give the same numbers."""
    rng = torch.Generator().manual_seed(5)
    x, told = torch.cat(hidden.questions(rng)), []
    handle = LocalHandle(hidden.right(LAYOUT)[0].build())
    draw_weights(handle, rng)
    for network in [*hidden.right(LAYOUT), *hidden.mistakes(LAYOUT)]:
        with torch.no_grad():
            told.append((network.name, load_into(network.build(), weights_of(handle)).eval()(x)))
    assert len(told) > 100
    assert [(a, b) for (a, p), (b, q) in itertools.combinations(told, 2) if agree(p, q)] == []


@pytest.mark.parametrize(
    ("sizes", "biases"),
    [((784, 24, 16, 10), (True,) * 3), ((784, 10, 10, 10), (True,) * 3), ((784, 30, 20, 10), (False, True, True))],
)
def test_the_layout_is_read_off_the_parameters(sizes, biases):
    wanted = hidden.Layout(sizes, biases)
    assert hidden.layout_of(LocalHandle(hidden.right(wanted)[0].build())) == wanted


@pytest.mark.parametrize("seed", range(3))
def test_every_wrong_loop_ends_elsewhere(seed):
    rng = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    x, y = hidden.patterns(rng, 8)
    lr = hidden.drawn_rate(rng)
    state = little_state()
    right = hidden.right_loop.one_step(state, x, y, lr)
    other_order = torch.randperm(8)
    assert hidden.near(
        hidden.right_loop.one_step(state, x[other_order], y[other_order], lr), right, hidden.flat_weights(state)
    )
    for loop in hidden.other_loops():
        assert not hidden.near(loop.one_step(state, x, y, lr), right, hidden.flat_weights(state)), loop.name


def little_state():
    module = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(784, 16), torch.nn.Tanh(), torch.nn.Linear(16, 10)
    )
    return {k: v.clone() for k, v in module.state_dict().items()}


NETWORK = """
import torch
import torch.nn.functional as F
from torch import nn


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(784, 24), nn.Linear(24, 16), nn.Linear(16, 10)

    def forward(self, x):
        z = self.c(F.relu(self.b(F.relu(self.a(x)))))
        return {end}
"""
TRAIN = """
def train(model, X_train, y_train, epochs, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = []
    for _ in range(epochs):
        for batch in {batches}:
            optimizer.zero_grad()
            loss = {loss}
            loss.backward()
            optimizer.step()
        history.append(loss.item())
    return history
"""
RANDOM = "torch.randperm(len(X_train)).split({size})"
TWENTY = RANDOM.format(size=20)
ENTROPY = "F.cross_entropy(model(X_train[batch]), y_train[batch])"
LOOP = {"train-history", "train-learns", "one-step", "every-batch", "data-unchanged"}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Many small steps: a second thread would only be waited for."""
    kept = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(kept)


def judged(end="z", batches=TWENTY, loss=ENTROPY, train=TRAIN, only=LOOP, seed=0):
    cells = NETWORK.format(end=end), train.format(batches=batches, loss=loss)
    return judge(SPEC, (public, hidden), run(*cells), only, seed=seed)


@pytest.mark.parametrize("size", [1, 20, 128, 1000])
def test_batches_may_have_any_size(size):
    found = judged(batches=RANDOM.format(size=size))
    assert found.lost == set(), found.results


@pytest.mark.parametrize("size", [6, 256])
def test_a_last_batch_that_is_not_full_may_be_left_out(size):
    found = judged(batches=f"[b for b in {RANDOM.format(size=size)} if len(b) == {size}]", train=EMPTY_IS_FINE)
    assert found.lost == set(), found.results


EMPTY_IS_FINE = TRAIN.replace("    history = []", "    history, loss = [], torch.tensor(2.3)")


@pytest.mark.parametrize(
    ("end", "loss"),
    [
        ("z", "nn.CrossEntropyLoss()(model(X_train[batch]), y_train[batch])"),
        ("z", "F.nll_loss(F.log_softmax(model(X_train[batch]), 1), y_train[batch])"),
        ("z.log_softmax(1)", "F.nll_loss(model(X_train[batch]), y_train[batch])"),
        ("z.log_softmax(1)", ENTROPY),  # a log_softmax of a log_softmax is the same
        ("z.softmax(1)", "F.nll_loss(model(X_train[batch]).log(), y_train[batch])"),
        ("z.softmax(1)", "-(F.one_hot(y_train[batch], 10) * model(X_train[batch]).log()).sum(1).mean()"),
    ],
)
def test_the_softmax_may_stand_in_the_network_or_in_the_loss(end, loss):
    found = judged(end=end, loss=loss, only={"one-step", "every-batch", "same-network"})
    assert found.lost == set(), found.results


@pytest.mark.parametrize(
    ("end", "loss", "name"),
    [
        ("z.softmax(1)", ENTROPY, "a softmax twice"),
        ("z", "F.cross_entropy(model(X_train[batch]).softmax(1), y_train[batch])", "a softmax twice"),
        ("z.softmax(1)", "F.cross_entropy(model(X_train[batch]).softmax(1), y_train[batch])", "three times"),
        ("z.softmax(1)", "F.nll_loss(model(X_train[batch]), y_train[batch])", "in place of its logarithm"),
        ("z", "F.nll_loss(model(X_train[batch]), y_train[batch])", "in place of logarithms"),
        ("z", "F.cross_entropy(model(X_train[batch]), y_train[batch], reduction='sum')", "the sum"),
        ("z", "F.mse_loss(model(X_train[batch]), F.one_hot(y_train[batch], 10).float())", "squared errors"),
        ("z", "-F.cross_entropy(model(X_train[batch]), y_train[batch])", "driven up"),
        ("z", "F.multi_margin_loss(model(X_train[batch]), y_train[batch])", "not those that gradient descent"),
    ],
)
def test_another_loss_is_named_and_costs_one_criterion(end, loss, name):
    found = judged(end=end, loss=loss, only={"one-step", "every-batch"})
    assert found.lost == {"one-step"}, found.results
    assert name in str(found.results["one-step"])
    assert found.hints["one-step"]


@pytest.mark.parametrize("old", ["            optimizer.zero_grad()\n", "            optimizer.step()\n"])
def test_what_is_left_out_of_a_batch_is_named(old):
    found = judged(train=TRAIN.replace(old, ""), only={"every-batch"})
    assert found.lost == {"every-batch"}
    assert found.hints["every-batch"] in (hidden.ZERO, hidden.UNCHANGED.hint)


@pytest.mark.parametrize(
    ("loss", "end"),
    [
        ("nn.CrossEntropyLoss()(model(X), y)", "logits"),
        ("F.nll_loss(F.log_softmax(model(X), 1), y)", "logits"),
        ("nn.NLLLoss()(model(X), y)", "logarithms"),
        ("nn.NLLLoss()(torch.log(model(X)), y)", "probabilities"),
        ("-model(X)[range(n), y].log().mean()", "probabilities"),
        ("", "logits"),
    ],
)
def test_where_the_network_cannot_be_asked_its_end_is_read_off_the_loss(loss, end):
    assert public.guessed_end(loss) == hidden.guessed_end(loss) == end


ON_A_COPY = TRAIN.replace(
    "    optimizer", "    given, model = model, copy.deepcopy(model)\n    optimizer", 1
).replace("    return", "    given.load_state_dict(model.state_dict())\n    return")


@pytest.mark.parametrize("size", [8, 64])
def test_a_copy_may_be_trained_and_its_weights_put_back(size):
    found = judged(batches=RANDOM.format(size=size), train="\nimport copy\n" + ON_A_COPY, only=LOOP)
    assert found.lost == set(), found.results


def test_a_copy_is_trained_wrongly_too():
    train = "\nimport copy\n" + ON_A_COPY.replace("            optimizer.zero_grad()\n", "")
    assert judged(train=train, only={"every-batch"}).lost == {"every-batch"}


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_scale_of_the_pixels_is_found_out(shift):
    """A network that was trained on pixels of -1 to 1 is asked about such."""
    rng = torch.Generator().manual_seed(3)
    x, y = hidden.patterns(rng, 600)
    images = (x * 255).round().reshape(-1, 28, 28).to(torch.uint8)
    cells = NETWORK.format(end="z"), TRAIN.format(batches=TWENTY, loss=ENTROPY)
    space = run(*cells)
    torch.manual_seed(0)
    space["mlp"] = space["MLP"]()
    space["train"](space["mlp"], (images.flatten(1).float() / 255 - shift) / (1 - shift), y, 5, 0.1)
    found = judge(
        SPEC, (public, hidden), space, {"test-accuracy", "kept-accuracy"}, dataset=lambda _: images_of(images, y)
    )
    assert found.lost == set(), found.results
    assert {e.kind for made in found.exhibits for e in (made if isinstance(made, list) else [made]) if e} >= {
        "confusion",
        "filters",
    }


def test_an_untrained_network_reads_nothing():
    x, y = hidden.patterns(torch.Generator().manual_seed(3), 400)
    images = (x * 255).round().reshape(-1, 28, 28).to(torch.uint8)
    space = run(NETWORK.format(end="z"))
    space["mlp"] = space["MLP"]()
    found = judge(
        SPEC, (public, hidden), space, {"test-accuracy", "kept-accuracy"}, dataset=lambda _: images_of(images, y)
    )
    assert found.lost == {"test-accuracy", "kept-accuracy"}
    assert found.hints == {"test-accuracy": public.LEARN, "kept-accuracy": hidden.LEARN}


@pytest.mark.parametrize("path", WRONG, ids=lambda p: p.stem)
def test_hints_are_short_and_do_not_write_the_answer(path):
    hint = header(path).get("hint", "")
    assert len(hint) <= 240
    for answer in ("nn.Linear(", "optimizer = ", "dim=1"):
        assert answer not in hint


def test_hidden_criteria_show_nothing():
    assert "exhibit" not in (SPEC.graders / "test_hidden.py").read_text(encoding="utf-8")
