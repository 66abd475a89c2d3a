"""Known mistakes in functions that read globals: recognised with the globals that the grader set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from torchgrade.grading.answers import load_answers
from torchgrade.grading.examinee import Call
from torchgrade.grading.misconceptions import KnownMistakes
from torchgrade.testing.outcomes import Died, Missing, TimedOut

SCALE = """# title: Scales by the half
# loses: values
# hint: The whole scale is wanted.

# %%
scale = 5.0

# %%
def scaled(x):
    return x * scale / 2
"""
IN_PLACE = SCALE.replace("return x * scale / 2", "scale.mul_(3)\n    return x * scale")


@pytest.fixture
def mistakes(tmp_path: Path) -> KnownMistakes:
    folder = tmp_path / "answers" / "wrong"
    folder.mkdir(parents=True)
    (folder / "half.py").write_text(SCALE, encoding="utf-8")
    (folder / "in_place.py").write_text(IN_PLACE, encoding="utf-8")
    return KnownMistakes(load_answers(tmp_path, "wrong"))


def recognised(mistakes: KnownMistakes, *calls: Call) -> str:
    nobody: Any = None  # these answers borrow nothing
    found = mistakes.recognise("values", calls, ("values",), nobody)
    return found.slug if found else ""


def defined(value: float) -> Call:
    return Call("scale", (torch.tensor(value),), {}, defines=True)


def called(result: float) -> Call:
    return Call("scaled", (torch.tensor(2.0),), {}, result=torch.tensor(result))


def test_a_mistake_is_recognised_under_the_globals_that_were_set(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, defined(8.0), called(8.0), defined(3.0), called(3.0)) == "half"


def test_another_value_of_the_global_makes_another_answer(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, defined(8.0), called(5.0)) == ""


def test_setting_a_global_alone_proves_nothing(mistakes: KnownMistakes) -> None:
    assert recognised(mistakes, defined(8.0)) == ""


def test_a_replay_leaves_the_record_of_the_examination_as_it_was(mistakes: KnownMistakes) -> None:
    calls = (defined(1.0), called(6.0))
    assert recognised(mistakes, *calls) == "in_place"
    assert recognised(mistakes, *calls) == "in_place"
    assert calls[0].args[0] == 1.0


def test_what_was_answered_before_a_call_without_an_answer_proves_nothing(mistakes: KnownMistakes) -> None:
    answered = (defined(8.0), called(8.0))
    for failure in (TimedOut("late"), Missing("`step` is not defined"), Died("gone")):
        assert recognised(mistakes, *answered, Call("step", (), {}, failure=failure)) == ""
    assert recognised(mistakes, *answered) == "half"
