"""cifar100_mlp: what reaches the first layer is read off the gradients, whatever stands behind it.

That every answer beside the graders loses what it must is tried in real rooms by ``torchgrade ci cifar100_mlp``.
"""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from quick import ROOT, header, listed, load
from torch import nn

from torchgrade.grading.reference import LocalHandle, NamespaceExaminee
from torchgrade.model import VariantRule
from torchgrade.notebook import derive_handout, dump
from torchgrade.spec import check_graders, classes_of, load_assignment, load_course
from torchgrade.testing import Missing

SPEC = load_assignment(ROOT, "cifar100_mlp")
WRONG = sorted((SPEC.graders / "answers" / "wrong").glob("*.py"))
hidden = load(SPEC.graders / "test_hidden.py")
public = load(SPEC.graders / "test_public.py")


def test_the_graders_fit_the_rubric():
    check_graders(SPEC)
    assert SPEC.max_points == 12
    for path in WRONG:
        assert listed(header(path)["loses"]) <= {c.id for c in SPEC.criteria}, path


def test_the_handout_is_derived_and_holds_no_answer():
    solution = json.loads(SPEC.solution.read_text(encoding="utf-8"))
    handout = SPEC.handout.read_text(encoding="utf-8")
    assert handout == dump(derive_handout(solution, SPEC.solution))
    for secret in ("group, variant = ", "nn.Linear", "zero_grad", "weight_decay=0.01", "learns single images"):
        assert secret not in handout


def test_the_rule_of_this_year():
    rule = load_course(ROOT, only="cifar100_mlp").assignments[0].variant
    assert isinstance(rule, VariantRule)
    assert classes_of(rule, {"group": "1", "variant": "2"}) == (16, 58, 23)
    assert classes_of(rule, {"group": "1", "variant": "2", "track": "guimc"}) == (16, 58, 80)
    assert classes_of(rule, {"group": "1", "variant": "2", "track": "foreign"}) == (16, 58, 90)
    assert classes_of(rule, rule.default) == (23, 60, 25)


class Seen(nn.Module):
    """Any network over pixels that were prepared in some way."""

    def __init__(self, way, body, order=(1, 2, 3)):
        super().__init__()
        self.way, self.order, self.body = way, order, body

    def forward(self, x):
        return self.body(self.way(x).to(x.dtype).permute(0, *self.order).flatten(1))


BODIES = {
    "plain": lambda h, c: nn.Sequential(nn.Linear(3072, h), nn.ReLU(), nn.Linear(h, c)),
    "deep": lambda h, c: nn.Sequential(nn.Linear(3072, h), nn.GELU(), nn.Linear(h, 9), nn.Tanh(), nn.Linear(9, c)),
    "no bias, batch norm": lambda h, c: nn.Sequential(
        nn.Linear(3072, h, bias=False), nn.BatchNorm1d(h), nn.ReLU(), nn.Linear(h, c)
    ),
    "weight norm": lambda h, c: nn.Sequential(
        nn.utils.parametrizations.weight_norm(nn.Linear(3072, h)), nn.ReLU(), nn.Linear(h, c)
    ),
    "dropout first": lambda h, c: nn.Sequential(nn.Dropout(0.3), nn.Linear(3072, h), nn.ELU(), nn.Linear(h, c)),
}


def reached(way, body, order=(1, 2, 3), seed=0):
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    x = hidden.images(rng)
    return x, hidden.first_input(LocalHandle(Seen(way, body(12, 4), order)), x, rng)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 1, 3)])
def test_normalised_pixels_are_seen_through_any_network(body, order):
    x, seen = reached(hidden.normalised, body, order)
    assert seen.is_like(hidden.normalised(x))


def test_constants_of_three_digits_will_do():
    mean, deviation = torch.tensor([0.507, 0.487, 0.441]), torch.tensor([0.201, 0.199, 0.203])
    x, seen = reached(lambda x: (x / 255 - mean) / deviation, BODIES["plain"])
    assert seen.is_like(hidden.normalised(x))


