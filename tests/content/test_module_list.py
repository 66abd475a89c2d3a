"""module_list: what PyTorch does not find is named, and the examiner's own networks and loops are told apart.

That every answer beside the graders loses what it must is tried in real rooms by ``torchgrade ci module_list``.
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

SPEC = load_assignment(ROOT, "module_list")
WRONG = sorted((SPEC.graders / "answers" / "wrong").glob("*.py"))
public = load(SPEC.graders / "test_public.py", "module_list.test_public")
hidden = load(SPEC.graders / "test_hidden.py", "module_list.test_hidden")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Many small steps: a second thread would only be waited for."""
    kept = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(kept)


def test_the_graders_fit_the_rubric():
    check_graders(SPEC)
    assert SPEC.max_points == 10
    for path in WRONG:
        assert listed(header(path)["loses"]) <= {c.id for c in SPEC.criteria}, path


def test_the_handout_is_derived_and_holds_no_answer():
    solution = json.loads(SPEC.solution.read_text(encoding="utf-8"))
    handout = SPEC.handout.read_text(encoding="utf-8")
    assert handout == dump(derive_handout(solution, SPEC.solution))
    for secret in ("nn.ModuleList(", "nn.Parameter(", "optim.Adam", "zero_grad", "numel"):
        assert secret not in handout


@pytest.mark.parametrize("sizes", [hidden.COURSE, *hidden.OTHERS])
def test_no_mistake_is_taken_for_right_or_for_another(sizes):
    """With the same weights no two networks give the same numbers."""
    rng = torch.Generator().manual_seed(5)
    x = torch.cat(hidden.questions(rng, sizes[0]))
    handle, told = LocalHandle(hidden.Variant(sizes)), []
    draw_weights(handle, rng)
    for name, build in (("right", handle.target.__class__), *((m.name, m.build) for m in hidden.mistakes(sizes))):
        module = build(sizes) if name == "right" else build()
        with torch.no_grad():
            told.append((name, load_into(module, weights_of(handle)).eval()(x)))
    assert len(told) > 6
    assert [(a, b) for (a, p), (b, q) in itertools.combinations(told, 2) if agree(p, q)] == []


def test_no_two_layers_of_an_asked_net_can_be_mistaken_for_each_other():
    """Else weights kept as (n_in, n_out) could not be told from those kept as (n_out, n_in)."""
    for sizes in (hidden.COURSE, *hidden.OTHERS):
        shapes = [frozenset(pair) for pair in itertools.pairwise(sizes)]
        assert all(len(shape) == 2 for shape in shapes)
        assert len(set(shapes)) == len(shapes)


@pytest.mark.parametrize("seed", range(3))
def test_every_wrong_loop_ends_elsewhere(seed):
    rng = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    x, y = torch.randn(12, 2, generator=rng), torch.arange(12) % 3
    module = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    state = {k: v.clone() for k, v in module.state_dict().items()}
    start, right = hidden.flat_weights(state), hidden.right_loop.path(state, x, y, hidden.EPOCHS)
    order = torch.randperm(12)
    other_order = hidden.right_loop.path(state, x[order], y[order], hidden.EPOCHS)
    assert hidden.off_course(other_order, right, start) < 1e-3
    for loop in hidden.other_loops():
        end = loop.path(state, x, y, hidden.EPOCHS)
        assert not hidden.off_course(end, right, start) <= 2 * hidden.STEPS_AGREE, loop.name


COURSE = """
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = {layers}

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = F.relu(layer(x))
        return last(x)


class Affine(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        {affine}

    def forward(self, x):
        return {out}
"""
LAYERS = "nn.ModuleList([nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])"
AFFINE = "self.w, self.b = nn.Parameter(torch.randn(n_in, n_out)), nn.Parameter(torch.randn(n_out))"
OUT = "x @ self.w + self.b"
NET, LAYER = {"net-size", "any-sizes"}, {"affine-values", "affine-any-sizes"}


def judged(layers=LAYERS, affine=AFFINE, out=OUT, only=NET | LAYER, seed=0):
    return judge(
        SPEC, (public, hidden), run(COURSE.format(layers=layers, affine=affine, out=out)), only, seed=seed
    )


