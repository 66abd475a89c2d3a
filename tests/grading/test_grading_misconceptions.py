"""Known wrong answers: recognised by what they give back, and by nothing else."""

from __future__ import annotations

import socket
from collections import OrderedDict
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import torch
from small_course import tensor

from torchgrade.errors import BrokenError, SpecError
from torchgrade.grading.answers import load_answers
from torchgrade.grading.examinee import Call
from torchgrade.grading.misconceptions import KnownMistakes, equal, same_error
from torchgrade.testing.outcomes import Raised, TimedOut

TRIPLES = """
# title: Three times
# loses: values
# hint: Three is one too many.

# %%
def double(x):
    return 3 * x
"""
SQUARES = """
# title: Squared
# loses: values, signs
# hint: To double is not
#   to square.

# %%
def double(x):
    return x * x
"""
RAISES = """
# title: No such method
# loses: values
# hint: There is no twice().

# %%
def double(x):
    return x.twice()
"""
OUTER = """
# title: Uses what stands outside
# loses: values
# hint: Use the argument.
# borrows: factor

# %%
factor = 5

def double(x):
    return factor * x
"""
SPOILS = """
# title: In place
# loses: kept
# hint: You changed the argument.

# %%
def double(x):
    x *= 2
    return x
"""
NO_HINT = """
# title: Nothing to say
# loses: values

# %%
def double(x):
    return 9 * x
"""


class FakeStudent:
    """Has globals to lend, and can refuse to."""

    def __init__(self, **values: Any) -> None:
        self.values = values

    def value(self, name: str) -> Any:
        if name not in self.values:
            raise TimedOut("no")
        return self.values[name]


@pytest.fixture
def mistakes(tmp_path: Path) -> KnownMistakes:
    known = {
        "triples": TRIPLES, "squares": SQUARES, "raises": RAISES, "outer": OUTER, "spoils": SPOILS,
        "no_hint": NO_HINT,
    }  # fmt: skip
    return KnownMistakes(answers(tmp_path, **known))


def answers(folder: Path, **texts: str) -> Any:
    wrong = folder / "answers" / "wrong"
    wrong.mkdir(parents=True, exist_ok=True)
    for slug, text in texts.items():
        (wrong / f"{slug}.py").write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return load_answers(folder, "wrong")


def called(result: Any, *args: Any, name: str = "double", after: list[Any] | None = None) -> Call:
    return Call(name, args or (tensor(1, 2),), {}, result=result, arguments_after=after)


def recognised(
    mistakes: KnownMistakes, *calls: Call, criterion: str = "values", lost: tuple[str, ...] = (), **globals: Any
) -> str:
    found = mistakes.recognise(criterion, calls, lost or (criterion,), FakeStudent(**globals))  # type: ignore[arg-type]
    return found.slug if found else ""


def test_the_header_is_read(tmp_path: Path) -> None:
    answer = answers(tmp_path, squares=SQUARES, outer=OUTER)[1]
    assert (answer.slug, answer.title, answer.loses) == ("squares", "Squared", ("values", "signs"))
    assert answer.hint == "To double is not to square."


def test_equal_outputs_are_recognised(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, called(tensor(3, 6))) == "triples"


def test_outputs_equal_but_for_rounding_are_recognised(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, called(tensor(3.0001, 6.0002))) == "triples"


def test_what_graders_tell_apart_is_not_the_same(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, called(tensor(3.0004, 6))) == ""  # 1e-4 is where comparisons fail


def test_other_outputs_are_not_recognised(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, called(tensor(3, 7))) == ""


def test_one_call_that_differs_is_enough(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, called(tensor(3, 6)), called(tensor(2.0), tensor(1.0))) == ""


def test_a_global_that_lives_in_the_room_cannot_be_lent(mistakes: KnownMistakes) -> None:
    """A handle, as a grader may give to ``define``: it holds a socket, which nothing can copy."""
    with socket.socket() as held:
        defined = Call("factor", (held,), {}, defines=True)
        assert recognised(mistakes, defined, called(tensor(3, 6))) == ""


def test_another_shape_is_another_answer(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, called(tensor(3, 6).reshape(1, 2))) == ""


def test_without_a_call_nothing_is_recognised(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes) == ""


def test_a_call_without_an_answer_proves_nothing(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, Call("double", (tensor(1.0),), {}, failure=TimedOut("late"))) == ""


def test_a_function_that_the_wrong_answer_lacks_is_not_its_own(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, called(tensor(3, 6), name="triple")) == ""


def test_the_same_exception_is_recognised(mistakes: KnownMistakes) -> None:
    said = (
        "`double` raised AttributeError: 'Tensor' object has no attribute 'twice', in the line `return x.twice()`"
    )
    failure = Raised(said, name="AttributeError")
    assert recognised(mistakes, Call("double", (tensor(1.0),), {}, failure=failure)) == "raises"


