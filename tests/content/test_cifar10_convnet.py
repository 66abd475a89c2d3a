"""cifar10_convnet: networks, loops and augmentations are told apart, without a training of the big ones.

That every answer beside the graders loses what it must is tried in real rooms by ``torchgrade ci``.
"""

from __future__ import annotations

import json

import pytest
import torch
from quick import ROOT, header, listed, load
from torch import nn

from torchgrade.grading.answers import read_trusted
from torchgrade.grading.reference import LocalHandle, NamespaceExaminee, load_namespace
from torchgrade.notebook import derive_handout, dump
from torchgrade.spec import check_graders, load_assignment
from torchgrade.testing import ComparisonFailure, Missing, agree, draw_weights, load_into, weights_of

SPEC = load_assignment(ROOT, "cifar10_convnet")
HIDDEN = load(SPEC.graders / "test_hidden.py")
PUBLIC = load(SPEC.graders / "test_public.py")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def solution():
    """The globals of the solution without its training."""
    return load_namespace(read_trusted(SPEC.solution), SPEC.solution.name)


class Local(NamespaceExaminee):
    """As in a room, what is not there is Missing."""

    def object(self, name):
        return super().object(name) if name in self.namespace else missing(name)


def missing(name):
    raise Missing(f"no {name}")


def asked(criterion, space, seed=0):
    """The hint that a criterion gives for these globals; empty where it is passed."""
    hints = []
    found = {
        m.args[0]: t for f in (PUBLIC, HIDDEN) for t in vars(f).values() for m in getattr(t, "pytestmark", [])
    }
    test = found[criterion]
    fixtures = {
        "submission": Local(dict(space)),
        "rng": generator(seed),
        "hint": hints.append,
        "exhibit": lambda draw: draw(),
    }
    names = test.__code__.co_varnames[: test.__code__.co_argcount]
    try:
        test(**{name: fixtures[name] for name in names})
    except ComparisonFailure:
        return hints[0]
    return ""


def test_the_graders_fit_the_rubric():
    check_graders(SPEC)
    assert SPEC.max_points == 10
    for path in (SPEC.graders / "answers" / "wrong").glob("*.py"):
        head = header(path)
        assert set(head) <= {"title", "loses", "hint"}, path
        assert listed(head["loses"]) <= {c.id for c in SPEC.criteria}, path


def test_the_handout_is_derived_and_holds_no_answer():
    solution = json.loads(SPEC.solution.read_text(encoding="utf-8"))
    handout = SPEC.handout.read_text(encoding="utf-8")
    assert handout == dump(derive_handout(solution, SPEC.solution))
    for secret in ("MaxPool2d", "optim.Adam", "zero_grad", "BatchNorm2d", "torch.where"):
        assert secret not in handout


@pytest.mark.parametrize(("norm", "parameters"), [(False, 677_578), (True, 677_962)])
def test_the_networks_of_the_tables_have_the_numbers_that_the_text_says(norm, parameters):
    assert sum(p.numel() for p in HIDDEN.Net(norm=norm).parameters()) == parameters


JUDGED = ["net-size", "better-size", "train-history", "augment-flips", "augment-shifts"]
JUDGED += ["same-network", "better-network", "dropout", "train-steps", "weight-decay", "augmented"]


@pytest.mark.parametrize("criterion", JUDGED)
def test_the_solution_passes_whatever_is_drawn(solution, criterion):
    for seed in range(2):
        assert asked(criterion, solution, seed) == ""


def test_no_known_mistake_is_taken_for_another_with_another_hint():
    x = [torch.randn(2, 3, 32, 32, generator=generator(1)), 10 * torch.randn(2, 3, 32, 32, generator=generator(2))]
    known = [*HIDDEN.right(), *HIDDEN.mistakes()]
    handle = LocalHandle(HIDDEN.Net())
    draw_weights(handle, generator())
    state = weights_of(handle)
    answers = [[load_into(m.build(), state).eval()(v).detach() for v in x] for m in known]
    for i, one in enumerate(answers):
        for j, other in enumerate(answers[:i]):
            alike = all(agree(a, b) for a, b in zip(one, other, strict=True))
            assert not alike or known[i].hint == known[j].hint, (known[i].name, known[j].name)