def test_weights_kept_at_a_norm_are_seen_through():
    x, seen = reached(hidden.normalised, BODIES["weight norm"])
    assert seen.is_like(hidden.normalised(x))
    _, other = reached(lambda x: x / 255, BODIES["weight norm"])
    assert not other.is_like(hidden.normalised(x))


def test_a_dropout_that_never_rests_is_no_wrong_normalisation():
    body = lambda h, c: nn.Sequential(Always(), nn.Linear(3072, h), nn.ReLU(), nn.Linear(h, c))  # noqa: E731
    x, seen = reached(hidden.normalised, body)
    assert seen.is_like(hidden.normalised(x))
    _, other = reached(lambda x: x / 255, body)
    assert not other.is_like(hidden.normalised(x))


class Always(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.3)


@pytest.mark.parametrize("name", hidden.WAYS)
@pytest.mark.parametrize("seed", range(2))
def test_pixels_prepared_in_another_way_are_told_apart(name, seed):
    way = hidden.WAYS[name][0]
    x, seen = reached(lambda x: way(x.double()), BODIES["plain"], seed=seed)
    assert not seen.is_like(hidden.normalised(x))
    assert hidden.way_of(seen, x) == (name, hidden.WAYS[name][1])


def test_columns_may_stand_in_the_order_of_classes_or_sorted():
    labels = torch.tensor([5, 60, 25, 60, 5, 25, 25])
    part = type("Part", (), {"images": labels[:, None, None, None].expand(-1, 32, 32, 3), "labels": labels})()

    def told_by(order):
        def model(x):
            return torch.eye(3)[[order.index(int(v)) if v in order else 0 for v in x[:, 0, 0, 0]]]

        return public.measured(NamespaceExaminee({"CLASSES": [60, 5, 25], "model": Model(model)}), part)[0]

    assert told_by([60, 5, 25]) == told_by([5, 25, 60]) == 1.0
    assert told_by([25, 5, 60]) < 0.6


@pytest.mark.parametrize("share", [0.60, 0.64, 0.67, 0.70])
def test_who_reaches_a_band_to_the_image_has_it(share):
    for test in range(150):
        kept = round(300 * share) - test
        if 0 <= kept <= 150:
            parts = [torch.cat([torch.ones(n), -torch.ones(150 - n)]) for n in (test, kept)]
            assert hidden.Both(parts).pooled >= share


class Model(nn.Module):
    def __init__(self, work):
        super().__init__()
        self.work = work

    def forward(self, x):
        return self.work(x)


@pytest.mark.parametrize("classes", [[0, 0, 1], [1, 2], [1, 2, 100], ["1", "2", "3"], None, 7, [1.5, 2, 3], "abc"])
def test_what_is_no_three_classes_is_refused_in_words(classes):
    with pytest.raises(AssertionError, match="three different whole numbers"):
        public.classes_told(NamespaceExaminee({"CLASSES": classes}))


@pytest.mark.parametrize("path", WRONG, ids=lambda p: p.stem)
def test_hints_are_short(path):
    assert len(header(path).get("hint", "")) <= 240


def report_of(**names):
    return public.overfitting(Named(names))


class Named(NamespaceExaminee):
    """Says as a room does that a name is missing."""

    def value(self, name):
        if name not in self.namespace:
            raise Missing(name)
        return super().value(name)


def curve(n=40, least=12):
    return [1.0 + 0.01 * abs(epoch - least) for epoch in range(n)]


HISTORIES = {
    "a list": {"test_losses": curve()},
    "the course's list of means and quartiles": {
        "losses_val": [(np.array([v, 70.0]), np.array([v, 60.0]), np.array([v, 80.0])) for v in curve()]
    },
    "a tensor": {"val_loss": torch.tensor(curve())},
    "a dict of lists": {"history": {"train_loss": curve(least=39), "test_loss": curve()}},
    "a dict for each epoch": {"history": [{"epoch": i, "val_loss": v} for i, v in enumerate(curve())]},
    "accuracies": {"test_accs": [1.6 - v for v in curve()]},
    "accuracies in a dict": {"hist": {"val_acc": [1.6 - v for v in curve()]}},
}


