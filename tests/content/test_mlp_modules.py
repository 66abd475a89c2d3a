"""mlp_modules: the examiner's own networks are told apart, and what is wrong is named.

That every answer beside the graders loses what it must is tried in real rooms by ``torchgrade ci mlp_modules``.
"""

from __future__ import annotations

import itertools
import json

import pytest
import torch
from networks_here import judge, run, solution_of
from quick import ROOT, header, listed, load

from torchgrade.grading.reference import LocalHandle
from torchgrade.notebook import derive_handout, dump
from torchgrade.spec import check_graders, load_assignment
from torchgrade.testing import agree, draw_weights, load_into, weights_of

SPEC = load_assignment(ROOT, "mlp_modules")
WRONG = sorted((SPEC.graders / "answers" / "wrong").glob("*.py"))
public = load(SPEC.graders / "test_public.py", "mlp_modules.test_public")
hidden = load(SPEC.graders / "test_hidden.py", "mlp_modules.test_hidden")
IDS = {c.id for c in SPEC.criteria}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Many small questions: a second thread would only be waited for."""
    kept = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(kept)


def test_the_graders_fit_the_rubric():
    check_graders(SPEC)
    assert SPEC.max_points == 10
    for path in WRONG:
        assert listed(header(path)["loses"]) <= IDS, path


def test_the_handout_is_derived_and_holds_no_answer():
    solution = json.loads(SPEC.solution.read_text(encoding="utf-8"))
    handout = SPEC.handout.read_text(encoding="utf-8")
    assert handout == dump(derive_handout(solution, SPEC.solution))
    for secret in ("nn.Linear", "dim=1", "normal_", "nn.ReLU"):
        assert secret not in handout


@pytest.mark.parametrize("asked", [hidden.MLP, hidden.TWO, hidden.THREE])
def test_no_mistake_is_taken_for_right_or_for_another(asked):
    """With the same weights no two networks give the same numbers."""
    wide = asked.keywords["sizes"][0]
    x = torch.cat(hidden.questions(torch.Generator().manual_seed(5), wide))
    handle = LocalHandle(asked())
    draw_weights(handle, torch.Generator().manual_seed(0))
    state, told = weights_of(handle), []
    for name, build in (("right", asked), *((m.name, m.build) for m in hidden.MISTAKES[wide])):
        with torch.no_grad():
            told.append((name, load_into(build(), state).eval()(x)))
    assert len(told) > 15
    assert [(a, b) for (a, p), (b, q) in itertools.combinations(told, 2) if agree(p, q)] == []


NETWORK = """
import torch
from torch import nn
import torch.nn.functional as F


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(784, 128), nn.Linear(128, 64), nn.Linear(64, 10)

    def forward(self, x):
        {body}


model = Network()
with torch.no_grad():
    for layer in (model.a, model.b, model.c):
        layer.bias.zero_()
        layer.weight.copy_({draw})