def better(solution, **parts):
    """The solution with another BetterNet: ``edit`` changes a fresh one."""

    class Edited(solution["BetterNet"]):
        def __init__(self):
            super().__init__()
            for place, layer in parts.items():
                part, index = place.rsplit("_", 1)
                getattr(self, part)[int(index)] = layer

    return {**solution, "BetterNet": Edited}


@pytest.mark.parametrize(
    ("parts", "criterion", "hint"),
    [
        ({"head_3": nn.Dropout(0.3)}, "dropout", HIDDEN.DROPOUT),
        ({"head_6": nn.Dropout(0.6)}, "dropout", HIDDEN.DROPOUT),
        ({"head_3": nn.Identity()}, "dropout", HIDDEN.DROPOUT),
        ({"features_1": nn.ReLU(), "features_2": nn.BatchNorm2d(64)}, "better-network", None),
        ({"features_3": nn.AvgPool2d(2), "features_7": nn.AvgPool2d(2)}, "better-network", HIDDEN.POOL),
        ({"features_2": nn.Identity(), "features_6": nn.Identity()}, "better-network", HIDDEN.NO_ACT),
        ({"features_1": nn.BatchNorm2d(64, track_running_stats=False)}, "better-network", None),
    ],
)
def test_another_better_network_is_seen(solution, parts, criterion, hint):
    found = asked(criterion, better(solution, **parts))
    assert found == hint or (hint is None and found)


def test_the_layers_of_the_better_network_may_stand_in_any_order(solution):
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            made = solution["BetterNet"]()
            self.head, self.features = made.head, made.features

        def forward(self, x):
            return self.head(self.features(x))

    assert asked("better-network", {**solution, "BetterNet": Turned}) == ""
    assert asked("dropout", {**solution, "BetterNet": Turned}) == ""


@pytest.mark.parametrize(
    ("augment", "hint"),
    [
        (lambda x: torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x), ""),
        (lambda x: torch.where(torch.rand(len(x), 1, 1, 1) < 0.1, x.flip(3), x), PUBLIC.FLIP),
        (lambda x: x.flip(3) if torch.rand(()) < 0.5 else x + 0, PUBLIC.TOGETHER),
        (lambda x: x.flip(2), PUBLIC.UPSIDE_DOWN),
        (lambda x: x.flip(1), PUBLIC.CHANGED),
        (lambda x: x * 1.1, PUBLIC.CHANGED),
        (lambda x: x.mul_(1).flip(0), PUBLIC.CHANGED),
    ],
)
def test_augmentations_are_told_apart(solution, augment, hint):
    torch.manual_seed(5)
    assert asked("augment-flips", {**solution, "augment": augment}) == hint


def loop(optimizer=torch.optim.Adam, clears=True, softmax=False, sees=True, **options):
    """A train like the solution's, with one thing or another done differently."""

    def train(model, X_train, y_train, epochs, batch_size=64, augment=None):
        steps = optimizer(model.parameters(), **{"lr": 1e-3, "weight_decay": 1e-4, **options})
        history = []
        for _ in range(epochs):
            for batch in torch.randperm(len(X_train)).split(batch_size):
                x = X_train[batch]
                x = augment(x) if augment is not None and sees else x
                if clears:
                    steps.zero_grad()
                out = model(x)
                loss = nn.functional.cross_entropy(out.softmax(1) if softmax else out, y_train[batch])
                loss.backward()
                steps.step()
            history.append(loss.item())
        return history

    return train


@pytest.mark.parametrize(
    ("train", "lost"),
    [
        (loop(), {}),
        (loop(torch.optim.AdamW), {}),
        (loop(weight_decay=0), {"weight-decay": HIDDEN.DECAY}),
        (loop(weight_decay=1e-3), {"weight-decay": HIDDEN.DECAY}),
        (loop(torch.optim.AdamW, weight_decay=1e-2), {"weight-decay": HIDDEN.DECAY}),
        (loop(clears=False), {"train-steps": HIDDEN.PILE}),
        (loop(softmax=True), {"train-steps": HIDDEN.SOFTMAX}),
        (loop(lr=5e-4), {"train-steps": HIDDEN.RATE, "weight-decay": HIDDEN.DECAY}),
        (loop(sees=False), {"augmented": HIDDEN.AUGMENTED}),
    ],
)
def test_loops_are_told_apart(solution, train, lost):
    for criterion in ("train-steps", "weight-decay", "augmented"):
        assert asked(criterion, {**solution, "train": train}) == lost.get(criterion, ""), criterion