@pytest.mark.parametrize(
    "layers",
    [
        LAYERS,
        "nn.Sequential(*[nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])",
        "nn.ModuleList(nn.Linear(sizes[n], sizes[n + 1]) for n in range(len(sizes) - 1))",
        "nn.ModuleList([Affine(a, b) for a, b in zip(sizes, sizes[1:])])",
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_what_pytorch_finds_is_right(layers, seed):
    found = judged(layers=layers, seed=seed)
    assert found.lost == set(), found.results


RAND, ZEROS = "nn.Parameter(torch.rand({shape}))", "nn.Parameter(torch.zeros({shape}))"


def parameters(weight, bias):
    return f"self.w, self.b = {RAND.format(shape=weight)}, {ZEROS.format(shape=bias)}"


@pytest.mark.parametrize(
    ("affine", "out"),
    [
        (parameters("n_out, n_in", "n_out"), "F.linear(x, self.w, self.b)"),
        (parameters("n_in, n_out", "1, n_out"), "x.mm(self.w) + self.b"),
        ("self.p = nn.ParameterList([torch.rand(n_in, n_out), torch.zeros(n_out)])", "x @ self.p[0] + self.p[1]"),
        ("self.p = nn.Linear(n_in, n_out)", "self.p(x)"),  # not what is meant, and not to be told from it
    ],
)
def test_an_affine_layer_may_keep_its_parameters_in_many_ways(affine, out):
    found = judged(affine=affine, out=out, only=LAYER)
    assert found.lost == set(), found.results


@pytest.mark.parametrize(
    "layers",
    [
        "[nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]",
        "tuple(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))",
        "[nn.ModuleList([nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])][0:1][0]._modules.values()",
    ],
)
def test_a_plain_list_is_named(layers):
    found = judged(layers=layers, only=NET)
    assert found.lost == NET
    assert found.hints["net-size"] == public.HIDDEN
    assert "in a plain list PyTorch does not find them" in str(found.results["net-size"])


@pytest.mark.parametrize(
    "affine",
    [
        "self.w, self.b = torch.randn(n_in, n_out, requires_grad=True), torch.zeros(n_out, requires_grad=True)",
        "self.w, self.b = nn.Parameter(torch.randn(n_in, n_out)) * 0.1, nn.Parameter(torch.zeros(n_out))",
        "self.w, self.b = nn.Parameter(torch.randn(n_in, n_out)), 0",
        "self.register_buffer('w', torch.randn(n_in, n_out)); self.b = nn.Parameter(torch.zeros(n_out))",
    ],
)
def test_what_is_no_parameter_is_named(affine):
    found = judged(affine=affine, only=LAYER)
    assert found.lost == LAYER, found.results
    assert found.hints["affine-values"] == public.PARAMETER


def test_a_model_is_shown_with_what_it_says_where():
    space = solution_of(SPEC)
    torch.manual_seed(3)
    space["model"] = space["Net"]([2, 100, 3])
    before = judge(SPEC, (public, hidden), space, {"spiral-accuracy", "fresh-points"})
    assert before.lost == {"spiral-accuracy", "fresh-points"}
    assert before.hints == {"spiral-accuracy": public.LEARN, "fresh-points": hidden.LEARN}
    space["train"](space["model"], *space["spiral"](100), 100)
    after = judge(SPEC, (public, hidden), space)
    assert after.lost == set(), after.results
    assert {e.kind for e in after.exhibits} == {"layers", "curves", "surface"}


BY_RULE = """
import torch
from torch import nn


class ByRule(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 100), nn.ReLU(), nn.Linear(100, 3))

    def forward(self, x):
        radius, turn = x.norm(dim=1), torch.atan2(x[:, 0], x[:, 1])
        arms = torch.stack([4 * k + 4 * radius for k in range(3)], dim=1)
        return torch.cos(arms - turn[:, None]) * 9 + 0 * self.net(x)


model = ByRule()
"""


def test_a_rule_written_by_hand_is_no_trained_network():
    found = judge(SPEC, (public, hidden), run(BY_RULE), {"spiral-accuracy", "fresh-points"})
    assert found.lost == {"fresh-points"}, found.results
    assert found.hints["fresh-points"] == hidden.INSTANCE


def test_the_points_of_the_examiner_are_those_of_the_notebook():
    space = solution_of(SPEC)
    torch.manual_seed(4)
    theirs = space["spiral"](50)
    for module in (public, hidden):
        ours = module.spiral(torch.Generator().manual_seed(4), 50)
        assert all(torch.allclose(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("path", WRONG, ids=lambda p: p.stem)
def test_hints_are_short_and_do_not_write_the_answer(path):
    hint = header(path).get("hint", "")
    assert len(hint) <= 240
    for answer in ("nn.Linear(", "nn.ModuleList(", "optimizer = ", "lr=0.1"):
        assert answer not in hint


def test_hidden_criteria_show_nothing():
    assert "exhibit" not in (SPEC.graders / "test_hidden.py").read_text(encoding="utf-8")
