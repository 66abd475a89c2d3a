"""What a criterion becomes for each way in which its tests can end. One course, one examination; a rule each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from small_course import add_assignment, examine, of, write_course

from torchgrade.grading import warm
from torchgrade.model import Outcome, Status, Verdict

RUBRIC = """\
- {id: passes, title: passes, points: 1}
- {id: compares, title: compares, points: 1}
- {id: asserts, title: asserts, points: 1}
- {id: fails-by-name, title: pytest.fail, points: 1}
- {id: expects-raise, title: pytest.raises, points: 1}
- {id: missing, title: a name that is not there, points: 1}
- {id: raises, title: raises, points: 1}
- {id: bad-answer, title: not a value, points: 1}
- {id: dies, title: ends the process, points: 1}
- {id: award-none, title: award 0, points: 2}
- {id: award-half, title: award 0.5, points: 2}
- {id: award-all, title: award 1, points: 2}
- {id: award-twice, title: the least counts, points: 2}
- {id: award-too-much, title: award 2, points: 2}
- {id: two-tests-both, title: both pass, points: 1}
- {id: two-tests-one, title: one fails, points: 1}
- {id: two-tests-half, title: one half, points: 2}
- {id: by-parameter, title: parametrised, points: 1}
- {id: in-a-class, title: in a class, points: 1}
- {id: skips, title: skips itself, points: 1}
- {id: needs-later, title: needs one below, points: 1, needs: [last-public]}
- {id: needs-failed, title: needs a failed one, points: 1, needs: [compares]}
- {id: needs-skipped, title: needs a skipped one, points: 1, needs: [needs-failed]}
- {id: needs-half, title: needs a partial one, points: 1, needs: [award-half]}
- {id: needs-broken, title: needs a broken one, points: 1, needs: [always-stumbles]}
- {id: needs-manual, title: needs a manual one, points: 1, needs: [essay]}
- {id: stumbles, title: stumbles over the answer alone, points: 1}
- {id: always-stumbles, title: stumbles over the reference too, points: 1}
- {id: stumbles-unasked, title: stumbles without a question, points: 1}
- {id: fixture-asks, title: a fixture asks and the name is missing, points: 1}
- {id: fixture-derived, title: stumbles over what a fixture made of the answer, points: 1}
- {id: fixture-fails, title: a fixture of ours fails, points: 1}
- {id: last-public, title: the last, points: 1}
- {id: essay, title: an essay, points: 3, manual: true}
- {id: extra, title: a bonus, points: 1, bonus: true}
"""

PUBLIC = '''
@pytest.mark.criterion("passes")
def test_passes(submission, hint):
    """one() is 1"""
    hint("never shown")
    assert submission.call("one") == 1


@pytest.mark.criterion("compares")
def test_compares(submission, hint):
    """numbers() is right"""
    hint("first hint")
    hint("second hint")
    assert_tensor_close(submission.call("numbers"), torch.tensor([1.0, 2.0, 4.0]), name="numbers()")


@pytest.mark.criterion("asserts")
def test_asserts(submission):
    """one() is 2"""
    assert submission.call("one") == 2, "one() should be two"


@pytest.mark.criterion("fails-by-name")
def test_fails_by_name(submission):
    """one() is 2"""
    if submission.call("one") != 2:
        pytest.fail("one() should be two")


@pytest.mark.criterion("expects-raise")
def test_expects_raise(submission):
    """one("x") raises"""
    with pytest.raises(Raised):
        submission.call("one")


@pytest.mark.criterion("missing")
def test_missing(submission):
    """two() is 2"""
    submission.call("numbrs")


@pytest.mark.criterion("raises")
def test_raises(submission):
    """fails() gives a value"""
    submission.call("fails")


@pytest.mark.criterion("bad-answer")
def test_bad_answer(submission):
    """module() gives a value"""
    submission.call("module")


@pytest.mark.criterion("dies")
def test_dies(submission):
    """leave() gives a value"""
    submission.call("leave")


@pytest.mark.criterion("award-none")
def test_award_none(award):
    """awards nothing"""
    award(0.0, "nothing of it")


@pytest.mark.criterion("award-half")
def test_award_half(award, hint):
    """awards half"""
    hint("the other half")
    award(0.5, "half of it")


@pytest.mark.criterion("award-all")
def test_award_all(award):
    """awards all"""
    award(1.0, "all of it")


@pytest.mark.criterion("award-twice")
def test_award_twice(award):
    """awards twice"""
    award(1.0, "all of it")
    award(0.25, "a quarter of it")


@pytest.mark.criterion("award-too-much")
def test_award_too_much(award):
    """awards too much"""
    award(2.0, "twice of it")


@pytest.mark.criterion("two-tests-both")
def test_first_of_both(submission):
    """the first sentence"""


@pytest.mark.criterion("two-tests-both")
def test_second_of_both(submission):
    """the second sentence"""


@pytest.mark.criterion("two-tests-one")
def test_good_one(submission):
    """the good one"""


@pytest.mark.criterion("two-tests-one")
def test_bad_one(submission):
    """the bad one"""
    assert False, "the bad one speaks"


@pytest.mark.criterion("two-tests-half")
def test_half(award):
    """half"""
    award(0.5, "half")


@pytest.mark.criterion("two-tests-half")
def test_whole(award):
    """whole"""


@pytest.mark.criterion("by-parameter")
@pytest.mark.parametrize("value", [1, 2, 1])
def test_by_parameter(submission, value):
    """one() is what it should be"""
    assert submission.call("one") == value, f"one() is not {value}"


@pytest.mark.criterion("in-a-class")
class TestInAClass:
    def test_stumbles_in_a_class(self, submission):
        """one() is 1"""
        assert submission.call("word").shape == ()


@pytest.mark.criterion("skips")
def test_skips():
    """skips itself"""
    pytest.skip("not today")


@pytest.mark.criterion("needs-later")
def test_needs_later():
    """needs what stands below"""


@pytest.mark.criterion("needs-failed")
def test_needs_failed():
    """must not run"""
    raise RuntimeError("was run")


@pytest.mark.criterion("needs-skipped")
def test_needs_skipped():
    """must not run"""
    raise RuntimeError("was run")


@pytest.mark.criterion("needs-half")
def test_needs_half():
    """must not run"""
    raise RuntimeError("was run")


@pytest.mark.criterion("needs-broken")
def test_needs_broken():
    """must not run"""
    raise RuntimeError("was run")


@pytest.mark.criterion("needs-manual")
def test_needs_manual():
    """runs, since nobody can pass an essay today"""


@pytest.mark.criterion("stumbles")
def test_stumbles(submission):
    """word() is a tensor"""
    submission.call("word").sum()


@pytest.mark.criterion("always-stumbles")
def test_always_stumbles(submission):
    """our own mistake"""
    submission.call("one")
    raise KeyError("ours")


@pytest.mark.criterion("stumbles-unasked")
def test_stumbles_unasked(submission):
    """our own mistake, before anybody was asked"""
    raise KeyError("ours")


@pytest.fixture
def asked(submission):
    return submission.call("not_there")


@pytest.mark.criterion("fixture-asks")
def test_fixture_asks(asked):
    """not_there() gives a value"""


@pytest.fixture
def words(submission):
    return submission.call("word")


@pytest.mark.criterion("fixture-derived")
def test_fixture_derived(words):
    """word() is a tensor"""
    words.sum()


@pytest.fixture
def ours():
    raise OSError("our disk is full")


@pytest.mark.criterion("fixture-fails")
def test_fixture_fails(ours):
    """never runs"""


@pytest.mark.criterion("last-public")
def test_last():
    """the last"""


@pytest.mark.criterion("extra")
def test_extra():
    """a bonus"""
'''

SOLUTION = """
import torch
def one(): return 1
def numbers(): return torch.tensor([1.0, 2.0, 4.0])
def fails(): return 0
def module(): return 0
def leave(): return 0
def word(): return torch.ones(())
def not_there(): return 0
"""
STUDENT = """
import os, torch
def one(): return 1
def numbers(): return torch.tensor([1.0, 2.0, 3.0])
def fails(): raise ValueError("my own words")
def module(): return torch.nn.Linear(2, 2)
def leave(): os._exit(3)
def word(): return "a word"
"""


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verdict]:
    root = add_assignment(
        write_course(tmp_path_factory.mktemp("rules")),
        "rules",
        rubric=RUBRIC,
        public=PUBLIC,
        hidden="",
        solution=[SOLUTION],
        defines="one",
    )
    examiner = warm.WarmExaminer.start(warm.Setup(str(root), "rules"))
    try:
        yield examine(examiner, "rules", STUDENT)
    finally:
        examiner.close()


@pytest.mark.parametrize(
    ("criterion", "outcome", "points"),
    [
        ("passes", "passed", 1),
        ("compares", "failed", 0),
        ("asserts", "failed", 0),
        ("fails-by-name", "failed", 0),
        ("expects-raise", "failed", 0),
        ("missing", "failed", 0),
        ("raises", "errored", 0),
        ("bad-answer", "failed", 0),
        ("dies", "errored", 0),
        ("award-none", "failed", 0),
        ("award-half", "partial", 1),
        ("award-all", "passed", 2),
        ("award-twice", "partial", 0.5),
        ("award-too-much", "broken", 0),
        ("two-tests-both", "passed", 1),
        ("two-tests-one", "failed", 0),
        ("two-tests-half", "partial", 1),
        ("by-parameter", "failed", 0),
        ("in-a-class", "failed", 0),
        ("skips", "skipped", 0),
        ("needs-later", "passed", 1),
        ("needs-failed", "skipped", 0),
        ("needs-skipped", "skipped", 0),
        ("needs-half", "skipped", 0),
        ("needs-broken", "broken", 0),
        ("needs-manual", "passed", 1),
        ("stumbles", "failed", 0),
        ("always-stumbles", "broken", 0),
        ("stumbles-unasked", "broken", 0),
        ("fixture-asks", "failed", 0),
        ("fixture-derived", "failed", 0),
        ("fixture-fails", "broken", 0),
        ("last-public", "passed", 1),
        ("essay", "manual", 0),
        ("extra", "passed", 1),
    ],
)
def test_outcome(verdict: Verdict, criterion: str, outcome: str, points: float) -> None:
    found = of(verdict, criterion)
    assert (str(found.outcome), found.points) == (outcome, points), found


def test_order_is_the_rubrics(verdict: Verdict) -> None:
    """The order in which tests run is our business; the reader sees the rubric's."""
    listed = [line.split("id: ")[1].split(",")[0] for line in RUBRIC.splitlines()]
    assert [c.id for c in verdict.criteria] == listed


