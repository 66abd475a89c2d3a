"""What graders show: small, plain, and only what can be shown."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from dataclasses import asdict

import pytest
import torch

from torchgrade import i18n
from torchgrade.model import Evidence
from torchgrade.testing import (
    Band,
    Mismatch,
    Missing,
    Raised,
    TimedOut,
    collected,
    confusion_matrix,
    curves,
    decision_surface,
    first_filters,
    layer_table,
    misclassified,
    told_by,
)
from torchgrade.testing.exhibits import png, traceback_of

BAND = Band("ours", {1: (0.6, 0.8), 3: (0.1, 0.2)}, "Five trainings.")


def unfolded(picture: str) -> torch.Tensor:
    """The pixels of a PNG as ``png`` writes them."""
    data = base64.b64decode(picture)
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    assert depth == 8
    size = struct.unpack(">I", data[33:37])[0]
    raw = zlib.decompress(data[41 : 41 + size])
    step = width * (3 if colour == 2 else 1) + 1
    rows = [list(raw[y * step + 1 : (y + 1) * step]) for y in range(height)]
    return torch.tensor(rows, dtype=torch.uint8).reshape(height, width, *([3] if colour == 2 else []))


# --- curves ----------------------------------------------------------------------------------------------------


def test_a_curve_is_drawn_beside_the_band_between_its_epochs():
    shown = curves("loss", {"history": [0.7, 0.3, 0.1]}, BAND)
    assert shown.rows[1] == ("history", "0.7", "0.1", "0.7", "0.1")
    assert shown.drawn == ("head", "line 0.7 0.3 0.1", "band 0.6:0.8 0.35:0.5 0.1:0.2")
    assert shown.note == "Five trainings." and shown.shape == (3,)


def test_a_curve_says_what_it_goes_along_epochs_unless_the_grader_says_otherwise():
    lines = {"history": [0.7, 0.3, 0.1]}
    assert curves("loss", lines).rows[0][0] == "epoch"
    assert curves("loss", lines, unit="step").rows[0][0] == "step"
    with i18n.speaking("ru"):
        assert curves("loss", lines, unit="step").rows[0][0] == "шаг"


def test_a_band_goes_no_further_than_the_lines_nor_than_what_was_measured():
    assert curves("loss", {"a": [1.0, 0.5]}, BAND).drawn[2] == "band 0.6:0.8 0.35:0.5"
    assert curves("loss", {"a": [1.0] * 9}, BAND).drawn[2].count(":") == 3
    assert curves("loss", {"a": [1.0, 0.5]}, Band("ours", {2: (0, 1), 3: (0, 1)}, "x")).note == ""


@pytest.mark.parametrize("values", [[], [0.5], [0.5, float("nan")], [float("inf"), 1.0]])
def test_what_is_no_curve_is_not_shown(values):
    assert curves("loss", {"a": values}, BAND) is None


def test_a_long_training_is_drawn_by_sixty_points_with_both_ends():
    values = [1 / (n + 1) for n in range(250)]
    shown = curves("loss", {"a": values, "short": [1.0, 0.9]})
    word, *points = shown.drawn[1].split()
    assert word == "line" and len(points) == 60 and (points[0], points[-1]) == ("1", "0.004")
    assert shown.cut and len(shown.drawn[2].split()) <= 3


class Notebook:
    """Reads globals of ``names``."""

    def __init__(self, **names):
        self.names = names

    def value(self, name):
        if name not in self.names:
            raise Missing(f"`{name}` is not defined")
        return self.names[name]


def test_lists_of_numbers_are_found_and_nothing_else():
    notebook = Notebook(
        history=[torch.tensor(0.5), 0.25],
        losses=torch.tensor([3.0, 2.0]),
        train_losses=[0.5, 0.25],
        test_loss=0.3,
        val_loss=["a", "b"],
        test_losses=[1.0, float("nan")],
    )
    names = ("history", "losses", "train_losses", "test_loss", "val_loss", "test_losses", "absent")
    assert told_by(notebook, names) == {"history": [0.5, 0.25], "losses": [3.0, 2.0]}
    assert told_by(notebook, names, most=1) == {"history": [0.5, 0.25]}


# --- classes ---------------------------------------------------------------------------------------------------

FOUND, LABELS = torch.tensor([0, 1, 1, 2, 0]), torch.tensor([0, 1, 2, 2, 1])


def test_the_matrix_counts_rows_by_what_it_is():
    shown = confusion_matrix(FOUND, LABELS, ("a", "b", "c"))
    assert shown.rows == (("", "a", "b", "c"), ("a", "1", "0", "0"), ("b", "1", "1", "0"), ("c", "0", "1", "1"))


@pytest.mark.parametrize(
    "found", [torch.tensor([0, 1, 1, 2, 3]), torch.tensor([-1, 0, 0, 0, 0]), torch.tensor([0])]
)
def test_an_answer_that_is_no_class_has_no_matrix(found):
    assert confusion_matrix(found, LABELS, ("a", "b", "c")) is None


def test_many_classes_have_no_matrix():
    assert confusion_matrix(torch.arange(20), torch.arange(20), [str(n) for n in range(20)]) is None


def test_only_images_that_went_wrong_are_shown_with_both_names():
    images = torch.randint(256, (5, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    shown = misclassified(images, FOUND, LABELS, ("a", "b", "c"))
    assert shown.rows == (("c", "b"), ("b", "a")) and not shown.cut
    assert torch.equal(unfolded(shown.drawn[0]), images[2]) and torch.equal(unfolded(shown.drawn[1]), images[4])
    assert misclassified(images, FOUND, LABELS, ("a", "b", "c"), most=1).cut
    assert misclassified(images, LABELS, LABELS, ("a", "b", "c")) is None


# --- points in the plane ---------------------------------------------------------------------------------------

CORNERS = torch.tensor([[0.0, 0.0], [0.0, 10.0], [10.0, 0.0], [10.0, 10.0]])
RIGHT_HALF = torch.tensor([0, 0, 1, 1])


def steep(x):
    """The probability of lying in the right half."""
    return torch.sigmoid(5 * (x[:, 0] - 5))


def cells_of(shown):
    return shown.drawn[0].split()[2:]


def test_a_surface_says_which_class_is_where_and_how_many_points_are_right():
    shown = decision_surface(steep, CORNERS, torch.tensor([0, 1, 1, 1]), ("left", "right"))
    assert shown.rows[1:] == (("left", "50%", "1", "1"), ("right", "50%", "3", "2"))
    assert shown.drawn[0].startswith("-1:11 -1:11 ") and shown.drawn[2] == "0:10:0 10:0:1 10:10:1"
    assert all(row.startswith("c" * 12) and row.endswith("f" * 12) for row in cells_of(shown))
    assert not shown.cut and shown.kind == "surface"


def test_the_first_row_of_a_surface_is_its_top():
    shown = decision_surface(lambda x: (x[:, 1] > 5).float(), CORNERS, RIGHT_HALF, ("0", "1"))
    assert set(cells_of(shown)[0]) == {"f"} and set(cells_of(shown)[-1]) == {"c"}


@pytest.mark.parametrize(
    "predict",
    [
        lambda x: steep(x)[:, None],
        lambda x: torch.stack([1 - steep(x), steep(x)], 1),
        lambda x: torch.stack([-5 * (x[:, 0] - 5), torch.zeros(len(x))], 1),
        lambda x: (x[:, 0] > 5).long(),
    ],
)
def test_probabilities_scores_and_classes_give_the_same_areas(predict):
    want = decision_surface(steep, CORNERS, RIGHT_HALF, ("0", "1"))
    assert decision_surface(predict, CORNERS, RIGHT_HALF, ("0", "1")).rows == want.rows


def test_near_the_border_a_surface_is_less_sure():
    shown = decision_surface(lambda x: torch.sigmoid(0.4 * (x[:, 0] - 5)), CORNERS, RIGHT_HALF, ("0", "1"))
    assert "".join(dict.fromkeys(cells_of(shown)[0])) == "cbadef"


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: torch.zeros(len(x), 3),
        lambda x: torch.zeros(3),
        lambda x: torch.full((len(x),), torch.nan),
        lambda x: torch.full((len(x),), 7),
        lambda _x: [0.0],
    ],
)
def test_an_answer_of_another_shape_has_no_surface(answer):
    assert decision_surface(answer, CORNERS, RIGHT_HALF, ("0", "1")) is None


def test_of_many_points_some_are_drawn_and_all_are_counted():
    points = torch.randn(1000, 2, generator=torch.Generator().manual_seed(3))
    shown = decision_surface(lambda x: x[:, 0].sigmoid(), points, (points[:, 0] > 0).long(), ("0", "1"))
    assert shown.cut and len(shown.drawn[1].split()) == 50 and sum(int(row[2]) for row in shown.rows[1:]) == 1000
    assert all(row[2] == row[3] for row in shown.rows[1:])


# --- weights ---------------------------------------------------------------------------------------------------


def test_kernels_are_blue_below_zero_and_orange_above():
    kernel = torch.tensor([[[[-1.0, 0.0, 1.0]]]])
    blue, white, orange = unfolded(first_filters({"conv.weight": kernel}).drawn[0])[0].tolist()
    assert white == [255, 255, 255] and blue[2] > blue[0] and orange[0] > orange[2]


def test_rows_over_pixels_are_pictures_whichever_way_the_weights_lie():
    weights = torch.randn(4, 3072, generator=torch.Generator().manual_seed(1))
    a, b = (first_filters({"bias": torch.zeros(4), "w": w}, (32, 32, 3)) for w in (weights, weights.T))
    assert a.drawn == b.drawn and len(a.drawn) == 4 and unfolded(a.drawn[0]).shape == (32, 32, 3)


def test_of_many_units_the_largest_are_shown_under_their_own_number():
    weights = torch.ones(100, 784) * 0.01
    weights[[7, 93]] = 5.0
    shown = first_filters({"w": weights}, (28, 28))
    assert shown.cut and len(shown.drawn) == 8 and {("7",), ("93",)} <= set(shown.rows)


@pytest.mark.parametrize("state", [{}, {"b": torch.zeros(3)}, {"w": torch.full((2, 1, 5, 5), torch.nan)}])
def test_without_a_first_layer_there_is_no_picture(state):
    assert first_filters(state, (32, 32, 3)) is None


def test_layers_are_named_by_their_parameters_and_counted():
    state = {"conv.weight": torch.zeros(6, 1, 5, 5), "conv.bias": torch.zeros(6), "fc.weight": torch.zeros(10, 6)}
    rows = layer_table(state, {"conv": (6, 28, 28)}).rows
    assert rows[1] == ("conv", "6×1×5×5", "N×6×28×28", "156")
    assert rows[2] == ("fc", "10×6", "N×10", "60") and rows[3][3] == "216"
    assert layer_table(state).rows[1][2] == "–", "what was not measured is not told"


@pytest.mark.parametrize("image", [torch.zeros(3, 5, 5), torch.zeros(65, 2), torch.zeros(4)])
def test_what_is_no_small_image_is_refused(image):
    with pytest.raises(ValueError, match="is not"):
        png(image)


# --- all -------------------------------------------------------------------------------------------------------


def test_what_cannot_be_shown_is_left_out():
    def raises(error):
        raise error

    assert collected(None) == () == collected(lambda: None)
    for failure in (Missing("m"), TimedOut("t"), Mismatch("x", kind=("k",)), AssertionError("a")):
        assert collected(lambda failure=failure: raises(failure)) == ()
    with pytest.raises(RuntimeError):  # a grader's own mistake is told
        collected(lambda: raises(RuntimeError("ours")))


def test_the_traceback_is_its_last_lines():
    (shown,) = traceback_of(Raised("r", traceback="\n".join(f"line {n}" for n in range(50))))
    assert shown.rows[-1] == ("line 49",) and len(shown.rows) == 30 and shown.cut
    assert traceback_of(Raised("r")) == ()


def test_every_exhibit_is_small_and_json():
    weights = torch.randn(512, 3072, generator=torch.Generator().manual_seed(2))
    images = torch.randint(256, (50, 32, 32, 3), dtype=torch.uint8)
    names = [f"class {n}" for n in range(10)]
    every: list[Evidence | None] = [
        curves("loss", {n: [1.0] * 5000 for n in "abc"}, BAND),
        confusion_matrix(torch.arange(10), torch.arange(10), names),
        misclassified(images, torch.zeros(50).long(), torch.ones(50).long(), names),
        decision_surface(lambda x: torch.rand(len(x), 5), torch.rand(2000, 2), torch.arange(2000) % 5, names[:5]),
        first_filters({"w": weights}, (32, 32, 3)),
        layer_table({f"layers.{n}.weight": torch.zeros(2, 2) for n in range(500)}),
    ]
    for shown in every:
        assert shown is not None
        assert len(json.dumps(asdict(shown))) < 40_000, shown.kind