def test_an_exception_of_the_same_type_that_says_something_else_is_not(mistakes: KnownMistakes) -> None:
    said = "`double` raised AttributeError: 'float' object has no attribute 'backward'"
    failure = Raised(said, name="AttributeError")
    assert recognised(mistakes, Call("double", (tensor(1.0),), {}, failure=failure)) == ""


@pytest.mark.parametrize(
    ("error", "said", "same"),
    [
        (
            RuntimeError("size 3 must match size 10"),
            "`f` raised RuntimeError: size 5 must match size 64, in the line",
            True,
        ),
        (
            RuntimeError("size 3 must match size 10"),
            "`f` raised RuntimeError: grad can be created only for scalars",
            False,
        ),
        (NameError("name 'w1' is not defined"), "`f` raised NameError: name 'weights' is not defined", True),
        (TypeError("<a.B object at 0x7f01> is odd"), "`f` raised TypeError: <a.B object at 0x7f99> is odd", True),
        (ValueError(), "`f` raised ValueError", True),
        (RuntimeError("a" * 500), f"`f` raised RuntimeError: {'a' * 500}, in the line", True),
    ],
)
def test_what_an_exception_says_counts_but_for_numbers_and_own_names(
    error: Exception, said: str, same: bool
) -> None:
    assert same_error(error, Raised(said, name=type(error).__name__)) is same


def test_another_exception_is_not(mistakes: KnownMistakes) -> None:
    failure = Raised("x", name="TypeError")
    assert recognised(mistakes, Call("double", (tensor(1.0),), {}, failure=failure)) == ""


def test_a_mistake_is_told_only_where_it_loses_the_criterion(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, called(tensor(3, 6)), criterion="signs") == ""


def test_a_mistake_that_loses_more_than_the_student_lost_is_not_the_students(mistakes: KnownMistakes) -> None:
    squares = called(tensor(1, 4))
    assert recognised(mistakes, squares, lost=("values",)) == ""
    assert recognised(mistakes, squares, lost=("values", "signs")) == "squares"
    assert recognised(mistakes, squares, lost=("values", "signs", "more")) == "squares"


def test_a_mistake_without_a_hint_has_nothing_to_say(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, called(tensor(9, 18))) == ""


def test_a_borrowed_global_is_the_students(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, called(tensor(7, 14)), factor=7) == "outer"
    assert recognised(mistakes, called(tensor(5, 10)), factor=7) == ""


def test_a_global_that_the_student_does_not_lend_means_no(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, called(tensor(5, 10))) == ""


def test_a_changed_argument_tells_two_answers_with_equal_outputs_apart(mistakes: KnownMistakes) -> None:
    changed = called(tensor(2, 4), after=[tensor(2, 4)])
    unchanged = called(tensor(2, 4), after=[tensor(1, 2)])
    assert recognised(mistakes, changed, criterion="kept") == "spoils"
    assert recognised(mistakes, unchanged, criterion="kept") == ""


def test_a_replay_leaves_the_questions_arguments_alone(mistakes: KnownMistakes) -> None:
    x = tensor(1, 2)
    recognised(mistakes, called(tensor(2, 4), x, after=[tensor(2, 4)]), criterion="kept")
    assert x.tolist() == [1, 2]


def test_a_wrong_answer_that_does_not_run_is_our_fault(tmp_path: Path) -> None:
    with pytest.raises(BrokenError, match=r"bad\.py, cell 1: NameError"):
        KnownMistakes(answers(tmp_path, bad="# hint: h\n\n# %%\nundefined_name\n"))


def test_a_wrong_answer_without_a_cell_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"empty\.py"):
        answers(tmp_path, empty="# title: nothing\n")


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (1, 1.0, True),
        (1, 1.00004, True),
        (1, 1.0001, False),
        (float("nan"), float("nan"), True),
        (float("inf"), float("inf"), True),
        (float("inf"), -float("inf"), False),
        (None, None, True),
        (None, 0, False),
        ("a", "a", True),
        ("a", "b", False),
        ([1, (2, 3)], [1, (2, 3)], True),
        ([1, 2], [1, 2, 3], False),
        (tensor(1, 2), [1, 2], False),
        (torch.tensor([1, 2]), tensor(1, 2), True),
        (torch.tensor([True]), torch.tensor([1]), True),
        (torch.tensor([1 + 2j]), torch.tensor([1 + 2j]), True),
        (torch.tensor([1 + 2j]), torch.tensor([1 + 3j]), False),
        (torch.empty(0), torch.empty(0), True),
        ({"a": tensor(1, 2)}, {"a": tensor(1, 2)}, True),
        ({"a": tensor(1, 2)}, {"a": tensor(1, 3)}, False),
        ({"a": tensor(1, 2)}, {"b": tensor(1, 2)}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": {"b": [tensor(1.0)]}}, {"a": {"b": [tensor(1.0)]}}, True),
        (OrderedDict(a=1), {"a": 1}, True),
    ],
)
def test_equal(a: Any, b: Any, same: bool) -> None:
    assert equal(a, b) is same
    assert equal(b, a) is same
