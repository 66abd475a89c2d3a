"""What a hidden criterion may not tell: whatever the student's code printed, raised or gave back while it was
examined, and what it was examined with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from small_course import add_assignment, examine, of, write_course

from torchgrade.feedback import write_feedback
from torchgrade.grading import warm
from torchgrade.model import Outcome, Verdict, Visibility
from torchgrade.spec import load_course

RUBRIC = """\
- {id: raised, title: raised, points: 1, visibility: hidden}
- {id: compared, title: compared, points: 1, visibility: hidden}
- {id: searched, title: searched, points: 1, visibility: hidden}
- {id: shaped, title: shaped, points: 1, visibility: hidden}
- {id: typed, title: typed, points: 1, visibility: hidden}
- {id: asserted, title: asserted, points: 1, visibility: hidden}
- {id: unsaid, title: no docstring, points: 1, visibility: hidden}
- {id: failed, title: failed by name, points: 1, visibility: hidden}
- {id: stumbled, title: stumbled, points: 1, visibility: hidden}
- {id: missing, title: missing, points: 1, visibility: after_due}
- {id: odd, title: odd, points: 1, visibility: after_due}
- {id: forgotten, title: memory, points: 1, visibility: hidden}
- {id: hinted, title: hinted, points: 1, visibility: hidden}
- {id: left, title: ended, points: 1, visibility: hidden}
- {id: needing, title: needing, points: 1, visibility: hidden, needs: [raised]}
- {id: told-later, title: public but last in the rubric, points: 1}
"""

PUBLIC = '''
@pytest.mark.criterion("told-later")
def test_told_later(submission):
    """tell() says what it has heard"""
    submission.call("tell")
'''

HIDDEN = '''
@pytest.fixture
def x(rng):
    return torch.randn(7, 11, 3, generator=rng)


@pytest.mark.criterion("raised")
def test_raised(submission, x):
    """loud(x) answers"""
    submission.call("loud", x)


@pytest.mark.criterion("compared")
def test_compared(submission, x):
    """thrice(x) is right"""
    assert_tensor_close(submission.call("thrice", x), 2 * x, input=x)


@pytest.mark.criterion("searched")
def test_searched(submission, x):
    """thrice(x) is right for each"""
    for_each_input(submission, lambda x: assert_tensor_close(submission.call("thrice", x), 2 * x, input=x), [x])


@pytest.mark.criterion("shaped")
def test_shaped(submission, x):
    """flat(x) has the shape of x"""
    require_tensor(submission.call("flat", x), x.shape)


@pytest.mark.criterion("typed")
def test_typed(submission, x):
    """echo(x) is a tensor"""
    assert_tensor_close(submission.call("echo", x), x)


@pytest.mark.criterion("asserted")
def test_asserted(submission, x):
    """echo(x) is x"""
    answer = submission.call("echo", x)
    assert answer == x.tolist(), f"{answer} is not {x.tolist()}"


@pytest.mark.criterion("unsaid")
def test_unsaid(submission, x):
    answer = submission.call("echo", x)
    assert answer == x.tolist(), f"{answer} is not {x.tolist()}"


@pytest.mark.criterion("failed")
def test_failed(submission, x):
    """echo(x) is x"""
    pytest.fail(f"{submission.call('echo', x)} is not {x.tolist()}")


@pytest.mark.criterion("stumbled")
def test_stumbled(submission, x):
    """echo(x) is one of ours"""
    {"fine": 1}[submission.call("echo", x)]


@pytest.mark.criterion("missing")
def test_missing(submission, x):
    """lod(x) answers"""
    submission.call("lod", x)


@pytest.mark.criterion("odd")
def test_odd(submission, x):
    """strange(x) answers"""
    submission.call("strange", x)


@pytest.mark.criterion("forgotten")
def test_forgotten(submission, x):
    """hungry(x) answers"""
    submission.call("hungry", x)


@pytest.mark.criterion("hinted")
def test_hinted(submission, x, hint):
    """loud(x) answers"""
    hint("A hint of the course's own.")
    submission.call("loud", x)


@pytest.mark.criterion("left")
def test_left(submission, x):
    """leave(x) answers"""
    submission.call("leave", x)


@pytest.mark.criterion("needing")
def test_needing(submission):
    """never asked"""
'''

SOLUTION = """
def loud(x): return x
def thrice(x): return 2 * x
def flat(x): return x
def echo(x): return "fine"
def lod(x): return x
def strange(x): return x
def hungry(x): return x
def leave(x): return x
def tell(): return 1
"""

# The word LEAK is put together at run time, so that it is not found in the notebook's source.
STUDENT = """
import os, sys
heard = []
def leaked(x):
    heard.append(x)
    text = "LE" + f"AK {tuple(x.shape)} {x.flatten()[:40].tolist()}"
    print(text)
    print(text, file=sys.stderr)
    return text
