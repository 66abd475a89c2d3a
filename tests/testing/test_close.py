"""What a comparison accepts, and what it says when it does not."""

from __future__ import annotations

import re

import pytest
import torch

from torchgrade.testing import (
    ComparisonFailure,
    assert_tensor_close,
    describe,
    excerpt,
    require,
    require_tensor,
)

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(3))
RIGHT = torch.softmax(X, 1)


def failure(got, expected=RIGHT, **kwargs):
    with pytest.raises(ComparisonFailure) as caught:
        assert_tensor_close(got, expected, **kwargs)
    return caught.value


@pytest.mark.parametrize(
    "got",
    [
        RIGHT,
        RIGHT.double(),
        torch.nn.Parameter(RIGHT),
        RIGHT.clone().requires_grad_(True) * 1,
        RIGHT.T.contiguous().T,
        RIGHT * (1 + 5e-5),
    ],
    ids=["same", "float64", "parameter", "with a graph", "not contiguous", "within tolerance"],
)
def test_right_answers_pass(got):
    assert_tensor_close(got, RIGHT)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_one_odd_value_fails(value):
    got = RIGHT.clone()
    got[4, 1] = value
    told = str(failure(got))
    assert "Worst at [4, 1]" in told
    assert "1 of 24 places, first at [4, 1]" in told


def test_expected_infinities_must_come_and_nan_may():
    expected = torch.tensor([1.0, float("inf"), float("nan")])
    assert_tensor_close(expected.clone(), expected)
    failure(torch.tensor([1.0, -float("inf"), float("nan")]), expected)
    failure(torch.tensor([1.0, 5.0, float("nan")]), expected)
    failure(torch.tensor([1.0, float("inf"), 0.0]), expected)


def test_zero_tolerance_is_exact():
    assert_tensor_close(RIGHT, RIGHT, rtol=0, atol=0)
    told = str(failure(RIGHT.double() * (1 + 1e-7), RIGHT.double(), rtol=0, atol=0))
    expected, got = re.findall(r"[\d.]+(?= is expected)|[\d.]+(?= came back)", told)
    assert expected != got  # enough digits to tell them apart


def test_the_worst_element_is_told_with_both_values():
    got = RIGHT.clone()
    got[2, 3] += 0.25
    told = str(failure(got, name="softmax(x)"))
    assert told.startswith("softmax(x) has the right shape (6, 4), but 1 value is wrong. Worst at [2, 3]: ")
    assert f"{float(RIGHT[2, 3]):.4g} is expected, {float(got[2, 3]):.4g} came back" in told
    assert "relative error" in told


def test_a_wrong_shape_is_told_with_what_it_looks_like():
    told = failure(RIGHT.T)
    assert "has shape (4, 6), but (6, 4) is expected. The answer looks transposed." in str(told)
    assert told.safe == "The shape of the answer is wrong. The answer looks transposed."


@pytest.mark.parametrize(
    ("got", "word"),
    [
        (None, "`return`"),
        (0.5, "leave out .item()"),
        ([RIGHT[0], RIGHT[1]], "torch.stack"),
        ([0.5, 0.5], "One tensor is wanted, not a list"),
        ((RIGHT, RIGHT.sum(1)), "One tensor is wanted, not a tuple"),
        ("abc", "str 'abc'"),
        ({"a": 1}, "dict of 1"),
        (True, "True"),
    ],
)
def test_what_is_no_tensor_is_named(got, word):
    assert word in str(failure(got))


def test_a_plain_number_is_not_a_tensor_of_no_dimensions():
    assert_tensor_close(torch.tensor(0.5), torch.tensor(0.5))
    assert "a tensor of shape (), but it is float 0.5" in str(failure(0.5, torch.tensor(0.5)))


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
def test_floating_numbers_must_come(dtype):
    assert "floating type" in str(failure(torch.ones(6, 4, dtype=dtype), torch.ones(6, 4)))


def test_dtype_is_asked_only_when_asked():
    assert_tensor_close(RIGHT, RIGHT.double())
    assert "has dtype float32, but float64 is expected" in str(failure(RIGHT, RIGHT.double(), dtype=torch.float64))


def test_comparisons_do_not_use_the_answers_own_operators():
    class Smug(torch.Tensor):
        def __le__(self, other):
            return torch.ones(self.shape, dtype=torch.bool)

        __eq__ = __le__
        __hash__ = torch.Tensor.__hash__

    failure(torch.zeros(6, 4).as_subclass(Smug))


