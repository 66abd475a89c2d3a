"""An nbgrader notebook becomes an assignment that the course's own test accepts; what stays behind is said."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
import yaml
from nbgrader_course import (
    PROBLEM1,
    PROBLEM2,
    PROBLEM3,
    answer,
    code,
    marked,
    save,
    task,
    test_cell,
    text,
    written,
)
from nbgrader_tests import CARRIED, GIVEN, LEFT, SOLUTION

from torchgrade.errors import SpecError, TorchgradeError, UsageError
from torchgrade.importing import NotCarried, import_nbgrader
from torchgrade.notebook.cells import cell_source
from torchgrade.pipeline.course_test import test_course as try_course
from torchgrade.spec import load_course


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "course"
    folder.mkdir()
    (folder / "course.yaml").write_text("title: Course\nyear: 2026\n", encoding="utf-8")
    return folder


def spec(root: Path, id: str) -> dict[str, dict[str, object]]:
    data = yaml.safe_load((root / f"assignments/{id}/assignment.yaml").read_text(encoding="utf-8"))
    return {criterion["id"]: criterion for criterion in data["rubric"]}


def sources(root: Path, place: str, id: str) -> list[str]:
    data = json.loads((root / place / id / f"{id}.ipynb").read_text(encoding="utf-8"))
    return [cell_source(cell) for cell in data["cells"]]


def grader(root: Path, id: str, name: str = "public") -> str:
    return (root / f"graders/{id}/test_{name}.py").read_text(encoding="utf-8")


# --- nbgrader's own example ------------------------------------------------------------------------------------


def test_the_example_course_is_imported_with_its_points(root: Path, tmp_path: Path) -> None:
    made = import_nbgrader(root, save(tmp_path / "source" / "problem1.ipynb", *PROBLEM1))
    found = spec(root, "problem1")
    assert {
        id: (c["points"], c.get("manual", False), c.get("visibility", "public")) for id, c in found.items()
    } == {
        "correct_squares-public": (0, False, "public"),
        "correct_squares": (1, False, "hidden"),
        "squares_invalid_input": (1, False, "public"),
        "correct_sum_of_squares": (0.5, False, "public"),
        "sum_of_squares_uses_squares": (0.5, True, "public"),
        "sum_of_squares_equation": (1, True, "public"),
        "sum_of_squares_application": (2, True, "public"),
        "cell-938593c4a215c6cc": (4, True, "public"),
    }
    assert found["correct_squares"]["title"] == "squares gives the right lists"
    assert (made.points, made.manual_points, made.examined, made.manual) == (10, 7.5, 4, 4)
    assert made.not_carried == [
        NotCarried(11, "sum_of_squares_uses_squares", "looks at 'squares' itself, not at what it answers")
    ]
    listed = grader(root, "problem1")
    assert "#     del squares" in listed and "sum_of_squares_uses_squares waits for a teacher" in listed


def test_hidden_tests_are_nowhere_that_students_see(root: Path, tmp_path: Path) -> None:
    import_nbgrader(root, save(tmp_path / "problem1.ipynb", *PROBLEM1))
    hidden, public = grader(root, "problem1", "hidden"), grader(root, "problem1")
    assert "submission.call('squares', 3)" in hidden and "submission.call('squares', 2)" in hidden
    assert "3)" not in public and "submission.call('squares', 2)" in public
    for place in ("assignments", "solutions"):
        whole = "\n".join(sources(root, place, "problem1"))
        assert "assert" not in whole and "HIDDEN" not in whole
    assert "number * number" not in "\n".join(sources(root, "assignments", "problem1"))


def test_the_handout_asks_for_what_nbgrader_asks_for(root: Path, tmp_path: Path) -> None:
    import_nbgrader(root, save(tmp_path / "problem1.ipynb", *PROBLEM1))
    handout = sources(root, "assignments", "problem1")
    squares = next(s for s in handout if "def squares" in s)
    assert 'raise NotImplementedError("write this")' in squares and "A ValueError where n is below 1" in squares
    assert "*Write your answer here.*" in handout and not any("pyramid" in s or "sum_{i=1}" in s for s in handout)
    assert handout[-1].endswith("*Write your answer here.*") and "squares(3)" in handout


def test_the_course_test_accepts_what_was_imported(root: Path, tmp_path: Path) -> None:
    import_nbgrader(root, save(tmp_path / "problem1.ipynb", *PROBLEM1))
    import_nbgrader(root, save(tmp_path / "problem2.ipynb", *PROBLEM2))
    answers = root / "graders/problem1/answers/wrong"
    answers.mkdir(parents=True)
    (answers / "from_zero.py").write_text(
        "# title: begins with 0\n# loses: correct_squares, correct_squares-public, squares_invalid_input\n"
        "# %%\ndef squares(n):\n    return [i * i for i in range(n)]\n"
        "# %%\ndef sum_of_squares(n):\n    return sum(i * i for i in range(n + 1))\n",
        encoding="utf-8",
    )
    (answers / "equal_to_all.py").write_text(
        "# title: a list that is equal to every other\n"
        "# loses: correct_squares, correct_squares-public, squares_invalid_input, correct_sum_of_squares\n"
        "# %%\nclass Same(list):\n    def __eq__(self, other):\n        return True\n"
        "# %%\ndef squares(n):\n    return Same()\n"
        "# %%\ndef sum_of_squares(n):\n    return Same()\n",
        encoding="utf-8",
    )
    (answers / "nothing_raised.py").write_text(
        "# title: never raises\n# loses: squares_invalid_input\n"
        "# %%\ndef squares(n):\n    return [i * i for i in range(1, n + 1)]\n"
        "# %%\ndef sum_of_squares(n):\n    return sum(squares(n))\n",
        encoding="utf-8",
    )
    found = {(f.assignment, f.subject): f.problem for f in try_course(load_course(root))}
    assert set(found.values()) == {""}, found
    assert ("problem1", "wrong/equal_to_all") in found and ("problem2", "handout earns nothing") in found


def test_a_picture_is_left_to_a_person(root: Path, tmp_path: Path) -> None:
    made = import_nbgrader(root, save(tmp_path / "problem3.ipynb", *PROBLEM3))
    assert made.not_carried == [
        NotCarried(3, "picture-labels", "needs matplotlib.pyplot, which graders do not have")
    ]
    assert spec(root, "problem3")["picture-labels"]["manual"] is True


# --- one test after another --------------------------------------------------------------------------------------


def around(*tests: dict[str, object]) -> tuple[dict[str, object], ...]:
    """A notebook of SOLUTION and GIVEN with tests, and a cell below them that makes a name anew."""
    below = answer("below", "### BEGIN SOLUTION\nlater = 2\n### END SOLUTION")
    first = answer("first", "### BEGIN SOLUTION\nlater = 1\n### END SOLUTION")
    return answer("all", SOLUTION), code(GIVEN), first, *tests, below


def test_tests_are_moved_out_and_hold_for_the_solution(root: Path, tmp_path: Path) -> None:
    tests = [test_cell(id, 1, source) for id, source in CARRIED.items()]
    made = import_nbgrader(root, save(tmp_path / "many.ipynb", *around(*tests)))
    assert made.not_carried == [] and made.examined == len(CARRIED)
    text = grader(root, "many")
    ast.parse(text)
    assert "eval" not in text and text.count("@pytest.mark.criterion") == len(CARRIED)
    found = {f.subject: f.problem for f in try_course(load_course(root))}
    assert set(found.values()) == {""}, f"{found}\n{text}"


@pytest.mark.parametrize(("source", "reason"), LEFT.values(), ids=LEFT)
def test_what_cannot_be_moved_is_listed_with_the_reason(
    root: Path, tmp_path: Path, source: str, reason: str
) -> None:
    made = import_nbgrader(root, save(tmp_path / "one.ipynb", *around(test_cell("odd one", 2.5, source))))
    assert [(n.cell, n.grade_id) for n in made.not_carried] == [(4, "odd one")]
    assert reason in made.not_carried[0].reason
    assert spec(root, "one")["odd-one"] == {"id": "odd-one", "title": "odd one", "points": 2.5, "manual": True} | (
        {"title": "nothing here"} if source.startswith("# n") else {}
    )
    listed = [
        line.removeprefix("#     ") for line in grader(root, "one").splitlines() if line.startswith("#     ")
    ]
    assert "\n".join(listed) == source


def test_a_test_that_no_parser_can_hold_is_left(root: Path, tmp_path: Path) -> None:
    deep = test_cell("deep", 1, f"assert double(1) == {'-' * 20_000}2")
    made = import_nbgrader(root, save(tmp_path / "one.ipynb", *around(deep)))
    assert [n.reason for n in made.not_carried] == ["is nested too deeply"]


def test_a_wrong_answer_is_told_what_came(root: Path, tmp_path: Path) -> None:
    import_nbgrader(root, save(tmp_path / "one.ipynb", *around(test_cell("t", 1, "assert double(2) == 4"))))
    text = grader(root, "one")
    assert (
        "told('double(2) == 4 does not hold', answer)" in text
        and "from torchgrade.testing import describe" in text
    )


def test_given_code_is_not_asked_of_the_student(root: Path, tmp_path: Path) -> None:
    import_nbgrader(root, save(tmp_path / "one.ipynb", *around(test_cell("t", 1, CARRIED["given"]))))
    text = grader(root, "one")
    assert "LIMIT = 3" in text and "def doubled(x):" in text and "value('expected')" not in text


# --- notebooks ---------------------------------------------------------------------------------------------------


def test_answers_without_marks_are_taken_away_whole(root: Path, tmp_path: Path) -> None:
    path = save(
        tmp_path / "a.ipynb",
        answer("x", "x = 6 * 7"),
        answer("odd", "if True:\n### BEGIN SOLUTION\n    y = 1\n### END SOLUTION"),
        test_cell("t", 1, "assert x == 42"),
        task("look", 1, "Draw.\n\n=== BEGIN MARK SCHEME ===\n\nA secret.\n\n=== END MARK SCHEME ==="),
    )
    made = import_nbgrader(root, path)
    handout = "\n".join(sources(root, "assignments", "a"))
    assert "6 * 7" not in handout and "secret" not in handout and "y = 1" not in handout
    assert "secret" in "\n".join(sources(root, "solutions", "a"))
    assert made.remarks == ["cell 2: without its solution it is no valid Python; all of it is the solution"]


def test_files_that_the_notebook_names_come_along(root: Path, tmp_path: Path) -> None:
    for name in ("jupyter.png", "data.csv", "other.csv", "old.ipynb", "a.csv"):
        (tmp_path / "source").mkdir(exist_ok=True)
        (tmp_path / "source" / name).write_bytes(b"1")
    (tmp_path / "source" / "link.csv").symlink_to("/etc/passwd")
    path = save(tmp_path / "source" / "problem1.ipynb", *PROBLEM1, code("open('data.csv'); open('link.csv')"))
    import_nbgrader(root, path, "ps1.problem1")
    assert sorted(p.name for p in (root / "assignments/ps1.problem1/files").iterdir()) == [
        "data.csv",
        "jupyter.png",
    ]
    assert load_course(root).assignments[0].files


def test_ids_that_would_be_one_stay_apart(root: Path, tmp_path: Path) -> None:
    tests = [test_cell(id, 1, "assert x == 1") for id in ("a b", "a-b", "ж", "ё")]
    import_nbgrader(root, save(tmp_path / "Проба 1.ipynb", answer("x", "x = 1"), *tests), "proba")
    assert list(spec(root, "proba")) == ["a-b", "a-b-2", "criterion", "criterion-2"]


# --- what cannot be imported at all ------------------------------------------------------------------------------

ONE = (answer("x", "x = 1"), test_cell("t", 1, "assert x == 1"))


def refused(root: Path, path: Path, id: str = "") -> str:
    """The one line; nothing lies in the course that was not there before."""
    before = sorted(root.rglob("*"))
    with pytest.raises(TorchgradeError) as caught:
        import_nbgrader(root, path, id)
    assert sorted(root.rglob("*")) == before
    assert isinstance(caught.value, UsageError | SpecError) and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("place", ["assignments", "solutions", "graders"])
def test_what_is_there_is_never_overwritten(root: Path, tmp_path: Path, place: str) -> None:
    (root / place / "one").mkdir(parents=True)
    said = refused(root, save(tmp_path / "one.ipynb", *ONE))
    assert said == f"{place}/one is there already; remove it, or choose another name: --id NAME"


@pytest.mark.parametrize("id", ["../x", "a/b", "-x", "ж", "a b", "x" * 65])
def test_an_id_that_is_no_folder_s_name_is_refused(root: Path, tmp_path: Path, id: str) -> None:
    assert "must begin with a Latin letter or digit" in refused(root, save(tmp_path / "one.ipynb", *ONE), id)


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ((), "has no cells of nbgrader"),
        ((text("x"), code("x = 1")), "has no cells of nbgrader"),
        ((answer("x", "x = 1"),), "no cell gives points"),
        ((*ONE, test_cell("t", 1, "assert x")), "cell 3: 't' is the id of cell 2 already"),
        ((marked(code("x"), "", grade=True, points=1),), "cell 1: nbgrader's grade_id is missing"),
        ((test_cell("t", -1, "assert x"),), "cell 1: nbgrader's points are -1; write a number from 0 on"),
        ((marked(code("x"), "t", grade=True, points="1"),), "cell 1: nbgrader's points are '1'; write a number"),
        ((*ONE, test_cell("b", 1, "assert x\0 == 1")), "cell 3: holds characters that no text file can"),
        ((text("\ud800"), *ONE), "cell 1: holds characters that no text file can"),
        ((*ONE, test_cell("\ud800", 1, "assert x == 1")), "cell 3: holds characters that no text file can"),
        ((*ONE, test_cell(7, 1, "assert x == 1")), "cell 3: nbgrader's grade_id is 7; write a name"),  # type: ignore[arg-type]
        ((marked(code("x"), "t", grade=True, schema_version=9),), "schema_version 9 is not known here"),
        (
            (answer("f", "def f(n):\n    # YOUR CODE HERE\n    raise NotImplementedError()"), ONE[1]),
            "is the version for students, without solutions",
        ),
    ],
)
def test_a_notebook_that_is_no_assignment_is_one_line(
    root: Path, tmp_path: Path, cells: tuple[dict[str, object], ...], told: str
) -> None:
    assert told in refused(root, save(tmp_path / "one.ipynb", *cells))


def test_another_language_or_no_notebook_is_one_line(root: Path, tmp_path: Path) -> None:
    assert "is written in R" in refused(root, save(tmp_path / "one.ipynb", *ONE, language="R"))
    (tmp_path / "bad.ipynb").write_text("{")
    assert "breaks off" in refused(root, tmp_path / "bad.ipynb")
    assert "no id can be made of this name" in refused(root, save(tmp_path / "Проба.ipynb", *ONE))
    (tmp_path / "old.ipynb").write_text('{"worksheets": []}')
    assert "is not a notebook of nbformat 4" in refused(root, tmp_path / "old.ipynb")
    assert "cannot be read" in refused(root, tmp_path / "none.ipynb")


def test_a_failure_in_the_middle_leaves_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if target.parent.name == "assignments":
            raise OSError(28, "No space left on device", str(target))
        return rename(self, target)

    for place in ("assignments", "solutions", "graders"):
        (root / place).mkdir()
    monkeypatch.setattr(Path, "rename", fails)
    assert "No space left on device); nothing was imported" in refused(root, save(tmp_path / "one.ipynb", *ONE))


def test_a_course_that_lists_its_assignments_is_pointed_at(root: Path, tmp_path: Path) -> None:
    import_nbgrader(root, save(tmp_path / "one.ipynb", *ONE))
    with (root / "course.yaml").open("a") as file:
        file.write("assignments: [one]\n")
    made = import_nbgrader(root, save(tmp_path / "two.ipynb", *ONE))
    assert made.remarks == ["course.yaml lists its assignments: add 'two' there"]


def test_what_a_course_promises_in_another_language_is_said(root: Path, tmp_path: Path) -> None:
    with (root / "course.yaml").open("a") as file:
        file.write("languages: [en, ru]\n")
    (remark,) = import_nbgrader(root, save(tmp_path / "one.ipynb", *ONE)).remarks
    assert remark.startswith("course.yaml promises ru, and of this nothing is translated")


def test_a_person_grades_what_was_written(root: Path, tmp_path: Path) -> None:
    path = save(tmp_path / "w.ipynb", text("# Words\n\n## Why?"), written("why", 3, text("Because.")))
    made = import_nbgrader(root, path)
    assert spec(root, "w")["why"] == {"id": "why", "title": "Words", "points": 3, "manual": True}
    assert (made.examined, made.manual) == (0, 1)