"""
VALUES = {"probabilities", "same-network"}
CLASS = {"network-size", "probabilities", "same-network"}
RIGHT = "return F.softmax(self.c(F.relu(self.b(F.relu(self.a(x))))), 1)"
DRAWN = "torch.randn_like(layer.weight) * 0.01"


def judged(body=RIGHT, draw=DRAWN, only=CLASS, seed=0):
    return judge(SPEC, (public, hidden), run(NETWORK.format(body=body, draw=draw)), only, seed=seed)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "body",
    [
        RIGHT,
        "return (self.c(self.b(self.a(x.view(-1, 784)).relu()).relu())).softmax(-1)",
        "x = self.b(self.a(x).clamp_min(0)); x = x * (x > 0); return nn.Softmax(dim=1)(self.c(x))",
        "p = self.c(F.relu(self.b(F.relu(self.a(x))))).exp(); return p / p.sum(1)[:, None]",
    ],
)
def test_right_ways_lose_nothing(body, seed):
    found = judged(body, seed=seed)
    assert found.lost == set(), found.results


@pytest.mark.parametrize(
    ("body", "lost", "said", "hint"),
    [
        ("F.softmax(self.c(F.relu(self.b(F.relu(self.a(x))))), 1)", CLASS, "None", public.NO_RETURN),
        ("return F.softmax(self.c(F.relu(self.b(F.relu(self.a)))), 1)", CLASS, "not Linear", public.LAYER),
        ("return torch.softmax(self.c, 1)", CLASS, "not Linear", public.LAYER),
        ("return self.c.softmax(1)", CLASS, "Linear", public.LAYER),
        ("return self.c", CLASS, "type Linear", public.LAYER),
        ("return F.softmax(self.b(F.relu(self.a(x))), 1)", CLASS, "(4, 64), not (4, 10)", public.HIDDEN_LAYER),
        ("return F.softmax(self.c(F.relu(self.a(x))), 1)", CLASS, "mat1 and mat2", public.CHAIN),
        ("return self.c(F.relu(self.b(F.relu(self.a(x)))))", VALUES, "", public.NO_SOFTMAX),
        ("return F.softmax(self.c(F.relu(self.b(F.relu(self.a(x))))), 0)", VALUES, "", public.OVER_BATCH),
        ("return F.softmax(self.c(self.b(F.dropout(self.a(x)))), 1)", VALUES, "", public.CHANCE),
    ],
)  # fmt: skip
def test_the_mistakes_of_real_hand_ins_are_named(body, lost, said, hint):
    found = judged(body)
    assert found.lost == lost
    assert hint in found.hints.values()
    assert any(said in str(found.results[criterion]) for criterion in lost)


@pytest.mark.parametrize("kind", ["F.leaky_relu", "F.gelu", "F.elu", "torch.sigmoid", "torch.tanh", "F.relu6"])
@pytest.mark.parametrize("place", [1, 2])
def test_another_activation_is_named_wherever_it_stands(kind, place):
    first, second = (kind if place == n else "F.relu" for n in (1, 2))
    found = judged(f"return F.softmax(self.c({second}(self.b({first}(self.a(x))))), 1)")
    assert found.lost == {"same-network"}
    assert f"behind linear layer {place}" in str(found.results["same-network"])


@pytest.mark.parametrize("seed", range(20))
def test_normal_draws_are_normal(seed):
    torch.manual_seed(seed)
    space = run("import torch")
    space["model"] = module = hidden.MLP()
    torch.manual_seed(seed)
    for layer in module.layers:
        torch.nn.init.zeros_(layer.bias)
        torch.nn.init.normal_(layer.weight, 0, 0.01)
    found = judge(SPEC, (public,), space, {"initial-weights"})
    assert found.lost == set(), found.results


@pytest.mark.parametrize(
    ("draw", "hint"),
    [
        ("torch.randn_like(layer.weight) * 0.1", public.VARIANCE),
        ("torch.rand_like(layer.weight) * 0.01", public.NORMAL),
        ("(torch.rand_like(layer.weight) - 0.5) * 0.01 * 12**0.5", public.UNIFORM),
        ("torch.randn_like(layer.weight) * 0.01 + 0.01", public.MEAN),
        ("torch.randn_like(layer.weight)", public.ONE_ARGUMENT),
        ("torch.randn_like(layer.weight[:1]).expand_as(layer.weight) * 0.01", public.NORMAL),
        ("torch.randn_like(layer.weight).sign() * 0.01", public.UNIFORM),
        ("torch.zeros_like(layer.weight)", public.NORMAL),
        ("layer.weight * 0 + torch.randn(()) * 0.01", public.NORMAL),
    ],
)
def test_other_draws_are_told(draw, hint):
    found = judged(draw=draw, only={"initial-weights"})
    assert found.lost == {"initial-weights"}
    assert found.hints["initial-weights"] == hint


@pytest.mark.parametrize(("right", "share"), [(("a",), 0.25), (("a", "c"), 0.5)])
def test_each_layer_that_begins_as_asked_counts(right, share):
    space = run(NETWORK.format(body=RIGHT, draw=DRAWN))
    for name in {"a", "b", "c"} - set(right):
        getattr(space["model"], name).reset_parameters()
    found = judge(SPEC, (public,), space, {"initial-weights"})
    assert found.shares == {"initial-weights": share}
    assert found.hints["initial-weights"] == public.FILL


def test_asking_leaves_the_weights_of_the_notebook_as_they_were():
    space = solution_of(SPEC)
    before = {k: v.clone() for k, v in space["sequential"].state_dict().items()}
    found = judge(SPEC, (public, hidden), space)
    assert found.lost == set(), found.results
    after = space["sequential"].state_dict()
    assert all(torch.equal(before[k], after[k].float()) for k in before)
    assert {e.kind for e in found.exhibits} == {"layers"}


@pytest.mark.parametrize("path", WRONG, ids=lambda p: p.stem)
def test_hints_are_short_and_do_not_write_the_answer(path):
    hint = header(path).get("hint", "")
    assert len(hint) <= 240
    for answer in ("dim=1", "nn.Linear(", "std=0.01", "F.softmax(self"):
        assert answer not in hint


def test_hidden_criteria_show_nothing():
    assert "exhibit" not in (SPEC.graders / "test_hidden.py").read_text(encoding="utf-8")
