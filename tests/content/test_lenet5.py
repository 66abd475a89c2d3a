"""lenet5: the examiner's own networks and loops are told apart, and a training without end keeps what it learned.

That every answer beside the graders loses what it must is tried in real rooms by ``torchgrade ci lenet5``.
"""

from __future__ import annotations

import itertools
import json
import shutil
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from quick import ROOT, header, listed, load
from torch import nn

from torchgrade.grading import warm
from torchgrade.grading.answers import read_trusted
from torchgrade.grading.reference import LocalHandle, NamespaceExaminee, load_namespace
from torchgrade.model import Outcome, Status
from torchgrade.notebook import derive_handout, dump, from_percent
from torchgrade.pipeline import datasets
from torchgrade.spec import check_graders, load_assignment, load_course
from torchgrade.testing import Missing, agree, draw_weights, load_into, recognise, weights_of

SPEC = load_assignment(ROOT, "lenet5")
WRONG = sorted((SPEC.graders / "answers" / "wrong").glob("*.py"))
hidden = load(SPEC.graders / "test_hidden.py")
public = load(SPEC.graders / "test_public.py")


@pytest.fixture(scope="module")
def reference():
    notebook = read_trusted(SPEC.solution)
    return NamespaceExaminee(load_namespace(notebook, SPEC.solution.name), notebook)


def drawn(module, seed=0):
    handle = LocalHandle(module.eval())
    draw_weights(handle, torch.Generator().manual_seed(seed))
    return handle


X = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(5))


def test_the_graders_fit_the_rubric():
    check_graders(SPEC)
    assert SPEC.max_points == 12
    for path in WRONG:
        assert listed(header(path)["loses"]) <= {c.id for c in SPEC.criteria}, path


def test_the_handout_is_derived_and_holds_no_answer():
    solution = json.loads(SPEC.solution.read_text(encoding="utf-8"))
    handout = SPEC.handout.read_text(encoding="utf-8")
    assert handout == dump(derive_handout(solution, SPEC.solution))
    for secret in ("AvgPool2d", "optim.Adam", "zero_grad", "fc3"):
        assert secret not in handout


def test_the_variant_without_a_change_is_the_solution(reference):
    handle = drawn(hidden.Variant())
    found = recognise(handle, weights_of(handle), hidden.right(reference), [X])
    assert found is not None
    assert found.name == "LeNet-5"
    assert sum(p.numel() for p in hidden.Variant().parameters()) == public.PARAMETERS


def test_no_mistake_is_taken_for_right_or_for_another(reference):
    """With the same weights no two networks give the same numbers."""
    drawn_of, told = {}, {}
    for network in [*hidden.right(reference), *hidden.MISTAKES]:
        module = network.build()
        layout = tuple(t.shape for t in module.state_dict().values())
        state = drawn_of.setdefault(layout, weights_of(drawn(module)))
        with torch.no_grad():
            told.setdefault(layout, []).append((network.name, load_into(module, state).eval()(X)))
    for outputs in told.values():
        alike = [(a, b) for (a, x), (b, y) in itertools.combinations(outputs, 2) if agree(x, y)]
        assert alike == []


@pytest.mark.parametrize("scale", [(0, 255), (127.5, 127.5), (33.3184, 78.5675), (0, 256), (0.1307, 0.3081)])
def test_a_scaling_of_the_pixels_inside_is_found_out(scale):
    handle = drawn(hidden.Variant(scale=scale))
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(1)) * 255
    (found,) = hidden.scaled_inside(handle, x, torch.Generator().manual_seed(2))
    # Gradients are compared in float64, to a millionth.
    assert found.build.keywords["scale"] == pytest.approx(scale, rel=1e-7, abs=1e-6)
    handle.target.float()
    assert recognise(handle, weights_of(handle), [found], [X]) is found


@pytest.mark.parametrize("other", [{}, {"acts": ("relu",) * 4}, {"pools": ("max", "max"), "scale": (0, 255)}])
def test_what_is_not_lenet_behind_a_scaling_is_not_taken_for_it(other):
    handle = drawn(hidden.Variant(**other))
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(1)) * 255
    found = hidden.scaled_inside(handle, x, torch.Generator().manual_seed(2))
    handle.target.float()
    assert not found or recognise(handle, weights_of(handle), found, [X]) is None