@pytest.mark.parametrize("names", HISTORIES.values(), ids=HISTORIES)
def test_the_point_of_overfitting_is_found_in_the_usual_histories(names):
    assert "is best in epoch 13 of 40" in report_of(**names)
    assert "learns by heart" in report_of(**names)


@pytest.mark.parametrize(
    "names", [{}, {"test_loss": 0.7}, {"history": curve()}, {"test_losses": ["a"] * 9}, {"log": {}}]
)
def test_what_is_no_history_is_not_taken_for_one(names):
    assert "No history of the test loss was found" in report_of(**names)


def test_a_loss_that_falls_to_the_end_does_not_overfit():
    assert "no sign of overfitting" in report_of(test_losses=curve(least=39))


def row(**more):
    known = {"config": "FC(10), FC(3)", "lr": 0.1, "batch_size": 50, "epochs": 3, "train": 1.0, "test": 0.7}
    return hidden.Row({**known, "comment": "", **more})


def test_rows_are_trained_again_as_they_say():
    assert row(hidden=[10]).possible
    assert row(hidden=torch.tensor([10, 5])).hidden == [10, 5]
    assert row(hidden=10).hidden == [10]
    weights = [nn.Parameter(torch.zeros(1))]
    assert isinstance(row(hidden=[10], comment="Adam").optimizer(weights), torch.optim.Adam)
    assert row(hidden=[10], momentum=0.9).optimizer(weights).defaults["momentum"] == 0.9
    assert row(hidden=[10], weight_decay=0.01).optimizer(weights).defaults["weight_decay"] == 0.01
    assert row(hidden=[10], comment="tanh").activation is nn.Tanh


@pytest.mark.parametrize(
    "more",
    [{}, {"hidden": []}, {"hidden": [10] * 5}, {"hidden": [9999]}, {"hidden": "10"},
     {"hidden": [10], "epochs": 10**6}, {"hidden": [10], "comment": "with dropout"},
     {"hidden": [10], "comment": "с моментом 0.9"},
     {"hidden": [10], "lr": -1}, {"hidden": [10], "batch_size": 0}],
)  # fmt: skip
def test_rows_that_cannot_be_trained_again_are_left_alone(more):
    assert not row(**more).possible


# --- what a report shows ---------------------------------------------------------------------------------------


def test_test_losses_stand_beside_the_courses_where_the_images_are_drawn():
    told = InProcess(test_losses=[1.1, 0.9, 0.8, 0.75, 0.7], test_accs=[0.4, 0.5, 0.6, 0.6, 0.7])
    losses, shares = public.own_curves(told, standin=True)
    assert (
        losses.rows[1][0] == "test_losses" and losses.rows[2][0] == "the course's own" and "drawn" in losses.note
    )
    assert shares.rows[1][0] == "test_accs" and shares.note == losses.note
    (losses, _) = public.own_curves(told, standin=False)
    assert losses.note == "" and len(losses.rows) == 2
    assert public.own_curves(InProcess(), standin=True) == []


class InProcess:
    """Reads globals of ``names``."""

    def __init__(self, **names):
        self.names = names

    def value(self, name):
        if name in self.names:
            return self.names[name]
        raise Missing(f"`{name}` is not defined")


def test_a_model_that_fails_shows_its_matrix_and_images_of_its_own_classes():
    part = SimpleNamespace(images=torch.arange(5)[:, None].repeat(1, 2), labels=torch.tensor([9, 3, 4, 5, 3]))
    assert public.chosen(part, [3, 5]).tolist() == [[1, 1], [3, 3], [4, 4]]


def test_hidden_criteria_show_nothing():
    assert "exhibit" not in (SPEC.graders / "test_hidden.py").read_text(encoding="utf-8")
