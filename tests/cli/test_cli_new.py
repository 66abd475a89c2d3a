"""``torchgrade new`` and ``torchgrade ci --watch`` as they are typed."""

from __future__ import annotations

import io
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_course import add_assignment, write_course

from torchgrade.cli import watching
from torchgrade.errors import SpecError
from torchgrade.pipeline import course_test
from torchgrade.pipeline.course_test import Finding
from torchgrade.spec import load_assignment


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with one assignment, which is the current folder."""
    made = add_assignment(write_course(tmp_path / "course"))
    monkeypatch.chdir(made)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return made


def test_without_a_terminal_nothing_is_asked(run: Any, root: Path) -> None:
    said = run("new", "linear-regression")
    assert (said.code, said.err) == (0, "")
    assert "wrote assignments/linear-regression/assignment.yaml\n" in said.out
    assert said.out.endswith("next: torchgrade ci linear-regression --watch, while you write over them\n")
    assert load_assignment(root, "linear-regression").defines == ("linear_regression",)


def test_options_say_what_it_is_called(run: Any, root: Path) -> None:
    assert run("new", "hw3", "--title", "Centre", "--function", "centre", "--lang", "ru").code == 0
    made = load_assignment(root, "hw3")
    assert (made.title, made.defines, made.criteria[0].title) == (
        "Centre", ("centre",), "centre(x) верна для примера из задания",
    )  # fmt: skip


def test_on_a_terminal_title_and_function_are_asked(run: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("Centre of mass\n\n"))
    said = run("new", "centre")
    assert said.code == 0 and "Title" in said.out and "Function that students write" in said.out
    assert (load_assignment(root, "centre").title, load_assignment(root, "centre").defines) == (
        "Centre of mass", ("centre",),
    )  # fmt: skip


def test_an_id_that_is_there_is_one_line(run: Any, root: Path) -> None:
    said = run("new", "double")
    assert (said.code, said.out) == (2, "")
    assert said.err == "torchgrade: there is an assignment 'double' already; nothing was written\n"


def test_outside_of_a_course_nothing_is_written(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = run("new", "centre")
    assert (said.code, said.out) == (2, "") and said.err.startswith("torchgrade: no course.yaml in ")
    assert list(tmp_path.iterdir()) == []


def test_outside_of_a_list_in_the_course_it_says_what_to_add(run: Any, root: Path) -> None:
    path = root / "course.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "assignments: [double]\n", encoding="utf-8")
    assert "add centre under `assignments:`" in run("new", "centre").out


# --- ci --watch ------------------------------------------------------------------------------------------------


def told(root: Path) -> list[str]:
    return list(watching.tried_once(root, ["double"], fix=False, seeds=1))


def test_the_first_wrong_is_told_in_full_and_ends_the_test(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    went_on = []

    def findings(*args: object, **options: object) -> Iterator[Finding]:
        try:
            yield Finding("double", "solution")
            yield Finding("double", "wrong/a", "should lose \x1b[31mb, but passes" + "!" * 500)
            went_on.append("on")
        finally:
            went_on.append("closed")

    monkeypatch.setattr(course_test, "test_course", findings)
    monkeypatch.setattr("torchgrade.pipeline.test_course", findings, raising=False)
    lines = told(root)
    assert went_on == ["closed"]
    assert lines[0] == "✗ WRONG  double: wrong/a"
    assert lines[1].strip() == "should lose ·[31mb, but passes" + "!" * 500
    assert lines[2].strip() == "1 before it is as it must be; the rest was not tried"


def test_a_file_that_cannot_be_read_is_a_line_and_no_end(root: Path) -> None:
    (root / "graders/double/test_public.py").write_text("def test_a(\n", encoding="utf-8")
    (line,) = told(root)
    assert line.startswith("✗ graders/double/test_public.py:1: not valid Python")
    (root / "assignments/double/assignment.yaml").write_text("id: [\n", encoding="utf-8")
    (line,) = told(root)
    assert line.startswith("✗ assignments/double/assignment.yaml:")


def test_what_a_teacher_writes_is_watched_and_nothing_else(root: Path) -> None:
    add_assignment(root, "other")
    before = watching.state(root, ["double"])
    for unwatched in (
        "assignments/double/double.ipynb", "graders/double/__pycache__/a.pyc", "graders/double/.a.swp",
        "graders/double/cohort/anna.ipynb", "graders/other/test_public.py", "notes.txt",
    ):  # fmt: skip
        (root / unwatched).parent.mkdir(exist_ok=True)
        (root / unwatched).write_text("changed", encoding="utf-8")
        assert watching.state(root, ["double"]) == before, unwatched
    for watched in (
        "course.yaml", "assignments/double/assignment.yaml", "assignments/double/files/helper.py",
        "solutions/double/double.ipynb", "graders/double/test_hidden.py", "graders/double/answers/wrong/a.py",
    ):  # fmt: skip
        (root / watched).parent.mkdir(exist_ok=True, parents=True)
        (root / watched).write_text("changed", encoding="utf-8")
        assert watching.state(root, ["double"]) != before, watched
        before = watching.state(root, ["double"])
    (root / "graders/other/test_public.py").write_text("changed again", encoding="utf-8")
    assert len(watching.state(root, [])) > len(before)


def test_it_runs_once_and_then_after_each_change_alone(root: Path) -> None:
    waits = itertools.count()

    def pause(seconds: float) -> None:
        if next(waits) == 2:
            os.utime(root / "course.yaml", (1, 1))

    runs = watching.changes(root, ["double"], pause)
    next(runs)
    assert next(waits) == 0
    next(runs)
    assert next(waits) == 3


def test_ctrl_c_ends_it(run: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object) -> Iterator[None]:
        yield
        raise KeyboardInterrupt

    monkeypatch.setattr(watching, "changes", interrupted)
    monkeypatch.setattr(watching, "tried_once", lambda *args, **options: iter(["✓ 5 tried"]))
    said = run("ci", "double", "--watch")
    assert said.code == 130 and said.out.startswith("✓ 5 tried\nwatching double (") and said.err == ""


def test_an_unknown_assignment_is_told_before_anything_is_watched(run: Any, root: Path) -> None:
    said = run("ci", "dubble", "--watch")
    assert said.code == 2 and "did you mean 'double'?" in said.err
    with pytest.raises(SpecError):
        load_assignment(root, "dubble")
