"""Bad input ends in one line on standard error and exit code 2, never in a traceback."""

from __future__ import annotations

import errno
import shlex
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from fake_examiner import FakeExaminer
from small_course import add_assignment, double_course, write_notebook

from torchgrade.pipeline import checking, folders, keys, workers


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a course in it; the current folder is the course's. Nothing is ever examined."""

    class Unused(FakeExaminer):
        def examine(self, job: dict[str, Any], seconds: float) -> NoReturn:
            raise AssertionError("bad input reached an examiner")

    monkeypatch.setattr(workers.warm, "start", Unused)
    monkeypatch.setenv(keys.SECRET_VARIABLE, "s")
    root = double_course(tmp_path / "course").root
    write_notebook(tmp_path / "cohort" / "anna.ipynb", "points 3")
    monkeypatch.chdir(root)
    return tmp_path


Spoil = Callable[[Path], object]


def text(path: str, content: str) -> Spoil:
    def write(here: Path) -> None:
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        (here / path).write_text(content, encoding="utf-8")

    return write


def folder(path: str) -> Spoil:
    return lambda here: (here / path).mkdir(parents=True)


def gone(path: str) -> Spoil:
    return lambda here: (here / path).unlink()


def nothing(_: Path) -> None:
    """The course and the cohort are well; the command line is not."""


def zip_of_two(here: Path) -> None:
    with zipfile.ZipFile(here / "two.zip", "w") as archive:
        archive.writestr("a.ipynb", "{}")
        archive.writestr("b.ipynb", "{}")


GRADE = ("grade", "double", "../cohort", "--out", "../out")
CHECK = ("check", "../cohort/anna.ipynb")
SOLUTION = "course/solutions/double/double.ipynb"
GRADERS = "course/graders/double"
SPEC = "course/assignments/double/assignment.yaml"


def grade(source: str, assignment: str = "double") -> tuple[str, ...]:
    return ("grade", assignment, source, "--out", "../out")


