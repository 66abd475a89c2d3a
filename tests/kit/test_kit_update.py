"""A repository that was handed out, in which a student has worked, is brought up to date by copier itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from canaries import found_in
from handing_out import git, handed_out

from torchgrade.model import Course
from torchgrade.spec import load_course


def update(repository: Path, *more: str) -> None:
    """As a student types it, with nothing to ask."""
    command = [sys.executable, "-m", "copier", "update", "--defaults", *more]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def commit(repository: Path, message: str = "work") -> None:
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", message)


def work(notebook: Path) -> str:
    """Fill the gap in, as a student does; the file as it then is."""
    document = json.loads(notebook.read_text(encoding="utf-8"))
    document["cells"][0]["source"] = "def double(x):\n    return x + x  # mine"
    notebook.write_text(json.dumps(document), encoding="utf-8")
    return notebook.read_text(encoding="utf-8")


@pytest.fixture
def student(course: Course, tmp_path: Path) -> Path:
    """A student's clone of the kit, beside the template, with work in it."""
    handed_out(course, tmp_path / "out")
    clone = tmp_path / "out" / "ada"
    git(tmp_path, "clone", "-q", str(tmp_path / "out" / "kit"), str(clone))
    return clone


def correct(course: Course) -> None:
    """The teacher mends the grader, the text and the handout."""
    grader = course.root / "graders" / "double" / "test_public.py"
    grader.write_text(grader.read_text().replace("Twice is two times.", "Twice is x + x."))
    (course.root / "assignments/double/README.md").write_text("# Double it, corrected\n")
    solution = course.root / "solutions" / "double" / "double.ipynb"
    solution.write_text(solution.read_text().replace("# Twice.", "# Twice, exactly."))
    from torchgrade.pipeline import course_test

    assert course_test._handout_is_fresh(load_course(course.root, only="double").assignments[0], fix=True)


def test_an_update_brings_the_corrections_and_leaves_the_notebook(
    course: Course, student: Path, tmp_path: Path
) -> None:
    mine = work(student / "double.ipynb")
    (student / "notes.md").write_text("my notes\n")
    commit(student)
    correct(course)
    handed_out(course, tmp_path / "out")
    update(student)
    assert (student / "double.ipynb").read_text(encoding="utf-8") == mine
    assert (student / "notes.md").read_text() == "my notes\n"
    assert "Twice is x + x." in (student / "graders/double/test_public.py").read_text()
    assert (student / "assignments/double/README.md").read_text() == "# Double it, corrected\n"
    assert "Twice, exactly." in (student / "assignments/double/double.ipynb").read_text()
    assert "_commit: v2" in (student / ".copier-answers.yml").read_text()
    assert not list(student.rglob("*.rej")) and not list(student.rglob("*.orig"))
    changed = set(git(student, "status", "--porcelain").split("\n")) - {""}
    assert not any("double.ipynb" in line and "assignments" not in line for line in changed)


def test_a_notebook_is_left_even_where_nobody_has_begun(course: Course, student: Path, tmp_path: Path) -> None:
    before = (student / "double.ipynb").read_bytes()
    correct(course)
    handed_out(course, tmp_path / "out")
    update(student)
    assert (student / "double.ipynb").read_bytes() == before


def test_a_new_task_comes_with_its_notebook(course: Course, student: Path, tmp_path: Path) -> None:
    mine = work(student / "double.ipynb")
    commit(student)
    handed_out(course, tmp_path / "out", "double", "snipe")
    update(student)
    assert (student / "snipe.ipynb").is_file() and (student / "graders/snipe/test_public.py").is_file()
    assert (student / "double.ipynb").read_text(encoding="utf-8") == mine


def test_a_students_own_notebook_of_a_later_task_is_not_overwritten(
    course: Course, student: Path, tmp_path: Path
) -> None:
    (student / "snipe.ipynb").write_text("my own, begun before it was handed out")
    commit(student)
    handed_out(course, tmp_path / "out", "double", "snipe")
    update(student)
    assert (student / "snipe.ipynb").read_text() == "my own, begun before it was handed out"


def test_the_same_line_changed_on_both_sides_is_shown_as_a_conflict(
    course: Course, student: Path, tmp_path: Path
) -> None:
    (student / "assignments/double/README.md").write_text("# Double it, my remark\n")
    mine = work(student / "double.ipynb")
    commit(student)
    correct(course)
    handed_out(course, tmp_path / "out")
    update(student)
    text = (student / "assignments/double/README.md").read_text()
    assert "my remark" in text and "corrected" in text and "<<<<<<<" in text
    assert (student / "double.ipynb").read_text(encoding="utf-8") == mine


def test_a_label_that_the_course_changes_comes_with_the_update(
    course: Course, student: Path, tmp_path: Path
) -> None:
    handed_out(course, tmp_path / "out", runner="gpu")
    update(student)
    assert 'runs-on: "gpu"' in (student / ".github/workflows/check.yml").read_text()


def test_nothing_that_is_hidden_comes_by_an_update(course: Course, student: Path, tmp_path: Path) -> None:
    work(student / "double.ipynb")
    commit(student)
    correct(course)
    handed_out(course, tmp_path / "out")
    update(student)
    commit(student, "update")
    assert found_in(student) == set()


def test_a_published_template_is_found_by_its_address(course: Course, tmp_path: Path) -> None:
    """The address is that of a bare repository, as a server has it."""
    bare = tmp_path / "server" / "kit.git"
    handed_out(course, tmp_path / "out", url=f"file://{bare}")
    git(tmp_path, "clone", "-q", "--bare", str(tmp_path / "out" / "template"), str(bare))
    git(tmp_path, "clone", "-q", str(tmp_path / "out" / "kit"), str(tmp_path / "elsewhere" / "ada"))
    student = tmp_path / "elsewhere" / "ada"
    mine = work(student / "double.ipynb")
    commit(student)
    correct(course)
    handed_out(course, tmp_path / "out")
    git(tmp_path / "out" / "template", "push", "-q", str(bare), "main", "--tags")
    update(student)
    assert (student / "double.ipynb").read_text(encoding="utf-8") == mine
    assert "corrected" in (student / "assignments/double/README.md").read_text()


def test_a_release_without_changes_brings_none(student: Path) -> None:
    update(student)
    assert git(student, "status", "--porcelain") == ""