def test_broken_manual_and_bonus_are_left_out_of_the_total(verdict: Verdict) -> None:
    counted = [c for c in verdict.criteria if c.outcome not in (Outcome.BROKEN, Outcome.MANUAL) and not c.bonus]
    assert verdict.points == sum(c.points for c in counted)
    assert verdict.max_points == sum(c.max_points for c in counted) == 33
    assert verdict.bonus == 1


def test_a_broken_criterion_makes_the_verdict_broken(verdict: Verdict) -> None:
    assert verdict.status == Status.BROKEN
    assert "not the student's fault" in verdict.reason


def test_a_passed_test_says_its_sentence_and_no_hint(verdict: Verdict) -> None:
    assert (of(verdict, "passes").message, of(verdict, "passes").hint) == ("one() is 1", "")


def test_a_comparison_says_what_came_with_evidence_and_hints(verdict: Verdict) -> None:
    found = of(verdict, "compares")
    assert "4 is expected, 3 came back" in found.message
    assert found.hint == "first hint second hint"
    assert [e.label for e in found.evidence] == ["came back", "expected"]


@pytest.mark.parametrize("criterion", ["asserts", "fails-by-name"])
def test_the_graders_own_words_are_told(verdict: Verdict, criterion: str) -> None:
    assert of(verdict, criterion).message == "one() should be two"