#: What is ill, the command, and a part of what is said of it.
FAULTS: dict[str, tuple[Spoil, tuple[str, ...], str]] = {
    "assignment misspelled": (
        nothing,
        grade("../cohort", "duoble"),
        "no assignment 'duoble'; did you mean 'double'?",
    ),
    "assignment unknown": (nothing, grade("../cohort", "zzz"), "no assignment 'zzz'; there are: double"),
    "no submissions": (nothing, grade("../none"), "there is no such file or folder"),
    "empty cohort": (folder("empty"), grade("../empty"), "no submissions found"),
    "damaged zip": (text("a.zip", "PK"), grade("../a.zip"), "the zip file is damaged"),
    "out is a file": (text("out", "kept"), GRADE, "the output folder cannot be made"),
    "out among the submissions": (nothing, (*GRADE[:-1], "../cohort/out"), "lies among the submissions"),
    "a roster for submissions": (
        text("r.csv", "student,group\nanna,1\nboris,2\n"),
        grade("../r.csv"),
        "r.csv:1: no column says where a repository is (",
    ),
    "import: a folder": (folder("a.ipynb"), ("import", "nbgrader", "../a.ipynb"), "is not a regular file"),
    "no roster": (nothing, (*GRADE, "--roster", "none.csv"), "none.csv: the roster cannot be read"),
    "bad roster": (text("r.csv", "name\na\n"), (*GRADE, "--roster", "../r.csv"), "r.csv:1: student: the first"),
    "gradebook nowhere": (nothing, (*GRADE, "--gradebook", "no/b.db"), "the folder no does not exist"),
    "gradebook in memory": (nothing, (*GRADE, "--gradebook", "sqlite://"), "would be gone when this ends"),
    "gradebook is a folder": (folder("book"), (*GRADE, "--gradebook", "../book"), "is a folder"),
    "gradebook of no kind": (nothing, (*GRADE, "--gradebook", "nosuch://x"), "no driver for 'nosuch'"),
    "gradebook is none": (
        text("b.db", "x" * 4096),
        (*GRADE, "--gradebook", "../b.db"),
        "is not an SQLite database",
    ),
    "course.yaml broken": (text("course/course.yaml", "title: [\n"), GRADE, "course.yaml:"),
    "course.yaml misspelled": (
        text("course/course.yaml", "titel: C\nyear: 1\n"),
        GRADE,
        "course.yaml:1: titel: unknown key; did you mean 'title'?",
    ),
    "assignment.yaml broken": (text(SPEC, "id: double\n"), GRADE, "assignments/double/assignment.yaml"),
    "no solution": (gone(SOLUTION), GRADE, "double.ipynb: the notebook does not exist"),
    "solution is no notebook": (text(SOLUTION, "{"), GRADE, "double.ipynb: is not a notebook"),
    "no hidden grader": (gone(f"{GRADERS}/test_hidden.py"), GRADE, "no grader tests 'doubles-large'"),
    "grader is no Python": (
        text(f"{GRADERS}/test_public.py", "def ("),
        GRADE,
        "test_public.py:1: not valid Python",
    ),
    "no address": (
        nothing,
        (*GRADE, "--scheduler", "cluster"),
        "--scheduler cluster: is no address; one is tcp://",
    ),
    "no scheduler": (nothing, (*GRADE, "--scheduler", "nonsense://here"), "nonsense://here: no scheduler answers"),
    "check: no notebook": (nothing, ("check", "none.ipynb"), "none.ipynb: there is no such notebook"),
    "check: none here": (nothing, ("check",), "there is no notebook in"),
    "check: a link to itself": (
        lambda here: (here / "loop.ipynb").symlink_to("loop.ipynb"),
        ("check", "../loop.ipynb"),
        "loop.ipynb: there is no such notebook",
    ),
    "check: several": (text("cohort/b.ipynb", "{}"), ("check", "../cohort"), "which notebook?"),
    "check: misspelled": (nothing, (*CHECK, "--assignment", "duoble"), "did you mean 'double'?"),
    "check: unclear": (nothing, CHECK, "which assignment is anna.ipynb? Say --assignment"),
    "check: not a notebook": (text("notes.txt", ""), ("check", "../notes.txt"), "is not a notebook"),
    "check: half a notebook": (text("double.ipynb", '{"cells": ['), ("check", "../double.ipynb"), "breaks off"),
    "check: a cohort": (zip_of_two, ("check", "../two.zip"), "holds several submissions"),
    "ci: misspelled": (nothing, ("ci", "duoble"), "did you mean 'double'?"),
    "ci: no solution": (gone(SOLUTION), ("ci",), "double.ipynb: the notebook does not exist"),
}


@pytest.mark.parametrize(("spoil", "arguments", "said"), FAULTS.values(), ids=FAULTS)
def test_bad_input_is_one_line_and_exit_code_2(
    here: Path, run: Any, monkeypatch: pytest.MonkeyPatch, spoil: Spoil, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.setattr("torchgrade.pipeline.cluster._CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(folders, "_CHECKOUT", here / "course")
    spoil(here)
    found = run(*arguments)
    assert found.code == 2, found
    assert "report:" not in found.out
    assert found.err.startswith("torchgrade: ")
    assert said in found.err
    assert found.err.count("\n") == 1, found.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("grade", "double", "../cohort"), "Missing option '--out'"),
        ((*GRADE, "--sandbox", "ful"), "'ful' is not one of"),
        ((*GRADE, "--device", "tpu"), "'tpu' is not one of"),
        ((*GRADE, "--jobs", "-1"), "Invalid value for '--jobs'"),
        ((*GRADE, "--jbos", "2"), "No such option"),
        (("gread",), "No such command 'gread'"),
    ],
)
def test_a_wrong_command_line_gets_the_usage(here: Path, run: Any, arguments: tuple[str, ...], said: str) -> None:
    found = run(*arguments)
    assert (found.code, found.out) == (2, "")
    assert "Usage: torchgrade" in found.err
    assert said in found.err
    assert "Traceback" not in found.err


def test_outside_of_any_course_it_is_said(tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)
    found = run("ci")
    assert (found.code, found.err) == (
        2,
        f"torchgrade: no course.yaml in {tmp_path} or above it; run this in a course's folder\n",
    )


