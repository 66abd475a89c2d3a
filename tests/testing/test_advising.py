"""Whatever fails gets one hint: the nearest to the failure, and none where there is nothing to say."""

from __future__ import annotations

import pytest

from torchgrade.testing import ComparisonFailure, Raised, TimedOut, advised, must, shortened

CUDA = Raised("Torch not compiled with CUDA enabled", name="AssertionError")


def hints(failure, *args, **kwargs):
    said = []
    with pytest.raises(type(failure)), advised(said.append, *args, **kwargs):
        raise failure
    return said


def test_what_holds_is_not_commented():
    said = []
    with advised(said.append, "f()", "usual", known=lambda failure: "known"):
        must(True, "text", "advice")
    assert said == []


def test_the_advice_of_the_failure_comes_first():
    said = []
    with (
        pytest.raises(ComparisonFailure, match="text"),
        advised(said.append, "f()", "usual", known=lambda f: "known"),
    ):
        must(False, "text", "advice")
    assert said == ["advice"]


def test_then_what_is_known_of_it_then_what_the_error_asks_for_then_the_usual():
    assert hints(CUDA, "f()", "usual", known=lambda failure: failure.name) == ["AssertionError"]
    (said,) = hints(CUDA, "f()", "usual", known=lambda failure: "")
    assert ".to(device)" in said
    assert hints(TimedOut("late"), "f()", "usual") == ["usual"]


def test_where_there_is_nothing_to_say_nothing_is_said():
    assert hints(TimedOut("late")) == []


def test_how_the_function_is_called_is_said_of_wrong_arguments():
    (said,) = hints(Raised("f() takes 1 positional argument but 3 were given", name="TypeError"), "f(a, b)")
    assert "f(a, b)" in said


def test_other_errors_are_ours_and_get_no_hint():
    assert hints(ZeroDivisionError(), "f()", "usual") == []


def test_what_a_hidden_criterion_may_show_is_said_apart():
    with pytest.raises(ComparisonFailure) as caught:
        must(False, "7 of them", safe="some of them")
    assert (str(caught.value), caught.value.safe) == ("7 of them", "some of them")


def test_text_of_a_student_is_shortened_to_one_line():
    assert shortened("  a\n b ") == "a b"
    assert shortened("x" * 100) == "x" * 59 + "…"
    assert shortened("x" * 60) == "x" * 60