def test_the_nearest_name_is_told(verdict: Verdict) -> None:
    assert of(verdict, "missing").message == "`numbrs` is not defined; the nearest name that is: `numbers`"


def test_the_students_exception_is_told_where_it_is_public(verdict: Verdict) -> None:
    message = of(verdict, "raises").message
    assert "ValueError: my own words" in message
    assert 'raise ValueError("my own words")' in message


def test_a_value_that_cannot_cross_is_told(verdict: Verdict) -> None:
    assert "Linear" in of(verdict, "bad-answer").message


def test_a_process_that_ends_is_told(verdict: Verdict) -> None:
    assert of(verdict, "dies").message == "`leave` ended the whole Python process instead of returning"


def test_awards_say_why(verdict: Verdict) -> None:
    assert of(verdict, "award-half").message == "half of it"
    assert of(verdict, "award-half").hint == "the other half"
    assert of(verdict, "award-twice").message == "a quarter of it"


def test_the_worst_of_several_tests_speaks(verdict: Verdict) -> None:
    assert of(verdict, "two-tests-one").message == "the bad one speaks"
    assert of(verdict, "by-parameter").message == "one() is not 2"


def test_a_skip_names_what_it_needs_by_its_title(verdict: Verdict) -> None:
    assert of(verdict, "needs-failed").message == "not examined, because it needs “compares”"


def test_a_test_that_is_skipped_is_not_run(verdict: Verdict) -> None:
    for criterion in ("needs-failed", "needs-skipped", "needs-half", "needs-broken"):
        assert "was run" not in of(verdict, criterion).detail


def test_an_odd_answer_is_named_as_such(verdict: Verdict) -> None:
    for criterion in ("stumbles", "fixture-derived", "in-a-class"):
        assert of(verdict, criterion).message.startswith("the answer is not of a form that can be judged")


def test_a_fixture_that_asks_is_judged_like_a_test(verdict: Verdict) -> None:
    assert of(verdict, "fixture-asks").message.startswith("`not_there` is not defined")


def test_a_broken_criterion_hides_our_traceback_from_the_student(verdict: Verdict) -> None:
    for criterion in ("always-stumbles", "stumbles-unasked", "fixture-fails", "award-too-much"):
        found = of(verdict, criterion)
        assert "not your fault" in found.message
        assert "Error" not in found.message + found.hint
        assert "Error" in found.detail


def test_needs_broken_is_our_fault_too(verdict: Verdict) -> None:
    assert "not your fault" in of(verdict, "needs-broken").message
