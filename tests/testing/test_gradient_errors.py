"""Some gradients judged, all of them shown: the table of relative errors, and the dtype that suits the code."""

from __future__ import annotations

import pytest
import torch

from torchgrade.testing import BadAnswer, ComparisonFailure, Raised, assert_gradients, widest_answer

RIGHT = {
    "weights": torch.tensor([[1.0, -2.0]], dtype=torch.float64),
    "bias": torch.tensor([4.0], dtype=torch.float64),
    "scale": torch.tensor([0.5], dtype=torch.float64),
}
GOT = {"weights": RIGHT["weights"] / 2, "bias": RIGHT["bias"], "scale": torch.zeros(2)}


def failure(got, **kwargs):
    with pytest.raises(ComparisonFailure) as caught:
        assert_gradients(got, RIGHT, **kwargs)
    return caught.value


def test_only_the_judged_gradient_can_fail():
    assert_gradients(GOT, RIGHT, judged=["bias"])
    told = failure(GOT, judged=["weights"])
    assert "by weights: relative error 0.5" in str(told)
    assert "bias" not in str(told)
    assert "scale" not in str(told) + told.safe


def test_the_table_holds_every_gradient_with_what_is_allowed():
    table = failure(GOT, judged=["weights"], rtol=1e-4).evidence[0]
    assert (table.kind, table.label) == ("errors", "relative error of each gradient")
    assert table.rows == (("weights", "0.5", "0.0001"), ("bias", "0", "0.0001"), ("scale", "none", "0.0001"))


def test_what_is_missing_or_not_finite_is_in_the_table_as_such():
    table = failure({"weights": RIGHT["weights"], "bias": RIGHT["bias"] * float("nan")}).evidence[0]
    assert table.rows == (("weights", "0", "1e-06"), ("bias", "inf", "1e-06"), ("scale", "none", "1e-06"))


def test_one_gradient_alone_needs_no_table():
    with pytest.raises(ComparisonFailure) as caught:
        assert_gradients([RIGHT["bias"] * 2], [RIGHT["bias"]])
    assert [e.kind for e in caught.value.evidence] == ["array", "array"]


def answering(**by_dtype):
    """A question whose answer, or failure, depends on the dtype in which it is put."""

    def ask(dtype):
        found = by_dtype["wide" if dtype == torch.float64 else "narrow"]
        if isinstance(found, Exception):
            raise found
        return found

    return ask


WIDE, NARROW = torch.ones(1, dtype=torch.float64), torch.ones(1)


def test_a_double_answer_is_taken():
    answer, dtype = widest_answer(answering(wide=(WIDE, WIDE), narrow=None))
    assert dtype == torch.float64
    assert len(answer) == 2


@pytest.mark.parametrize("wide", [(WIDE, NARROW), (WIDE, None), [], None, 1.0, Raised("no"), BadAnswer("no")])
def test_any_other_answer_is_asked_again_in_float32(wide):
    assert widest_answer(answering(wide=wide, narrow="again")) == ("again", torch.float32)


def test_what_fails_in_both_is_raised():
    with pytest.raises(Raised, match="second"):
        widest_answer(answering(wide=Raised("first"), narrow=Raised("second")))
