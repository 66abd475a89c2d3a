"""Gradients by parameter: which is wrong, by how much, and what it looks like."""

from __future__ import annotations

import pytest
import torch
from in_process import InProcess

from torchgrade.testing import (
    GRADIENT_RTOL,
    ComparisonFailure,
    Missing,
    assert_gradients,
    gradient_dtype,
    normal,
    relative_error,
    smallest_first,
    uniform,
)


def rng():
    return torch.Generator().manual_seed(5)


RIGHT = {"w": normal(rng(), (4, 3), dtype=torch.float64), "b": normal(rng(), (3,), dtype=torch.float64)}


def failure(got, expected=RIGHT, **kwargs):
    with pytest.raises(ComparisonFailure) as caught:
        assert_gradients(got, expected, **kwargs)
    return caught.value


def test_right_gradients_pass_as_mapping_and_as_list():
    assert_gradients({n: g.clone() for n, g in RIGHT.items()}, RIGHT)
    assert_gradients(list(RIGHT.values()), list(RIGHT.values()), names=["w", "b"])
    assert_gradients(RIGHT["b"], [RIGHT["b"]])


def test_a_mean_for_a_sum_is_told_for_that_parameter_alone():
    told = failure({"w": RIGHT["w"], "b": RIGHT["b"] / 12})
    assert "by w: right" in str(told)
    assert "by b: relative error 0.92, at most 1e-06 is allowed" in str(told)
    assert "by w" not in told.safe


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda g: -g, "opposite sign"),
        (lambda g: g.T, "shape (3, 4) where (4, 3) is expected (it looks transposed)"),
        (torch.zeros_like, "all zeros"),
        (lambda g: g * float("nan"), "NaN everywhere"),
        (lambda g: g * (1 + 1e-5), "relative error 1e-05"),
        (lambda g: None, "there is none"),
        (lambda g: 0.5, "float 0.5 in place of a tensor"),
    ],
)
def test_wrong_gradients_are_described(change, words):
    told = failure({"w": change(RIGHT["w"]), "b": RIGHT["b"]})
    assert words in str(told)
    assert not any(c.isdigit() for c in told.safe), told.safe


def test_missing_and_miscounted_gradients_are_told():
    assert "by b: there is none" in str(failure({"w": RIGHT["w"]}))
    told = str(failure([RIGHT["w"]], list(RIGHT.values()), names=["w", "b"]))
    assert "2 gradients are expected (w, b), but list of 1" in told


def test_relative_error_is_that_of_the_largest_gradient():
    assert relative_error(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1e-3])) == pytest.approx(1e-3)
    assert relative_error(torch.tensor([1e-9]), torch.zeros(1)) == pytest.approx(1e-9)
    assert relative_error(torch.tensor([float("nan")]), torch.ones(1)) == float("inf")
    assert relative_error(torch.zeros(0), torch.zeros(0)) == 0


def test_the_dtype_of_the_judgement_follows_the_code():
    code = {
        "keeps": lambda x: x * 2,
        "fixes": lambda x: x.float() * 2,
        "refuses": lambda x: x @ torch.ones(3, 3),
        "number": lambda x: 1.0,
    }
    x = normal(rng(), (2, 3))
    found = {name: gradient_dtype(InProcess(code), name, x) for name in code}
    assert found == {
        "keeps": torch.float64,
        "fixes": torch.float32,
        "refuses": torch.float32,
        "number": torch.float32,
    }
    assert GRADIENT_RTOL[torch.float64] < GRADIENT_RTOL[torch.float32]
    with pytest.raises(Missing):
        gradient_dtype(InProcess({}), "keeps", x)


def test_the_answer_by_which_the_dtype_is_found_stays_in_the_room():
    class Room(InProcess):
        def call(self, *_, **__):
            raise AssertionError("this answer would be compared with those of known mistakes")

    assert gradient_dtype(Room({"f": lambda x: x * 2}), "f", torch.ones(2)) == torch.float64
    assert gradient_dtype(Room({"f": lambda x: (x * 2).detach().numpy()}), "f", torch.ones(2)) == torch.float64
    assert gradient_dtype(Room({"f": lambda x: None}), "f", torch.ones(2)) == torch.float32


def test_inputs_repeat_with_the_seed_and_keep_their_bounds():
    assert torch.equal(uniform(rng(), (3, 4), -2, 5), uniform(rng(), (3, 4), -2, 5))
    drawn = uniform(rng(), (1000,), -2, 5, torch.float64)
    assert -2 <= float(drawn.min()) < -1.9
    assert 4.9 < float(drawn.max()) < 5
    assert drawn.dtype == torch.float64
    assert float(normal(rng(), (10_000,), 3).std()) == pytest.approx(3, rel=0.05)
    assert [tuple(t.shape) for t in smallest_first(rng(), [(9, 9), (1, 2), (3, 3)])] == [(1, 2), (3, 3), (9, 9)]
    with pytest.raises(ValueError, match="low must be below high"):
        uniform(rng(), (2,), 1, 1)