def test_empty_tensors_compare_by_shape():
    assert_tensor_close(torch.zeros(0, 3), torch.zeros(0, 3))
    failure(torch.zeros(0, 4), torch.zeros(0, 3))
    failure(torch.zeros(0, 4), RIGHT)


@pytest.mark.parametrize(
    "got",
    [RIGHT + 0.125, RIGHT.T, RIGHT * 0.37, torch.softmax(X, 0), RIGHT[:3], [1.5, 2.5], 0.731, "7.77", X, None],
)
def test_safe_words_hold_neither_values_nor_shapes(got):
    told = failure(got, input=X).safe
    assert not any(c.isdigit() for c in told), told
    assert told


def test_evidence_holds_input_answer_and_right_answer_round_the_worst_element():
    expected = torch.zeros(100, 50)
    got = expected.clone()
    got[77, 33] = 1
    shown = failure(got, expected, input={"A": torch.eye(3), "b": torch.ones(2)}).evidence
    assert [e.label for e in shown] == [
        "A",
        "b",
        "came back (rows from 73, columns from 28)",
        "expected (rows from 73, columns from 28)",
    ]
    assert shown[2].shape == (100, 50)
    assert shown[2].cut
    assert len(shown[2].rows) == 8
    assert {len(r) for r in shown[2].rows} == {10}
    assert shown[2].rows[77 - 73][33 - 28] == "1"


@pytest.mark.parametrize("shape", [(), (1,), (30,), (9, 3), (2, 9, 12), (2, 3, 4, 5), (0, 3), (3, 0)])
def test_excerpts_are_small_for_every_shape(shape):
    value = torch.arange(torch.Size(shape).numel(), dtype=torch.float32).reshape(shape)
    last = tuple(n - 1 for n in shape)
    shown = excerpt("x", value, last if value.numel() else ())
    assert len(shown.rows) <= 8
    assert all(len(r) <= 10 for r in shown.rows)
    assert shown.shape == shape
    if value.numel():
        assert shown.rows[-1][-1] == str(value.numel() - 1)


def test_require_tells_what_it_is_given():
    require(torch.tensor([True, True]), "never said")
    with pytest.raises(ComparisonFailure) as caught:
        require(torch.tensor([True, False]), "row 3 sums to 7", safe="a row does not sum to 1", input=X, got=RIGHT)
    assert str(caught.value) == "row 3 sums to 7"
    assert caught.value.safe == "a row does not sum to 1"
    assert [e.label for e in caught.value.evidence] == ["input", "came back"]


def test_require_tells_what_the_answer_looks_like():
    with pytest.raises(ComparisonFailure) as caught:
        require(False, "row 2 is wrong.", safe="a row is wrong.", got=torch.softmax(X, 0), expected=RIGHT)
    assert "normalised over dimension 0" in str(caught.value)
    assert caught.value.safe == "a row is wrong. The answer looks normalised over the other dimension."


def test_require_tensor_hands_back_a_plain_tensor():
    assert require_tensor(RIGHT.clone().requires_grad_(True), (6, 4)).requires_grad is False
    for got, word in ((RIGHT[0], "shape (4,)"), (RIGHT.long(), "int64"), (RIGHT / 0, "infinity"), (None, "None")):
        with pytest.raises(ComparisonFailure, match="out") as caught:
            require_tensor(got, (6, 4), name="`out`")
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (torch.zeros(64, 10), "tensor (64, 10) float32"),
        ([1, 2, 3, 4], "list of 4 (int 1, int 2, int 3, …)"),
        ([], "list of 0"),
        ("abc", "str 'abc'"),
        ({"a": 1}, "dict of 1 with keys 'a'"),
        (None, "None"),
        (object(), "an object of type object"),
        pytest.param(10**5000, "int, huge", id="huge"),
    ],
)
def test_values_are_described_in_a_few_words(value, told):
    assert describe(value) == told


def test_descriptions_are_bounded():
    for value in ("x" * 10_000, ["y" * 1000] * 1000, {"k" * 1000: 1}, torch.zeros((1,) * 60), [[[[1]]]] * 99):
        assert len(describe(value)) <= 90
        assert "\n" not in describe(value)
