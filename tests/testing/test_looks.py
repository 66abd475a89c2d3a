"""Every likeness is recognised on random data, and nothing is said about what resembles nothing."""

from __future__ import annotations

import pytest
import torch

from torchgrade.testing import looks_like
from torchgrade.testing.looks import find_look

SEEDS = range(5)


def rand(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def kind(got, expected, input=None):
    look = find_look(got, expected, input)
    return look.kind if look else None


def softmax(x, dim=1):
    return torch.softmax(x, dim)


# name, kind, got (from x of shape (6, 4)), expected
OF_SOFTMAX = [
    ("over the columns", "other-dimension", lambda x: softmax(x, 0)),
    ("over everything", "normalised-over-everything", lambda x: x.exp() / x.exp().sum()),
    ("not divided", "not-normalised", lambda x: x.exp()),
    ("divided by something else", "not-normalised", lambda x: x.exp() / x.sum(1, keepdim=True)),
    ("minus in the exponent", "turned-round", lambda x: softmax(-x)),
    ("base 2", "tempered", lambda x: softmax(x * 0.6931472)),
    ("hot", "tempered", lambda x: softmax(x * 3)),
    ("logarithm", "log", lambda x: torch.log_softmax(x, 1)),
    ("exp of it", "exp", lambda x: softmax(x).exp()),
    ("logits", "input", lambda x: x),
    ("1 minus", "one-minus", lambda x: 1 - softmax(x)),
    ("softmax twice", "softmax", lambda x: softmax(softmax(x))),
    ("not yet softmax", "before-softmax", lambda x: x + 1),
    ("transposed", "transposed", lambda x: softmax(x).T),
    ("flattened", "flattened", lambda x: softmax(x).flatten()),
    ("other shape", "flattened", lambda x: softmax(x).view(4, 6)),
    ("extra dimension", "dims-of-one", lambda x: softmax(x)[None]),
    ("zeros", "zeros", torch.zeros_like),
    ("uniform", "constant", lambda x: torch.full_like(x, 0.25)),
    ("NaN", "not-finite", lambda x: softmax(x) / 0 * 0),
    ("half precision", "lower-precision", lambda x: softmax(x).half()),
    ("bfloat16", "lower-precision", lambda x: softmax(x).bfloat16()),
    ("three decimals", "lower-precision", lambda x: softmax(x).round(decimals=3)),
    ("rows reversed", "reversed", lambda x: softmax(x).flip(0)),
    ("rows mixed", "rows-mixed", lambda x: softmax(x)[[2, 0, 1, 5, 3, 4]]),
    ("rows sorted", "other-order", lambda x: softmax(x).sort(1).values),
    ("all sorted", "other-order", lambda x: softmax(x).flatten().sort().values.view(6, 4)),
    ("first row", "one-item", lambda x: softmax(x)[0]),
    ("last row", "one-item", lambda x: softmax(x)[-1:]),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("wanted", "wrong"), [c[1:] for c in OF_SOFTMAX], ids=[c[0] for c in OF_SOFTMAX])
def test_wrong_softmax_is_recognised(wanted, wrong, seed):
    x = rand(seed, 6, 4)
    assert kind(wrong(x), softmax(x), x) == wanted


# name, kind, got from the expected e (shape (6, 4)) and x
OF_ANYTHING = [
    ("opposite sign", "opposite-sign", lambda e: -e),
    ("reciprocal", "reciprocal", lambda e: 1 / e),
    ("squared", "squared", lambda e: e**2),
    ("sigmoid at the end", "sigmoid", lambda e: e.sigmoid()),
    ("tanh at the end", "tanh", lambda e: e.tanh()),
    ("ReLU at the end", "relu", lambda e: e.relu()),
    ("softmax at the end", "softmax", lambda e: e.softmax(1)),
    ("absolute", "absolute", lambda e: e.abs()),
    ("twice", "factor", lambda e: 2 * e),
    ("odd factor", "factor", lambda e: 3.7 * e),
    ("mean for sum", "factor", lambda e: e / 6),
    ("shifted", "additive", lambda e: e + 0.3),
    ("summed at the end", "reduced", lambda e: e.sum(0)),
    ("averaged at the end", "reduced", lambda e: e.mean()),
    ("float32", "lower-precision", lambda e: (e.double() / 3).float() * 3),
    ("factor of its own per row", "not-normalised", lambda e: e * torch.arange(1.0, 7)[:, None]),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("wanted", "wrong"), [c[1:] for c in OF_ANYTHING], ids=[c[0] for c in OF_ANYTHING])
def test_wrong_answer_of_any_kind_is_recognised(wanted, wrong, seed):
    expected = torch.randn(6, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert kind(wrong(expected), expected) == wanted


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("shape", [(3,), (2, 2), (3, 3), (6, 4), (1, 5), (64, 10), (2, 3, 4)])
def test_nothing_is_said_about_unrelated_numbers(seed, shape):
    got, expected, x = (rand(seed + 1000 * k, *shape) for k in range(3))
    assert looks_like(got, expected, x) is None
    assert looks_like(got, softmax(expected, -1), x) is None
    assert looks_like(torch.rand(*shape), expected.sigmoid(), x) is None


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_said_about_unrelated_shapes(seed):
    expected = rand(seed, 6, 4)
    for shape in ((4, 6), (24,), (6,), (4,), (), (1, 6, 4), (6, 6), (6, 4, 2), (3, 8)):
        assert looks_like(rand(seed + 99, *shape), expected, rand(seed + 7, 6, 4)) is None, shape


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_said_about_a_right_answer(seed):
    x = rand(seed, 6, 4)
    assert looks_like(softmax(x), softmax(x), x) is None
    symmetric = x.T @ x
    assert looks_like(symmetric.T, symmetric) is None


def test_one_wrong_element_resembles_nothing():
    expected = softmax(rand(0, 6, 4))
    got = expected.clone()
    got[2, 1] += 0.1
    assert looks_like(got, expected) is None


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        ([1.0, 0.0, 0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0, 0.0, 1.0]),
        ([3.0, 2.0, 1.0, 1.0, 2.0, 2.0], [2.0, 2.0, 1.0, 3.0, 1.0, 2.0]),
    ],
)
def test_labels_in_other_places_are_not_called_reordered(got, expected):
    assert kind(torch.tensor(got), torch.tensor(expected)) != "other-order"


