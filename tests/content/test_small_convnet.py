"""small_convnet: the three networks of the tables are told from all others, whatever their layers are called.

That every answer beside the graders loses what it must is tried in real rooms by ``torchgrade ci small_convnet``.
"""

from __future__ import annotations

import json

import pytest
import torch
from quick import ROOT, header, listed, load
from torch import nn

from torchgrade.grading.reference import LocalHandle, NamespaceExaminee
from torchgrade.notebook import derive_handout, dump
from torchgrade.spec import check_graders, load_assignment
from torchgrade.testing import ComparisonFailure, agree, assert_same_network, draw_weights, load_into, weights_of

SPEC = load_assignment(ROOT, "small_convnet")
HIDDEN = load(SPEC.graders / "test_hidden.py")
PUBLIC = load(SPEC.graders / "test_public.py")
SHAPES = {"conv": (3, 19, 19), "joined": (3, 19, 19), "mnist": (1, 28, 28)}
SIZES = {"conv": 632, "joined": 18_188, "mnist": 44_426}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def inputs(kind, seed=0):
    """What the hidden criteria ask, drawn anew."""
    rng = generator(seed)
    x = [torch.randn(n, *SHAPES[kind], generator=rng) * scale for n, scale in ((6, 1), (2, 10))]
    return [*x, 2 * torch.rand(3, *SHAPES[kind], generator=rng)]


def judge(module, kind, seed=0):
    """The hint for a module that is taken for the network of this kind; empty where it is it."""
    hints = []
    try:
        assert_same_network(
            LocalHandle(module),
            HIDDEN.right(kind),
            inputs(kind, seed),
            rng=generator(seed),
            mistakes=HIDDEN.mistakes(kind),
            hint=hints.append,
        )
    except ComparisonFailure:
        return hints[0] if hints else "unknown"
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
    for secret in ("MaxPool2d", "Conv2d", "Softmax", "fc3"):
        assert secret not in handout


@pytest.mark.parametrize("kind", SIZES)
def test_the_network_of_the_table_has_the_course_s_number_of_parameters(kind):
    assert sum(p.numel() for p in HIDDEN.Net(kind).parameters()) == SIZES[kind]


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("seed", range(3))
def test_the_network_of_the_table_is_right(kind, seed):
    assert judge(HIDDEN.Net(kind), kind, seed) == ""


@pytest.mark.parametrize("kind", ["joined", "mnist"])
def test_the_order_of_the_features_and_of_the_layers_is_free(kind):
    assert judge(HIDDEN.Net(kind, order=(1, 2, 0)), kind) == ""
    assert judge(HIDDEN.Net(kind, order=(1, 2, 0), head_first=True), kind) == ""


@pytest.mark.parametrize("kind", SIZES)
def test_a_known_mistake_is_another_network_and_gets_a_hint(kind):
    for mistake in HIDDEN.mistakes(kind)[::12]:
        assert judge(mistake.build(), kind) not in ("", "unknown"), mistake.name


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("seed", range(2))
def test_no_known_mistake_is_taken_for_another_with_another_hint(kind, seed):
    x = inputs(kind, seed)
    known = HIDDEN.mistakes(kind)
    handle = LocalHandle(HIDDEN.Net(kind))
    draw_weights(handle, generator(seed))
    state = weights_of(handle)
    answers = [[load_into(m.build(), state).eval()(v).detach() for v in x] for m in known]
    for i, one in enumerate(answers):
        for j, other in enumerate(answers[:i]):
            alike = all(agree(a, b) for a, b in zip(one, other, strict=True))
            assert not alike or known[i].hint == known[j].hint, (known[i].name, known[j].name)


def conv(*extra, act=nn.ReLU, pool=nn.MaxPool2d):
    return nn.Sequential(nn.Conv2d(3, 8, 2), act(), pool(2), nn.Conv2d(8, 16, 2), act(), pool(2), *extra)


@pytest.mark.parametrize(
    ("module", "hint"),
    [
        (conv(act=nn.Identity), HIDDEN.NO_ACT),
        (conv(act=nn.ReLU6), HIDDEN.OTHER),
        (conv(act=nn.Softplus), HIDDEN.OTHER),
        (conv(pool=nn.AvgPool2d), HIDDEN.POOL),
        (conv(nn.ReLU()), ""),
        (conv(nn.Identity()), ""),
    ],
)
def test_what_a_student_may_write_gets_its_hint(module, hint):
    assert judge(module, "conv") == hint


def asked(criterion, **space):
    """The hint that a public criterion gives for these globals; empty where it is passed."""
    hints = []
    test = next(t for t in vars(PUBLIC).values() for m in getattr(t, "pytestmark", []) if m.args[0] == criterion)
    fixtures = {"submission": NamespaceExaminee(space), "rng": generator(), "hint": hints.append}
    if criterion.endswith("size"):
        fixtures = {**fixtures, "exhibit": lambda draw: draw()}
        del fixtures["rng"]
    try:
        test(**fixtures)
    except ComparisonFailure:
        return hints[0]
    return ""


def test_an_instance_stands_for_the_class():
    assert asked("mnist-size", SimpleConvNet=HIDDEN.Net("mnist")) == ""


def test_a_number_of_parameters_that_is_known_is_explained():
    wide = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.MaxPool2d(2)
    )
    assert asked("conv-size", conv_net=wide) == PUBLIC.SIZES[1_392]
    assert asked("conv-features", conv_net=conv(act=nn.Sigmoid)) == PUBLIC.OTHER_ACT
    assert asked("conv-features", conv_net=conv(act=nn.Tanh)) == PUBLIC.NO_RELU
