"""cifar100_mlp: what reaches the first layer is read off the gradients, whatever stands behind it.

That every answer beside the graders loses what it must is tried in real rooms by ``torchgrade ci cifar100_mlp``.
"""

from __future__ import annotations

import json

import pytest
import torch
from quick import ROOT, header, listed, load
from torch import nn

from torchgrade.grading.reference import NamespaceExaminee
from torchgrade.model import VariantRule
from torchgrade.notebook import derive_handout, dump
from torchgrade.spec import check_graders, classes_of, load_assignment, load_course

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
    "dropout first": lambda h, c: nn.Sequential(nn.Dropout(0.3), nn.Linear(3072, h), nn.ELU(), nn.Linear(h, c)),
}


def reached(way, body, order=(1, 2, 3), seed=0):
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    submission = NamespaceExaminee({"Cifar100_MLP": lambda h, c: Seen(way, body(h, c), order)})
    x = hidden.images(rng)
    return x, *hidden.first_input(submission, x, rng)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 1, 3)])
def test_normalised_pixels_are_seen_through_any_network(body, order):
    x, seen, exact = reached(hidden.normalised, body, order)
    assert hidden.seen_as(seen, hidden.normalised(x), exact)


@pytest.mark.parametrize("name", hidden.WAYS)
@pytest.mark.parametrize("seed", range(2))
def test_pixels_prepared_in_another_way_are_told_apart(name, seed):
    way = hidden.WAYS[name][0]
    x, seen, exact = reached(lambda x: way(x.double()), BODIES["plain"], seed=seed)
    assert not hidden.seen_as(seen, hidden.normalised(x), exact)
    fits = [other for other, (w, _) in hidden.WAYS.items() if hidden.seen_as(seen, w(x.double()), exact)]
    assert fits == [name]


def test_columns_may_stand_in_the_order_of_classes_or_sorted():
    labels = torch.tensor([5, 60, 25, 60, 5, 25, 25])
    part = type("Part", (), {"images": labels[:, None, None, None].expand(-1, 32, 32, 3), "labels": labels})()

    def told_by(order):
        def model(x):
            return torch.eye(3)[[order.index(int(v)) for v in x[:, 0, 0, 0]]]

        return public.measured(NamespaceExaminee({"CLASSES": [60, 5, 25], "model": Model(model)}), part)[0]

    assert told_by([60, 5, 25]) == told_by([5, 25, 60]) == 1.0
    assert told_by([25, 5, 60]) < 0.6


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