def loud(x): raise type("LE" + "AKError", (Exception,), {})(leaked(x))
def thrice(x):
    leaked(x)
    return 3 * x
def flat(x):
    leaked(x)
    return x.flatten()
def echo(x): return leaked(x)
def strange(x): return {type("LE" + "AKClass", (), {})(): leaked(x)}
def hungry(x): raise MemoryError(leaked(x))
def leave(x):
    leaked(x)
    os._exit(9)
def tell(): raise ValueError("LE" + f"AK {[h.tolist() for h in heard]}" if heard else "nothing was heard")
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_assignment(
        write_course(tmp_path_factory.mktemp("secrets")),
        "secret",
        rubric=RUBRIC,
        public=PUBLIC,
        hidden=HIDDEN,
        solution=[SOLUTION],
        defines="loud, tell",
    )


@pytest.fixture(scope="module")
def verdict(root: Path) -> Iterator[Verdict]:
    examiner = warm.WarmExaminer.start(warm.Setup(str(root), "secret"))
    try:
        yield examine(examiner, "secret", STUDENT)
    finally:
        examiner.close()


LOST = {
    "raised": Outcome.ERRORED,
    "compared": Outcome.FAILED,
    "searched": Outcome.FAILED,
    "shaped": Outcome.FAILED,
    "typed": Outcome.FAILED,
    "asserted": Outcome.FAILED,
    "unsaid": Outcome.FAILED,
    "failed": Outcome.FAILED,
    "stumbled": Outcome.FAILED,
    "missing": Outcome.FAILED,
    "odd": Outcome.FAILED,
    "forgotten": Outcome.OUT_OF_MEMORY,
    "hinted": Outcome.ERRORED,
    "left": Outcome.ERRORED,
    "needing": Outcome.SKIPPED,
}


def test_every_way_of_losing_is_tried(verdict: Verdict) -> None:
    """Without this, the tests below could pass because nothing was said at all."""
    assert {c.id: c.outcome for c in verdict.criteria if c.visibility != Visibility.PUBLIC} == LOST


def test_the_teacher_may_see_what_was_said(verdict: Verdict) -> None:
    for criterion in ("raised", "asserted", "failed", "stumbled"):
        assert "LEAK" in of(verdict, criterion).detail


@pytest.mark.parametrize("criterion", LOST)
def test_nothing_that_was_said_or_drawn_is_told(verdict: Verdict, criterion: str) -> None:
    found = of(verdict, criterion)
    told = f"{found.message}\n{found.hint}"
    assert "LEAK" not in told
    assert not re.search(r"\d\.\d", told), "a value"
    assert not re.search(r"\b(7|11|231)\b", told), "the shape of what was drawn"
    assert found.evidence == ()


@pytest.mark.parametrize("criterion", LOST)
def test_something_is_told_all_the_same(verdict: Verdict, criterion: str) -> None:
    assert of(verdict, criterion).message


def test_a_test_without_a_sentence_speaks_by_the_criterions_title(verdict: Verdict) -> None:
    assert of(verdict, "unsaid").message == "not so: no docstring"


def test_the_courses_own_hint_is_shown(verdict: Verdict) -> None:
    assert of(verdict, "hinted").hint == "A hint of the course's own."


def test_public_criteria_are_examined_before_hidden_inputs_are_seen(verdict: Verdict) -> None:
    """Code that keeps what it was asked and raises it later has nothing to raise."""
    assert "nothing was heard" in of(verdict, "told-later").message


def test_no_report_holds_what_was_said(verdict: Verdict, root: Path, tmp_path: Path) -> None:
    course = load_course(root)
    assignment = course.assignment("secret")
    assert assignment is not None
    write_feedback(course, assignment, [verdict], tmp_path, generated_at=datetime.now(UTC))
    reports = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert {p.name for p in reports} >= {"results.json", "grades.csv", "junit.xml", "index.html", "ada.html"}
    for report in reports:
        assert "LEAK" not in report.read_text(encoding="utf-8"), report.name


def test_the_executed_notebook_holds_nothing_of_the_examination(verdict: Verdict) -> None:
    assert "LEAK" not in json.dumps(verdict.notebook)
