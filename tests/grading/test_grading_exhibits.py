"""Exhibits: shown whatever the outcome, decide nothing; of what is hidden nobody sees a picture or an array."""

from __future__ import annotations

import json

import pytest
from small_course import add_assignment, examine, of, write_course

from torchgrade.grading import warm
from torchgrade.model import Outcome, verdict_from_json

RUBRIC = """\
- {id: passed, title: passes, points: 1}
- {id: partial, title: partly right, points: 1}
- {id: failed, title: fails, points: 1}
- {id: raises, title: raises, points: 1}
- {id: late, title: after the deadline, points: 1, visibility: after_due}
- {id: hidden, title: hidden, points: 1, visibility: hidden}
"""

MAKERS = """
def picture(seed):
    images = torch.full((2, 4, 4), float(seed))
    return misclassified(images, torch.tensor([0, 1]), torch.tensor([1, 0]), ("a", "b"))


def lost():
    raise Missing("nothing to show")
"""

PUBLIC = (
    MAKERS
    + '''
@pytest.mark.criterion("passed")
def test_passed(submission, exhibit):
    """one() is 1"""
    exhibit(lambda: picture(1))
    exhibit(lost)
    exhibit([picture(2)])
    assert submission.call("one") == 1


@pytest.mark.criterion("partial")
def test_partial(submission, exhibit, award):
    """one() is half of 2"""
    submission.call("one")
    exhibit(lambda: picture(3))
    award(0.5, "half")


@pytest.mark.criterion("failed")
def test_failed(submission, exhibit):
    """one() is 2"""
    exhibit(lambda: picture(4))
    assert_tensor_close(torch.tensor(float(submission.call("one"))), torch.tensor(2.0))


@pytest.mark.criterion("raises")
def test_raises(submission):
    """raises() does not raise"""
    submission.call("raises")
'''
)

HIDDEN = (
    MAKERS
    + '''
@pytest.mark.criterion("late")
def test_late(submission, exhibit):
    """one() is 1"""
    exhibit(lambda: picture(77))
    assert submission.call("one") == 1


@pytest.mark.criterion("hidden")
def test_hidden(submission, exhibit):
    """raises() does not raise"""
    exhibit(lambda: picture(88))
    submission.call("raises")
'''
)

CELL = """
def one():
    return 1


def raises():
    x = 3
    raise ValueError("SPOKEN BY THE STUDENT")
"""


@pytest.fixture(scope="module")
def verdict(tmp_path_factory):
    root = add_assignment(
        write_course(tmp_path_factory.mktemp("exhibits")),
        "shown",
        defines="one, raises",
        rubric=RUBRIC,
        public=PUBLIC,
        hidden=HIDDEN,
        solution=(CELL,),
    )
    started = warm.start(warm.Setup(str(root), "shown"))
    started.wait_ready()
    yield examine(started, "shown", CELL)
    started.close()


def test_exhibits_stand_with_every_public_outcome_and_change_no_point(verdict):
    shown = {c.id: [e.kind for e in c.evidence] for c in verdict.criteria}
    assert shown["passed"] == ["images", "images"] and of(verdict, "passed").outcome is Outcome.PASSED
    assert shown["partial"] == ["images"] and of(verdict, "partial").points == 0.5
    assert shown["failed"] == ["array", "array", "images"] and of(verdict, "failed").points == 0


def test_an_error_brings_the_traceback_through_the_students_own_code(verdict):
    (trace,) = of(verdict, "raises").evidence
    text = "\n".join(row[0] for row in trace.rows)
    assert trace.kind == "trace" and "raise ValueError" in text and "SPOKEN BY THE STUDENT" in text


def test_of_what_is_not_public_the_verdict_holds_no_picture_and_no_word(verdict):
    for id in ("late", "hidden"):
        assert of(verdict, id).evidence == ()
    assert of(verdict, "late").outcome is Outcome.PASSED
    assert "SPOKEN" not in of(verdict, "hidden").message + of(verdict, "hidden").hint


def test_a_verdict_with_exhibits_survives_json(verdict):
    assert verdict_from_json(json.loads(json.dumps(verdict.to_json()))).criteria == verdict.criteria