def test_whole_numbers_off_by_one_are_not_called_imprecise():
    expected = torch.arange(1000.0, 1010.0, dtype=torch.float64)
    got = expected.clone()
    got[3] += 1
    assert kind(got, expected) is None


def test_sums_over_the_other_dimension_are_told():
    x = rand(0, 6, 4)
    assert "sum over dimension 0" in looks_like(x.sum(0), x.sum(1), x)
    assert "maximum over dimension 0" in looks_like(x.amax(0), x.amax(1), x)
    square = rand(1, 5, 5)
    assert "mean over dimension 1" in looks_like(square.mean(1), square.mean(0), square)


def test_a_missing_sigmoid_is_told():
    z = rand(0, 6, 4)
    assert kind(z, z.sigmoid()) == "before-sigmoid"


def test_a_loss_not_yet_summed_is_told():
    loss = rand(0, 20).square()
    assert kind(loss, loss.sum()) == "not-reduced"
    assert "averaged over everything" in looks_like(loss, loss.mean())


def test_a_sum_where_a_mean_is_asked_is_told_with_its_size():
    loss = rand(0, 20).square()
    told = looks_like(loss.sum(), loss.mean(), loss)
    assert "20 times" in told
    assert "a sum stands where a mean is asked" in told
    assert "a mean stands where a sum is asked" in looks_like(loss.mean(), loss.sum(), loss)


def test_probabilities_off_by_a_factor_are_no_sum_for_a_mean():
    expected = rand(0, 100, 7).softmax(1)
    for factor in (100, 7, 1 / 7):  # sizes of the answer, by chance
        told = looks_like(expected * factor, expected)
        assert "times the right one" in told
        assert "mean" not in told


def test_factors_of_their_own_are_told_by_what_has_one():
    x, rows = rand(0, 6, 4), torch.arange(1.0, 7)
    assert (
        looks_like(x * rows[:, None], x)
        == "the answer is the right one with each row multiplied by a number of its own"
    )
    pictures, numbers = rand(0, 2, 3, 4, 5).abs() + 1, torch.rand(2, 3, 4, 1) + 1
    for factor, which in (
        (numbers, "[i, j, k, :]"),
        (numbers[:, :, :1], "[i, j, :, :]"),
        (numbers[:1, :, :1], "[:, i, :, :]"),
        (numbers[:, :1, :1], "[i, :, :, :]"),
    ):
        assert f"each slice {which} multiplied by a number of its own" in looks_like(pictures * factor, pictures)


def test_slices_that_sum_to_one_are_told_by_their_indices():
    x = rand(0, 2, 3, 4)
    told = looks_like(x.softmax(1), x.softmax(2))
    assert "each slice [i, :, j] sums to 1, but each slice [i, j, :] should" in told


def test_a_column_that_met_a_row_is_told():
    y, y_ = rand(0, 7, 1), rand(1, 7, 1)
    assert kind((y - y_.flatten()).square(), (y - y_).square().flatten()) == "broadcast"


def test_dimensions_in_another_order_are_told():
    x = rand(0, 2, 3, 4)
    assert "permute(2, 0, 1)" in looks_like(x.permute(1, 2, 0), x)


def test_where_the_first_nan_is_told():
    expected = rand(0, 6, 4)
    got = expected.clone()
    got[1, 2] = got[3, 0] = float("nan")
    assert looks_like(got, expected) == "the answer is NaN in 2 of 24 places, first at [1, 2]"
    got[1, 2] = float("inf")
    assert "NaN or infinity in 2" in looks_like(got, expected)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("wrong", [c[2] for c in OF_SOFTMAX], ids=[c[0] for c in OF_SOFTMAX])
def test_safe_words_tell_no_size_of_a_hidden_input(wrong, seed):
    x = rand(seed, 23, 17)[:6, :4]
    told = find_look(wrong(x), softmax(x), x).told_safely
    allowed = {"1", "0", "2", "3"}  # dimensions, decimals, "dimension of size 1", "sum to 1"
    numbers = {"".join(c for c in word if c.isdigit()) for word in told.replace("float16", "").split()} - {""}
    assert numbers <= allowed, told


def test_huge_and_empty_answers_are_not_looked_at():
    big = torch.zeros(1).expand(2_000_000)
    assert looks_like(big, torch.ones(3)) is None
    assert looks_like(torch.zeros(0), torch.ones(3)) is None
    assert looks_like(torch.ones(3, dtype=torch.complex64), torch.ones(3)) is None