@pytest.mark.parametrize("path", WRONG, ids=lambda p: p.stem)
def test_hints_are_short_and_do_not_write_the_answer(path):
    hint = header(path).get("hint", "")
    assert len(hint) <= 240
    assert "nn.AvgPool2d(2)" not in hint
    assert "optimizer = " not in hint


def little():
    normed = nn.LayerNorm(784, elementwise_affine=False)
    return nn.Sequential(nn.Flatten(), normed, nn.Linear(784, 16), nn.Tanh(), nn.Linear(16, 10))


@pytest.mark.parametrize("seed", range(3))
def test_every_wrong_loop_ends_elsewhere(seed):
    rng = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    x, y = hidden.patterns(rng, 8)
    state = {k: v.clone() for k, v in little().state_dict().items()}
    start = hidden.flat_weights(state)
    *_, right = hidden.right_loop.path(state, x, y, 8)
    shuffled = torch.randperm(8)
    *_, other_order = hidden.right_loop.path(state, x[shuffled], y[shuffled], 8)
    assert hidden.near(other_order, right, start)
    for loop in hidden.other_loops():
        *_, end = loop.path(state, x, y, 8)
        assert not hidden.near(end, right, start), loop.name


def diary_of(copies, size, seed, loss=nn.functional.cross_entropy, seen=lambda x: x):
    """(state before, image, slopes of the batches, weights after) of an honest epoch over copies of one image."""
    rng = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    x, labels = hidden.patterns(rng, 1)[0], torch.randint(10, (copies,), generator=rng)
    before = {k: v.clone() for k, v in little().state_dict().items()}
    model, slopes = hidden.little_module(before), []
    model[4].bias.register_hook(lambda slope: slopes.append(slope.clone()))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for part in torch.randperm(copies).split(size):
        optimizer.zero_grad()
        loss(model(seen(x).repeat(len(part), 1, 1, 1)), labels[part]).backward()
        optimizer.step()
    return before, x, slopes, hidden.flat_weights(model.state_dict())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("copies", "size"), [(40, 1), (40, 4), (40, 7), (600, 20), (600, 100), (2400, 512)])
def test_the_way_of_an_honest_epoch_is_gone_again_and_that_of_a_mistake_is_another(copies, size, seed):
    before, x, slopes, end = diary_of(copies, size, seed)
    start = hidden.flat_weights(before)
    (ours,), logits = hidden.right_loop.replay(before, x, slopes, 1)
    assert hidden.near(end, ours, start, 1e-3)
    assert hidden.size_of_batches(logits, slopes, copies) == size
    for loop in hidden.misplaced():
        (other,), _ = loop.replay(before, x, slopes, 1)
        assert not hidden.near(end, other, start, hidden.REPLAYS_AGREE), loop.name


@pytest.mark.parametrize("seen", [lambda x: x / 255, lambda x: x.clamp(0, 250), lambda x: (x / 255 - 0.13) / 0.31])
@pytest.mark.parametrize(("copies", "size"), [(40, 1), (40, 4), (600, 20)])
def test_what_an_honest_train_does_to_the_pixels_changes_little(copies, size, seen):
    for seed in range(4):
        before, x, slopes, end = diary_of(copies, size, seed, seen=seen)
        (ours,), _ = hidden.right_loop.replay(before, x, slopes, 1)
        assert hidden.near(end, ours, hidden.flat_weights(before), hidden.REPLAYS_AGREE)