def test_a_fault_of_our_own_is_said_to_be_one(here: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 would mean that points were lost."""

    def stumble(*_: object) -> None:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(checking, "find_notebook", stumble)
    found = run(*CHECK)
    assert found.code == 2
    assert "RuntimeError: nobody foresaw this" in found.err
    assert found.err.endswith(
        "torchgrade: this is a fault of torchgrade itself; please report it with the lines above\n"
    )


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EMFILE, "Too many open files", "a/b"),
        OSError(errno.ENAMETOOLONG, "File name too long", "x" * 5000),
        RuntimeError("Symlink loop from 'a/b'"),
    ],
)
def test_what_the_machine_has_run_out_of_is_one_line(
    here: Path, run: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def stumble(*_: object) -> None:
        raise error

    monkeypatch.setattr(checking, "find_notebook", stumble)
    found = run(*CHECK)
    assert (found.code, found.err.count("\n")) == (2, 1) and len(found.err) < 300, "no traceback"
    assert (error.strerror if isinstance(error, OSError) else str(error)) in found.err


def command(*arguments: str, shell: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as a shell that does ``shell`` with its streams would run it."""
    words = [sys.executable, "-c", "from torchgrade.cli import main; main()", *arguments]
    script = f"exec {' '.join(map(shlex.quote, words))} {shell}"
    return subprocess.run(
        ["/bin/sh", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [
        (">/dev/full", 2, "torchgrade: the output: No space left on device\n"),
        (">/dev/full 2>/dev/full", 2, ""),
        (">&-", 0, ""),
        (">&- 2>&- <&-", 0, ""),
    ],
)
def test_an_output_that_takes_nothing_is_no_traceback(tmp_path: Path, shell: str, code: int, said: str) -> None:
    found = command("--version", shell=shell, folder=tmp_path)
    assert (found.returncode, found.stderr) == (code, said)


def test_no_file_gets_the_number_of_a_closed_output(tmp_path: Path) -> None:
    """Else what a child process prints would go into a gradebook."""
    words = "from torchgrade.cli import streams; streams.prepare(); f = open('new', 'w'); f.write(str(f.fileno()))"
    script = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(words)} >&- 2>&- <&-"
    subprocess.run(["/bin/sh", "-c", script], cwd=tmp_path, timeout=60, check=True)
    assert int((tmp_path / "new").read_text()) > 2


IMPATIENT = """\
import importlib.abc, os, signal, sys
class Impatient(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name == "torchgrade.cli.diff" and "stop" in sys.argv:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Impatient())
import torchgrade.cli
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there Ctrl-C is another thing")
@pytest.mark.parametrize(("word", "code", "said"), [("stop", -signal.SIGINT, ""), ("", 0, "True\n")])
def test_ctrl_c_at_once_is_no_traceback_of_imports(tmp_path: Path, word: str, code: int, said: str) -> None:
    words = [sys.executable, "-c", IMPATIENT, word]
    found = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (code, said, "")


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    words = "from torchgrade.cli import main; main()"
    script = f"rmdir ../gone; exec {shlex.quote(sys.executable)} -c {shlex.quote(words)} check"
    found = subprocess.run(
        ["/bin/sh", "-c", script], cwd=tmp_path / "gone", capture_output=True, text=True, timeout=60, check=False
    )
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "torchgrade: the current folder is gone; change to one that is there\n"


def test_names_in_a_message_do_not_steer_the_terminal(here: Path, run: Any) -> None:
    for name in ("a\x1b[31mb", "c\u202ed"):
        write_notebook(here / "odd" / f"{name}.ipynb", "points 1")
    found = run("check", here / "odd")
    assert found.code == 2
    assert "which notebook?" in found.err
    assert all(c.isprintable() or c == "\n" for c in found.err)


def test_another_assignment_that_is_ill_does_not_stand_in_the_way(here: Path, run: Any) -> None:
    add_assignment(here / "course", "other")
    (here / "course/assignments/other/assignment.yaml").write_text("id: [")
    found = run("grade", "double", "../none", "--out", "../out")
    assert "there is no such file or folder" in found.err
