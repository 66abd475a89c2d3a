"""``ci``: each way in which a course can fail its own test is told in words, and a good one passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_examiner import FakeExaminer
from small_course import DOUBLE_RIGHT, DOUBLE_SOLUTION, add_assignment, write_course

from torchgrade.errors import BrokenError, SpecError
from torchgrade.grading import warm
from torchgrade.model import Course
from torchgrade.pipeline import Finding, course_test
from torchgrade.pipeline import test_course as run_course_test
from torchgrade.spec import load_course

GOOD = {
    "wrong/triples.py": """
    # title: Three times
    # loses: doubles, doubles-large
    # hint: Three is one too many.

    # %%
    def double(x):
        return 3 * x
    """,
    "wrong/clamped.py": """
    # title: Right for small numbers only
    # loses: doubles-large

    # %%
    def double(x):
        return 2 * x.clamp(-100, 100)
    """,
    "right/added.py": "# title: A sum\n\n# %%\ndef double(x):\n    return x + x\n",
}
BAD = {
    # A wrong answer that passes.
    "wrong/is_right.py": "# loses: doubles, doubles-large\n\n# %%\ndef double(x):\n    return 2 * x\n",
    # Loses more than it says.
    "wrong/loses_more.py": "# loses: doubles\n\n# %%\ndef double(x):\n    return 4 * x\n",
    # Two answers that give the same outputs: only the first, by name, can be recognised.
    "wrong/other_hint.py": """
    # loses: doubles, doubles-large
    # hint: Five.

    # %%
    def double(x):
        return 5 * x
    """,
    "wrong/other_hint_again.py": """
    # loses: doubles, doubles-large
    # hint: Not four.

    # %%
    def double(x):
        return x * 5
    """,
    "wrong/strange_criterion.py": "# loses: doubels\n\n# %%\ndef double(x):\n    return 6 * x\n",
    "wrong/strange_key.py": "# looses: doubles, doubles-large\n\n# %%\ndef double(x):\n    return 7 * x\n",
    # A right answer that loses.
    "right/loses.py": "# title: Not so right\n\n# %%\ndef double(x):\n    return x * 2.1\n",
    "right/strange_criterion.py": "# misses: bonus\n\n# %%\ndef double(x):\n    return x * 2\n",
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """subject → problem. The solution loses a criterion and has no mark of a gap; some answers are well."""
    root = add_assignment(
        write_course(tmp_path_factory.mktemp("ci")),
        answers=GOOD | BAD,
        solution=["def double(x):\n    return 2 * x.clamp(-100, 100)\n"],
    )
    return {f.subject: f.problem for f in run_course_test(load_course(root), seeds=2)}


def test_each_case_is_tried_with_each_seed(findings: dict[str, str]) -> None:
    cases = {s.removesuffix(", seed 2") for s in findings if s.endswith(", seed 2")}
    assert cases == set(findings) - {f"{c}, seed 2" for c in cases} - {"handout is derived from the solution"}


@pytest.mark.parametrize("subject", ["wrong/triples", "wrong/clamped", "right/added"])
def test_what_is_well_passes(findings: dict[str, str], subject: str) -> None:
    assert findings[subject] == ""


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("handout is derived from the solution", ""),
        ("solution earns everything", "loses doubles-large: The values of the answer are wrong."),
        ("handout earns nothing", "earns points for doubles"),
        ("wrong/is_right", "should lose doubles, doubles-large, but passes"),
        ("wrong/loses_more", "should keep doubles-large, but loses"),
        ("wrong/other_hint", ""),
        ("wrong/other_hint_again", "does not get its hint, but: Five."),
        ("wrong/strange_criterion", "its header names unknown criteria: doubels"),
        ("wrong/strange_key", "its header has unknown keys: looses; known: title, hint, loses, misses, borrows"),
        ("right/loses", "should keep doubles, doubles-large, but loses"),
        ("right/strange_criterion", "its header names unknown criteria: bonus"),
    ],
)
def test_what_is_ill_is_told(findings: dict[str, str], subject: str, said: str) -> None:
    problem = findings[subject]
    assert problem.startswith(said) if said else problem == ""


def test_all_cases_are_tried(findings: dict[str, str]) -> None:
    assert len(findings) == 1 + 2 * (2 + len(GOOD) + len(BAD))  # the handout is compared once, the rest run twice


# --- without an examiner -----------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return add_assignment(write_course(tmp_path), answers=GOOD)


@pytest.fixture
def no_examiner(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: warm.Setup) -> warm.Examiner:
        raise BrokenError("an examiner was started")

    monkeypatch.setattr(course_test.warm, "start", refuse)


def handout(course: Course, *, fix: bool = False) -> Finding:
    return course_test._handout_is_fresh(course.assignments[0], fix=fix)


def forget(root: Path) -> None:
    (root / "assignments/double/double.ipynb").unlink()


def edit(root: Path) -> None:
    path = root / "assignments/double/double.ipynb"
    path.write_text(path.read_text().replace("YOUR CODE", "OUR CODE"))


@pytest.mark.parametrize("spoil", [forget, edit])
def test_a_stale_handout_is_told_and_mended(root: Path, spoil: Callable[[Path], None]) -> None:
    course = load_course(root)
    fresh = course.assignments[0].handout.read_bytes()
    assert handout(course).problem == ""
    spoil(root)
    assert "is stale; `torchgrade ci --fix` derives it again" in handout(course).problem
    assert handout(course, fix=True).problem == ""
    assert course.assignments[0].handout.read_bytes() == fresh
    assert handout(course).problem == ""


def test_without_fix_nothing_is_written(root: Path) -> None:
    edit(root)
    before = {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}
    handout(load_course(root))
    assert {p: p.read_bytes() for p in root.rglob("*") if p.is_file()} == before


def test_a_missing_handout_does_not_stop_the_rest(root: Path) -> None:
    forget(root)
    assert "handout earns nothing" not in [c.subject for c in course_test._cases(load_course(root).assignments[0])]


def test_an_answer_without_a_cell_is_a_finding_that_names_it(root: Path, no_examiner: None) -> None:
    (root / "graders/double/answers/wrong/empty.py").write_text("# title: nothing\n")
    *_, last = run_course_test(load_course(root))
    assert "wrong/empty.py: has no line '# %%'" in last.problem


def test_an_answer_that_does_not_run_is_a_finding_and_the_next_assignment_is_tried(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(FakeExaminer):
        def wait_ready(self) -> None:
            raise BrokenError("ill.py, cell 1: NameError: name 'undefined_name' is not defined")

    monkeypatch.setattr(course_test.warm, "start", Refusing)
    add_assignment(root, "other")
    found = [f for f in run_course_test(load_course(root)) if f.problem]
    assert [f.assignment for f in found] == ["double", "other"]
    assert {f.problem for f in found} == {"ill.py, cell 1: NameError: name 'undefined_name' is not defined"}


def test_only_the_named_assignments_are_tried(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course_test, "_try_cases", lambda *_: iter(()))
    add_assignment(root, "other", handout=False)
    course = load_course(root)
    assert [f.assignment for f in run_course_test(course, ("double",))] == ["double"]
    assert [f.assignment for f in run_course_test(course)] == ["double", "other"]


def test_a_missing_solution_is_one_line(root: Path, no_examiner: None) -> None:
    (root / "solutions/double/double.ipynb").unlink()
    with pytest.raises(SpecError, match=r"double\.ipynb: the notebook does not exist"):
        list(run_course_test(load_course(root)))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 1}'])
def test_a_solution_that_is_no_notebook_is_one_line(root: Path, no_examiner: None, text: str) -> None:
    (root / "solutions/double/double.ipynb").write_text(text)
    with pytest.raises(SpecError, match=r"double\.ipynb: is not a notebook") as fault:
        list(run_course_test(load_course(root)))
    assert "\n" not in str(fault.value)


def test_marks_that_do_not_pair_up_name_the_solution(tmp_path: Path, no_examiner: None) -> None:
    root = add_assignment(write_course(tmp_path), solution=[DOUBLE_RIGHT], handout=False)
    path = root / "solutions/double/double.ipynb"
    path.write_text(path.read_text().replace("return 2 * x", "### BEGIN SOLUTION"))
    with pytest.raises(SpecError, match=r"solutions/double/double\.ipynb.*BEGIN SOLUTION without"):
        list(run_course_test(load_course(root)))


def test_the_small_courses_solution_has_a_gap() -> None:
    assert "BEGIN SOLUTION" in DOUBLE_SOLUTION
