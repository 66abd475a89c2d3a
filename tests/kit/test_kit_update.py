"""A repository that was handed out, in which a student has worked, is brought up to date by copier itself."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from canaries import CANARIES, canary_course, found_in
from handing_out import git, handed_out
from small_course import add_assignment

from torchgrade.model import Course
from torchgrade.notebook import derive_handout, dump
from torchgrade.spec import load_course

EARLY = "my own, begun before it was handed out"


def update(repository: Path) -> None:
    """As a student types it, with nothing to ask."""
    command = [sys.executable, "-m", "copier", "update", "--defaults"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def commit(repository: Path) -> None:
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "work")


def work(notebook: Path) -> str:
    """Fill the gap in, as a student does; the file as it then is."""
    document = json.loads(notebook.read_text(encoding="utf-8"))
    document["cells"][0]["source"] = "def double(x):\n    return x + x  # mine"
    notebook.write_text(json.dumps(document), encoding="utf-8")
    return notebook.read_text(encoding="utf-8")


def correct(root: Path) -> Course:
    """The teacher mends the grader, the text and the handout."""
    grader = root / "graders" / "double" / "test_public.py"
    grader.write_text(grader.read_text().replace("Twice is two times.", "Twice is x + x."))
    (root / "assignments/double/README.md").write_text("# Double it, corrected\n")
    solution = root / "solutions" / "double" / "double.ipynb"
    solution.write_text(solution.read_text().replace("# Twice.", "# Twice, exactly."))
    handout = root / "assignments" / "double" / "double.ipynb"
    handout.write_text(dump(derive_handout(json.loads(solution.read_text()))), encoding="utf-8")
    return load_course(root)


@dataclass(frozen=True)
class Updated:
    """A student's repository after an update, and their notebook before it."""

    folder: Path
    notebook: str

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def updated(tmp_path_factory: pytest.TempPathFactory, git_of_tests: None) -> Updated:
    """A clone beside the template. The student has solved the task, taken notes, remarked on the text and begun
    what was not handed out yet; then the course corrected the first task, added two, and moved to a GPU."""
    tmp = tmp_path_factory.mktemp("updated")
    course = canary_course(tmp / "course")
    handed_out(course, tmp / "out")
    student = tmp / "out" / "ada"
    git(tmp, "clone", "-q", str(tmp / "out" / "kit"), str(student))
    mine = work(student / "double.ipynb")
    (student / "notes.md").write_text("my notes\n")
    (student / "wren.ipynb").write_text(EARLY)
    (student / "assignments/double/README.md").write_text("# Double it, my remark\n")
    commit(student)
    for id in ("robin", "wren"):
        add_assignment(course.root, id)
    handed_out(correct(course.root), tmp / "out", "double", "robin", "wren", runner="gpu")
    update(student)
    return Updated(student, mine)


def test_a_students_notebook_is_as_it_was(updated: Updated) -> None:
    assert updated.read("double.ipynb") == updated.notebook
    assert updated.read("notes.md") == "my notes\n"
    changed = git(updated.folder, "status", "--porcelain").splitlines()
    assert not any(line.endswith(" double.ipynb") for line in changed)


def test_corrections_come(updated: Updated) -> None:
    assert "Twice is x + x." in updated.read("graders/double/test_public.py")
    assert "Twice, exactly." in updated.read("assignments/double/double.ipynb"), "the handout, to look at"
    assert "_commit: v2" in updated.read(".copier-answers.yml")
    assert not list(updated.folder.rglob("*.rej")) and not list(updated.folder.rglob("*.orig"))


def test_a_new_task_comes_with_its_notebook(updated: Updated) -> None:
    assert updated.read("robin.ipynb") == updated.read("assignments/robin/robin.ipynb")
    assert (updated.folder / "graders/robin/test_public.py").is_file()
    assert [a.id for a in load_course(updated.folder).assignments] == ["double", "robin", "wren"]


def test_what_a_student_began_before_it_was_handed_out_is_theirs(updated: Updated) -> None:
    assert updated.read("wren.ipynb") == EARLY
    assert (updated.folder / "assignments/wren/wren.ipynb").is_file()


def test_the_same_line_changed_on_both_sides_is_shown_as_a_conflict(updated: Updated) -> None:
    text = updated.read("assignments/double/README.md")
    assert "my remark" in text and "corrected" in text and "<<<<<<<" in text


def test_a_label_that_the_course_changes_comes_too(updated: Updated) -> None:
    assert 'runs-on: "gpu"' in updated.read(".github/workflows/check.yml")


def test_nothing_that_is_hidden_comes_by_an_update(updated: Updated) -> None:
    commit(updated.folder)
    assert found_in(updated.folder) == set()
    (updated.folder / "x").write_text(CANARIES["solution"])
    assert found_in(updated.folder) == {"solution"}
    (updated.folder / "x").unlink()


def test_an_update_by_a_published_address_leaves_a_notebook_that_was_not_begun(
    course: Course, tmp_path: Path
) -> None:
    """The address is that of a bare repository, as a server has it; the teacher's folders are out of reach."""
    bare = tmp_path / "server" / "kit.git"
    kit = handed_out(course, tmp_path / "out", url=f"file://{bare}")
    git(tmp_path, "clone", "-q", "--bare", str(tmp_path / "out" / "template"), str(bare))
    student = tmp_path / "elsewhere" / "ada"
    git(tmp_path, "clone", "-q", str(kit), str(student))
    before = (student / "double.ipynb").read_bytes()
    handed_out(correct(course.root), tmp_path / "out")
    git(tmp_path / "out" / "template", "push", "-q", str(bare), "main", "--tags")
    (tmp_path / "out").rename(tmp_path / "away")
    update(student)
    assert (student / "double.ipynb").read_bytes() == before
    assert "corrected" in (student / "assignments/double/README.md").read_text()
