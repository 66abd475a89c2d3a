"""``torchgrade import nbgrader`` says what it made, what stays with a person, and what to do next."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from nbgrader_course import PROBLEM1, answer, code, marked, save, test_cell, text

from torchgrade.cli import main


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "course"
    folder.mkdir()
    (folder / "course.yaml").write_text("title: Course\nyear: 2026\n", encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["torchgrade", "import", "nbgrader", *map(str, arguments)])
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    return int(code or 0), said.out, said.err  # type: ignore[call-overload]


def test_what_was_made_is_said(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = save(tmp_path / "source" / "problem1.ipynb", *PROBLEM1)
    code, out, err = run(capsys, monkeypatch, notebook, "--id", "squares")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "imported squares: 8 criteria, 10 points; 4 of them, 7.5 points, wait for a teacher",
        "not carried over, and listed as a comment in the grader:",
        "  cell 11, sum_of_squares_uses_squares: looks at 'squares' itself, not at what it answers",
        "next: torchgrade ci squares",
    ]
    assert sorted(p.name for p in root.iterdir()) == ["assignments", "course.yaml", "graders", "solutions"]


def test_cells_that_say_no_points_are_told(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    solved = answer("f", "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION\n")
    silent = marked(code("assert f(1) == 1"), "f_1", grade=True, locked=True)
    essay = marked(text("Why?"), "why", grade=True, solution=True)
    chosen = test_cell("f_2", 0, "assert f(2) == 2")
    notebook = save(tmp_path / "one.ipynb", solved, silent, essay, chosen, test_cell("f_3", 1, "assert f(3) == 3"))
    ended, out, err = run(capsys, monkeypatch, notebook)
    assert (ended, err) == (0, "")
    assert out.splitlines() == [
        "imported one: 4 criteria, 1 point; 1 of them, 0 points, waits for a teacher",
        "note: cell 2, f_1: says no points, so it is worth 0 until you write them in assignment.yaml",
        "note: cell 3, why: says no points, so it is worth 0 until you write them in assignment.yaml",
        "next: torchgrade ci one",
    ]


def test_outside_of_any_course_nothing_is_imported(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Least of all into the course that a checkout of torchgrade carries."""
    notebook = save(tmp_path / "problem1.ipynb", *PROBLEM1)
    (tmp_path / "nowhere").mkdir()
    monkeypatch.chdir(tmp_path / "nowhere")
    ended, out, err = run(capsys, monkeypatch, notebook)
    said = f"torchgrade: no course.yaml in {tmp_path / 'nowhere'} or above it; run this in a course's folder\n"
    assert (ended, out, err) == (2, "", said)


def test_a_second_import_is_refused_in_a_line(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = save(tmp_path / "problem1.ipynb", *PROBLEM1)
    run(capsys, monkeypatch, notebook)
    code, out, err = run(capsys, monkeypatch, notebook)
    assert (code, out) == (2, "")
    assert err == ("torchgrade: graders/problem1 is there already; remove it, or choose another name: --id NAME\n")
