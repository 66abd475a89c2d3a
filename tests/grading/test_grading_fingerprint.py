"""What wrong answers are counted by: alike where they are wrong alike, and nothing that could be turned back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from torchgrade.grading.examinee import Call
from torchgrade.grading.fingerprint import fingerprint_of
from torchgrade.grading.judge import Mistake, judge_criterion
from torchgrade.grading.records import TestRecord
from torchgrade.model import Criterion, Outcome, Visibility
from torchgrade.spec import Hint
from torchgrade.testing import assert_tensor_close
from torchgrade.testing.outcomes import Missing, ProbeFailure, Raised

PUBLIC = Criterion("values", "Right values", 2.0)
HIDDEN = replace(PUBLIC, id="any-size", visibility=Visibility.HIDDEN)
X = torch.randn(8, 5, generator=torch.Generator().manual_seed(3))


def lost(*calls: Call, error: BaseException | None = None, outcome: Outcome = Outcome.FAILED) -> TestRecord:
    return TestRecord("values", outcome, 0.0, "the sentence", "msg", "safe", calls=list(calls), error=error)


def answered(result: Any, x: Any = X, error: BaseException | None = None) -> TestRecord:
    return lost(Call("softmax", (x,), {}, result=result), error=error)


def mismatch(got: torch.Tensor, expected: torch.Tensor) -> BaseException:
    with pytest.raises(AssertionError) as caught:
        assert_tensor_close(got, expected)
    return caught.value


def test_two_ways_to_write_the_same_mistake_have_one_name() -> None:
    one = torch.exp(X) / torch.exp(X).sum()
    other = torch.softmax(X.double().reshape(-1), 0).reshape(X.shape)
    assert not torch.equal(one, other.float()), "this test can fail"
    assert fingerprint_of(PUBLIC, answered(one)) == fingerprint_of(PUBLIC, answered(other))
    assert fingerprint_of(PUBLIC, answered(one)).startswith("out-")


def other_answers() -> list[Any]:
    wrong = torch.softmax(X, 0)
    swapped = wrong.clone()
    swapped[0, 0], swapped[0, 1] = wrong[0, 1], wrong[0, 0]
    with_nan = wrong.clone()
    with_nan[0, 0] = torch.nan
    return [
        wrong, torch.softmax(X, 1), -wrong, 2 * wrong, wrong.T, wrong.flatten(), swapped, with_nan,
        (9 * wrong).round(), (9 * wrong).round().long(), list(wrong), None, 1.0, 2.0, "text", {"a": wrong},
        {"b": wrong}, torch.zeros(8, 5),
    ]  # fmt: skip


def test_other_answers_have_other_names() -> None:
    names = [fingerprint_of(PUBLIC, answered(value)) for value in other_answers()]
    assert len(set(names)) == len(names)


def test_what_was_asked_counts_for_a_public_criterion() -> None:
    wrong = torch.softmax(X, 0)
    assert fingerprint_of(PUBLIC, answered(wrong)) != fingerprint_of(PUBLIC, answered(wrong, x=X + 1))
    assert fingerprint_of(PUBLIC, answered(wrong)) != fingerprint_of(replace(PUBLIC, id="rows"), answered(wrong))


def test_a_hidden_criterion_groups_by_the_kind_of_difference_whatever_was_drawn() -> None:
    names = set()
    for seed in range(3):
        x = torch.randn(4 + seed, 6, generator=torch.Generator().manual_seed(seed))
        wrong, right = torch.softmax(x, 0), torch.softmax(x, 1)
        names.add(fingerprint_of(HIDDEN, answered(wrong, x, mismatch(wrong, right))))
        doubled = fingerprint_of(HIDDEN, answered(2 * right, x, mismatch(2 * right, right)))
        assert doubled not in names
    assert len(names) == 1 and names.pop().startswith("kind-")


def test_an_exception_is_named_without_its_numbers() -> None:
    def raised(name: str, words: str, outcome: Outcome = Outcome.ERRORED) -> str:
        error = Raised(f"`f` raised {name}", name=name, traceback=f"Traceback\n{name}: {words}")
        return fingerprint_of(HIDDEN, lost(error=error, outcome=outcome))

    shapes = raised("RuntimeError", "mat1 (3, 5) and mat2 (4, 5) at 0x7f00")
    assert shapes == raised("RuntimeError", "mat1 (7, 2) and mat2 (9, 2) at 0xabcd")
    assert shapes != raised("RuntimeError", "cannot divide") != raised("TypeError", "cannot divide")


def test_a_missing_name_is_one_mistake_for_all() -> None:
    near = Missing("no `softmax`; the nearest: `Softmax`", safe="the notebook defines no `softmax`")
    far = Missing("no `softmax`", safe="the notebook defines no `softmax`")
    other = Missing("no `out`", safe="the notebook defines no `out`")
    told = Missing("нет `softmax`", safe="в тетради нет `softmax`")
    names = [
        fingerprint_of(PUBLIC, lost(Call("softmax", (X,), {}, failure=e), error=e)) for e in (near, far, told)
    ]
    assert len(set(names)) == 1 and names[0].startswith("kind-")
    assert fingerprint_of(PUBLIC, lost(error=other)) not in names


def test_a_plain_assert_counts_by_its_words_and_not_by_what_pytest_adds() -> None:
    def failed(words: str) -> str:
        return fingerprint_of(HIDDEN, lost(error=AssertionError(words)))

    assert failed("the rows sum to 1.17\nassert 1.17 == 1") == failed("the rows sum to 3.5\nassert 3.5 == 1")
    assert failed("assert tensor([1., 2.]) is None") == failed("assert tensor([3., 4., 5.]) is None")
    assert failed("the rows sum to 1.17") != failed("the columns sum to 1.17")


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY, Outcome.SKIPPED, Outcome.PASSED])
def test_what_gave_no_answer_has_no_name(outcome: Outcome) -> None:
    assert fingerprint_of(PUBLIC, lost(outcome=outcome, error=ProbeFailure("late"))) == ""


ANSWERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=10,
)


@given(ANSWERS)
def test_every_answer_that_crosses_the_wall_can_be_named(value: Any) -> None:
    assert len(fingerprint_of(PUBLIC, answered(value))) == len("out-") + 12


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor([]),
        torch.tensor(3),
        torch.full((3,), torch.nan),
        torch.full((2,), torch.inf),
        torch.full((2,), 1e308, dtype=torch.float64),
        torch.full((2,), 5e-324, dtype=torch.float64),
        torch.tensor([1 + 2j]),
        torch.tensor([True]),
        torch.ones(2, dtype=torch.bfloat16),
    ],
)
def test_odd_tensors_can_be_named(tensor: torch.Tensor) -> None:
    assert fingerprint_of(PUBLIC, answered(tensor)).startswith("out-")


def test_a_large_answer_is_named_by_its_beginning_and_its_shape() -> None:
    """128 MiB of bytes are 1 GiB in float64, and naming them took three times as much."""
    large = torch.zeros(1_500_000, dtype=torch.uint8)
    other = large.clone()
    other[1_200_000:] = 1
    assert fingerprint_of(PUBLIC, answered(large)) == fingerprint_of(PUBLIC, answered(other))
    assert fingerprint_of(PUBLIC, answered(large)) != fingerprint_of(PUBLIC, answered(large[1:]))


# From the name to a hint


def judged(known: Mistake | None = None, **entry: str) -> Any:
    record = answered(torch.softmax(X, 0))
    record.hints = ["the grader's advice"]
    name = fingerprint_of(PUBLIC, record)
    fields = {"key": "over-the-batch", "criterion": "values", "fingerprint": name, "hint": "Look at dim.", **entry}
    hint = Hint(**fields)
    return judge_criterion(PUBLIC, [record], lambda _: known, {(hint.criterion, hint.fingerprint): hint})


def test_an_entry_of_hints_yaml_takes_the_place_of_the_graders_advice() -> None:
    found = judged()
    assert (found.hint, found.mistake) == ("Look at dim.", "over-the-batch")
    assert found.fingerprint.startswith("out-"), "it can still be looked up"


@pytest.mark.parametrize("other", [{"criterion": "rows"}, {"fingerprint": "out-0123456789ab"}])
def test_an_entry_for_something_else_changes_nothing(other: dict[str, str]) -> None:
    found = judged(**other)
    assert (found.hint, found.mistake) == ("the grader's advice", "")
    assert found.fingerprint.startswith("out-")


def test_a_known_wrong_answer_comes_before_an_entry() -> None:
    found = judged(Mistake("dim_zero", "You sum over the batch."))
    assert (found.hint, found.mistake, found.fingerprint) == ("You sum over the batch.", "dim_zero", "")
