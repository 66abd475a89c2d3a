"""``torchgrade report`` as it is typed."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_examiner import FakeExaminer
from small_course import double_course, write_notebook

from torchgrade.i18n import LANGUAGES
from torchgrade.pipeline import keys, workers


@pytest.fixture
def graded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any) -> Path:
    """The reports of a graded cohort, by a pretended examiner; the course is the current folder."""
    monkeypatch.setenv(keys.SECRET_VARIABLE, "s")
    monkeypatch.setattr(workers.warm, "start", FakeExaminer)
    monkeypatch.chdir(double_course(tmp_path / "course").root)
    for student in ("anna", "boris"):
        write_notebook(tmp_path / "cohort" / f"{student}.ipynb", "1")
    assert run("grade", "double", tmp_path / "cohort", "--out", tmp_path / "out").code == 0
    return tmp_path / "out"


def test_a_past_run_is_written_again_and_nobody_is_examined(
    graded: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers.warm, "start", None)
    (graded / "index.html").unlink()
    (graded / "students" / "anna.html").unlink()
    said = run("report", "--out", graded)
    assert (said.code, said.err) == (0, "")
    assert re.fullmatch(
        rf"2 verdicts of the run \S+ of double\nreport: {re.escape(str(graded))}/index\.html\n", said.out
    )
    assert (graded / "index.html").is_file() and (graded / "students" / "anna.html").is_file()


def test_of_a_run_that_was_stopped_it_is_told_that_it_has_not_ended(graded: Path, run: Any) -> None:
    assert "has not ended" not in run("report", "--out", graded).err
    with sqlite3.connect(graded / "gradebook.sqlite") as book:
        book.execute("UPDATE run SET ended_at = NULL")
    book.close()
    said = run("report", "--out", graded)
    assert said.code == 0 and said.err.count("\n") == 1
    assert said.err.startswith("note: this run has not ended, so some may be missing")


def test_after_a_report_grading_examines_nobody_and_its_pages_stand(graded: Path, run: Any) -> None:
    assert run("report", "--out", graded, "--lang", "ru").code == 0
    said = run("grade", "double", graded.parent / "cohort", "--out", graded)
    assert said.code == 0 and "2 known from before" in said.out.replace("\n", " ")
    assert '<html lang="en">' in (graded / "students" / "anna.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "nowhere"], "torchgrade: there is no gradebook nowhere/gradebook.sqlite; name one with"),
        (["--assignment", "triple"], "holds no verdict of the assignment 'triple'; it has: double"),
        (["--run", "x"], "there is no run 'x' with verdicts; the newest is"),
        (["--roster", "nowhere.csv"], "nowhere.csv: the roster cannot be read"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_two(
    graded: Path, run: Any, options: list[str], said: str
) -> None:
    given = ["--out", graded] if "--out" not in options else []
    found = run("report", *given, *options)
    assert found.code == 2 and said in found.err and found.err.count("\n") == 1


def test_a_language_that_is_not_spoken_is_refused(graded: Path, run: Any) -> None:
    found = run("report", "--out", graded, "--lang", "xx")
    known = ", ".join(LANGUAGES)
    assert found.err == f"torchgrade: --lang xx: there is no such language; known: {known}\n"
    assert found.code == 2


def test_reporting_imports_no_torch(graded: Path) -> None:
    program = (
        "import sys; sys.argv = ['torchgrade', 'report', '--out', sys.argv[1]]\n"
        "from torchgrade.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'torch' not in sys.modules and 'copydetect' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(graded)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