def test_the_size_of_a_batch_is_read_off_a_sum_too_and_not_off_another_loss():
    summed = partial(nn.functional.cross_entropy, reduction="sum")
    before, x, slopes, _ = diary_of(600, 50, 0, summed)
    logits = hidden.right_loop.replay(before, x, slopes, 1)[1]
    assert hidden.size_of_batches(logits, slopes, 600) == 50
    smoothed = partial(nn.functional.cross_entropy, label_smoothing=0.1)
    before, x, slopes, _ = diary_of(600, 50, 0, smoothed)
    logits = hidden.right_loop.replay(before, x, slopes, 1)[1]
    assert hidden.size_of_batches(logits, slopes, 600 // 11) is None


def test_both_files_ask_the_same_little_network():
    assert public.little.__code__.co_consts == hidden.little.__code__.co_consts
    torch.manual_seed(0)
    module = little()
    x, _ = public.patterns(torch.Generator().manual_seed(0), 6)
    assert torch.allclose(public.little_output(module.state_dict(), x), module(x), atol=1e-5)


def test_a_training_without_end_is_stopped_and_what_it_learned_counts(tmp_path):
    """The course's own notebook once said range(10000): the cell's time ends it, the network stays."""
    course = shutil.copytree(ROOT / "assignments" / "lenet5", tmp_path / "assignments" / "lenet5")
    shutil.copytree(SPEC.graders, tmp_path / "graders" / "lenet5")
    shutil.copytree(SPEC.solution.parent, tmp_path / "solutions" / "lenet5")
    (tmp_path / "course.yaml").write_text("title: A course\nyear: 2026\n", encoding="utf-8")
    rules = (course / "assignment.yaml").read_text(encoding="utf-8")
    (course / "assignment.yaml").write_text(rules.replace("cell_time: 90 s", "cell_time: 12 s"), encoding="utf-8")
    endless = (SPEC.graders / "answers" / "right" / "sequential.py").read_text(encoding="utf-8")
    assert "y_train, 2, device" in endless
    notebook = from_percent(endless.replace("y_train, 2, device", "y_train, 10000, device"))

    known = load_course(ROOT, only="lenet5")
    prepared = datasets.prepare_for(known, known.assignments[0], datasets.COURSE_TEST_SEED)
    examiner = warm.start(warm.Setup(str(tmp_path), "lenet5", data=datasets.folder_of(prepared)))
    try:
        examiner.wait_ready()
        job = {"student": "s", "assignment": "lenet5", "notebook": notebook, "digest": "d", "seed": "5eed"}
        verdict = examiner.examine(job, 300)
    finally:
        examiner.close()
    assert verdict.status == Status.LIMIT
    assert "ran longer than 12 s and was interrupted" in verdict.reason
    results = {c.id: c for c in verdict.criteria}
    assert {c.id for c in verdict.criteria if c.outcome == Outcome.BROKEN} == set()
    assert results["kept-accuracy"].outcome == Outcome.PASSED, results["kept-accuracy"].detail
    assert verdict.points == 12


def test_the_helper_that_old_notebooks_import_is_that_of_softmax():
    names = [ROOT / "assignments" / id / "files" / "helper.py" for id in ("softmax", "lenet5")]
    assert names[0].read_bytes() == names[1].read_bytes()


# --- what a report shows ---------------------------------------------------------------------------------------


class Told:
    """A notebook that keeps its losses under ``name``."""

    def __init__(self, **names):
        self.names = names

    def value(self, name):
        if name in self.names:
            return self.names[name]
        raise Missing(f"`{name}` is not defined")


def test_own_losses_stand_beside_the_courses_of_the_same_images_only():
    real, drawn = (SimpleNamespace(standin=standin) for standin in (False, True))
    (losses,) = public.own_curves(Told(history=[0.24, 0.065]), real)
    assert losses.rows[1][0] == "history" and losses.drawn[2] == "band 0.219:0.26 0.062:0.069"
    assert "60 000 images of MNIST" in losses.note
    (losses, shares) = public.own_curves(Told(losses=[0.7, 0.2], test_acc=[0.9, 0.95]), drawn)
    assert losses.note == shares.note == public.DRAWN and shares.drawn[2] == "band 0.908:0.955 0.947:0.974"
    assert public.own_curves(Told(), drawn) == []


def test_the_bands_fall_as_a_training_does():
    for band in public.LOSS_BANDS.values():
        lows, highs = zip(*band.until(99), strict=True)
        assert list(lows) == sorted(lows, reverse=True) and all(a < b for a, b in zip(lows, highs, strict=True))


def test_the_matrix_and_the_images_are_of_the_asked_test_images():
    images = torch.arange(4 * 28 * 28).reshape(4, 28, 28) % 256
    labels, outputs = torch.tensor([0, 1, 2, 3]), [torch.eye(10)[[0, 1]], torch.eye(10)[[7, 3]]]
    matrix, wrong = public.looked_at(images.to(torch.uint8), labels, outputs)
    assert matrix.rows[3][1:] == tuple("0000000100") and wrong.rows == (("2", "7"),)


def test_hidden_criteria_show_nothing():
    assert "exhibit" not in (SPEC.graders / "test_hidden.py").read_text(encoding="utf-8")
