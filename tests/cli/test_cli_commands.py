"""What commands say and how they end, over a pretended examiner; and two of them over a real one."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fake_examiner import FakeExaminer
from rich.console import Console
from small_course import DOUBLE_LATE_ONLY, DOUBLE_RIGHT, double_course, write_notebook

import torchgrade.pipeline
from torchgrade.cli import checks, progress
from torchgrade.feedback.words import OUTCOMES
from torchgrade.model import (
    Assignment,
    CellReport,
    CriterionResult,
    Evidence,
    Outcome,
    Status,
    Verdict,
)
from torchgrade.pipeline import Diagnosis, Finding, keys, workers
from torchgrade.pipeline.checking import Checked


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course, which is the current folder, and a pretended examiner."""
    monkeypatch.setenv(keys.SECRET_VARIABLE, "s")
    made = double_course(tmp_path / "course").root
    monkeypatch.chdir(made)
    monkeypatch.setattr(workers.warm, "start", FakeExaminer)
    return made


@pytest.fixture
def hand_in(tmp_path: Path) -> Any:
    def write(**cells: str) -> Path:
        for student, cell in cells.items():
            write_notebook(tmp_path / "cohort" / f"{student}.ipynb", cell)
        return tmp_path / "cohort"

    return write


# --- grade -------------------------------------------------------------------------------------------------


def test_grade_says_a_plain_line_for_each_where_nobody_looks_at_a_terminal(
    root: Path, hand_in: Any, run: Any, tmp_path: Path
) -> None:
    folder = hand_in(anna="points 3", boris="points 1")
    said = run("grade", "double", folder, "--out", tmp_path / "out", "--jobs", 1)
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == "2 submissions"
    assert lines[1:3] == ["[1/2] anna: 3 of 3 (0.1 s)", "[2/2] boris: 1 of 3 (0.1 s)"]
    assert re.fullmatch(r"2 verdicts in \d+\.\d s", lines[3])
    assert lines[4] == f"report: {tmp_path / 'out' / 'index.html'}"
    again = run("grade", "double", folder, "--out", tmp_path / "out")
    assert again.out.splitlines()[0] == "2 submissions, 2 with a verdict from before"
    assert "(2 known from before)" in again.out


def test_one_of_a_thing_is_told_as_one(root: Path, hand_in: Any, run: Any, tmp_path: Path) -> None:
    folder, out = hand_in(anna="points 3"), tmp_path / "out"
    planned = run("grade", "double", folder, "--out", out, "--dry-run").out
    assert "1 submission: 1 to examine, 0 known from before" in planned
    first = run("grade", "double", folder, "--out", out).out
    assert first.startswith("1 submission\n") and "\n1 verdict in " in first
    assert run("report", "--out", out).out.startswith("1 verdict of the run ")
    run("grade", "double", folder, "--out", out, "--force")
    compared = run("diff", "previous", "newest", "--out", out).out
    assert "double: 1 student in both runs" in compared and compared.count("(1 verdict, ") == 2
    hand_in(boris="points 3")
    left = run("grade", "double", folder, "--out", tmp_path / "other", "--only", "anna").out
    assert "1 without a verdict was passed over by --only and is in no report" in left


def test_grade_ends_with_0_whatever_the_points(root: Path, hand_in: Any, run: Any, tmp_path: Path) -> None:
    (hand_in(anna="points 0") / "empty.ipynb").touch()
    said = run("grade", "double", tmp_path / "cohort", "--out", tmp_path / "out")
    assert said.code == 0
    assert "[1/2] empty: 0 of 3 (0.0 s)  unreadable: " in said.out


def test_a_broken_verdict_is_loud(root: Path, hand_in: Any, run: Any, tmp_path: Path) -> None:
    said = run("grade", "double", hand_in(anna="raise", boris="points 3"), "--out", tmp_path / "out")
    assert said.code == 2
    assert said.err.splitlines() == [
        "broken: anna: OSError: our own disk",
        "1 could not be judged; that is our fault: run the command again",
    ]
    assert "boris: 3 of 3" in said.out


def test_options_reach_the_examiner(
    root: Path, hand_in: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def grade(course: Any, assignment: Any, source: Any, out: Any, options: Any, progress: Any, *_: Any) -> None:
        asked.append((assignment.id, source, out, options))
        raise KeyboardInterrupt

    monkeypatch.setattr(torchgrade.pipeline, "grade", grade)
    said = run(
        "grade", "double", "s", "--out", "o", "--jobs", 3, "--device", "cpu", "--sandbox", "none",
        "--gradebook", "g.db", "--roster", "r.csv", "--scheduler", "tcp://h:1", "--force",
    )  # fmt: skip
    ((assignment, source, out, options),) = asked
    assert (assignment, source, out) == ("double", Path("s"), Path("o"))
    assert options == torchgrade.pipeline.GradeOptions(
        jobs=3, device="cpu", tier="none", gradebook="g.db", roster=Path("r.csv"),
        scheduler="tcp://h:1", force=True,
    )  # fmt: skip
    assert said.code == 130
    assert said.err == "\nstopped; nothing is lost: the same command goes on where this one ended\n"


# --- check -------------------------------------------------------------------------------------------------


@pytest.fixture
def notebook(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """notebook("points 3"): a notebook of the course, to be checked by a pretended examiner."""

    class Examiner(FakeExaminer):
        def examine(self, job: dict[str, Any], seconds: float) -> Verdict:
            return super().examine({"attempt": 1, "seed": "", "device": "cpu", "digests": {}, **job}, seconds)

    monkeypatch.setattr(workers.warm, "start", Examiner)
    return lambda cell: write_notebook(root / "work" / "double.ipynb", cell)


@pytest.mark.parametrize(("cell", "code"), [("points 3", 0), ("points 2", 1)])
def test_check_ends_with_0_for_all_points_and_1_for_less(notebook: Any, run: Any, cell: str, code: int) -> None:
    said = run("check", notebook(cell))
    assert (said.code, said.err) == (code, "")
    assert (
        f"{1 - code} of 1 public check passed: {cell[-1]} of 3 points; 1 more runs when it is graded" in said.out
    )


def test_a_check_that_is_broken_ends_with_2(notebook: Any, run: Any) -> None:
    said = run("check", notebook("broken"))
    assert (said.code, said.err) == (2, "torchgrade: broken on purpose\n")


@pytest.mark.parametrize(("cell", "code"), [("points 3", 0), ("points 2", 1)])
def test_check_as_json(notebook: Any, run: Any, cell: str, code: int) -> None:
    said = run("check", notebook(cell), "--json")
    document = json.loads(said.out)
    assert (said.code, said.err) == (code, "")
    assert (document["schema"], document["assignment"], document["status"]) == (
        "torchgrade/check/v1", "double", "graded",
    )  # fmt: skip
    assert (document["points"], document["max_points"], document["later"]) == (float(cell[-1]), 3.0, 1)
    (criterion,) = document["criteria"]
    assert set(criterion) == {"id", "title", "outcome", "points", "max_points", "message", "hint"}
    told = (Path(__file__).parents[2] / "docs" / "students.md").read_text(encoding="utf-8")
    assert {*document, *criterion} == set(re.findall(r'"(\w+)":', told)), "as docs/students.md describes it"


@pytest.mark.parametrize(
    ("due", "said"),
    [
        ("2199-03-01 23:59 Europe/Moscow", "Due 2199-03-01 23:59 Europe/Moscow.\n"),
        ("2020-03-01T23:59:00+03:00", "It was due 2020-03-01 23:59 UTC+03:00.\n"),
    ],
)
def test_check_says_until_when_it_is_due_and_refuses_nothing(
    root: Path, notebook: Any, run: Any, due: str, said: str
) -> None:
    path = root / "assignments" / "double" / "assignment.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(f"due: {due}\n{before}", encoding="utf-8")
    done = run("check", notebook("points 3"))
    assert (done.code, done.err) == (0, "") and done.out.endswith(said)
    path.write_text(before, encoding="utf-8")
    assert "due" not in run("check", notebook("points 3")).out.lower()


@pytest.mark.parametrize(
    ("files", "options", "chosen"),
    [
        (("double", "double.ru"), (), "double.ipynb"),
        (("double", "double.ru"), ("--lang", "ru"), "double.ru.ipynb"),
        (("double.en", "double.ru"), (), "double.en.ipynb"),
        (("double.en", "double.ru"), ("--lang", "ru", "--json"), "double.ru.ipynb"),
    ],
)
def test_of_a_handout_in_two_languages_the_spoken_one_is_checked_and_that_is_told(
    root: Path, notebook: Any, run: Any, files: tuple[str, ...], options: tuple[str, ...], chosen: str
) -> None:
    folder = notebook("points 1").parent
    (folder / "double.ipynb").unlink()
    for name in files:
        write_notebook(folder / f"{name}.ipynb", "points 3" if f"{name}.ipynb" == chosen else "points 1")
    said = run("check", folder, *options)
    assert said.code == 0, said.err
    (other,) = (folder / f"{name}.ipynb" for name in files if f"{name}.ipynb" != chosen)
    assert chosen in said.err and said.err.endswith(f"torchgrade check {other}\n")


@pytest.mark.parametrize("files", [("double", "double.ru", "notes"), ("double.ru", "other.ru"), ("a.b", "a")])
def test_of_other_notebooks_none_is_guessed(notebook: Any, run: Any, files: tuple[str, ...]) -> None:
    folder = notebook("points 3").parent
    (folder / "double.ipynb").unlink()
    for name in files:
        write_notebook(folder / f"{name}.ipynb", "points 3")
    said = run("check", folder)
    assert said.code == 2 and "which notebook?" in said.err
    assert all(f"{name}.ipynb" in said.err for name in files)


def test_check_as_json_holds_nothing_that_steers_a_terminal(notebook: Any, run: Any) -> None:
    said = run("check", notebook(r"say \x1b[31m \x9b31m \ud800 \u202e\x00 \u041f\u0440"), "--json")
    assert said.code == 1
    assert all(c.isprintable() or c == "\n" for c in said.out)
    assert "Пр" in json.loads(said.out)["criteria"][0]["message"]


# --- what is shown -----------------------------------------------------------------------------------------

NASTY = "a\x1b[31mb\x1b]0;title\x07c\x9bd\re\x08f\u202eg[red]h[/red]:smile:\\"


def shown(verdict: Verdict, note: str = "") -> str:
    out = io.StringIO()
    console = Console(file=out, width=100, highlight=False, emoji=False)
    checks.show(console, Checked(Assignment("a", "The title", (), ()), verdict, 2, note))
    return out.getvalue()


def verdict_of(*results: CriterionResult, **fields: Any) -> Verdict:
    made = {"student": "anna", "assignment": "a", "status": Status.GRADED, "points": 1.0, "max_points": 2.0,
            "bonus": 0.0, "criteria": results, **fields}  # fmt: skip
    return Verdict(**made)


def test_nothing_of_the_students_steers_the_terminal() -> None:
    evidence = (Evidence(NASTY, (1, 2), NASTY, ((NASTY, "2"),), cut=True),)
    result = CriterionResult("c", "C", Outcome.FAILED, 0, 1, message=NASTY, hint=NASTY, evidence=evidence)
    cells = (CellReport(0, "error", 0.1, NASTY, NASTY, 1), CellReport(1, "killed"))
    text = shown(
        verdict_of(result, cells=cells, reason=NASTY, notes=(NASTY,), sandbox="landlock", status=Status.LIMIT),
        note=NASTY,
    )
    assert all(c.isprintable() or c == "\n" for c in text)
    assert text.count("[red]h[/red]:smile:") >= 6, "shown as it is, not as markup"


def test_a_line_of_progress_is_one_line_without_control_characters() -> None:
    line = progress.verdict_line(verdict_of(student=NASTY, reason=NASTY + "\nsecond", status=Status.LIMIT))
    assert line.isprintable()


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_shows_names_as_they_are(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    made = partial(Console, file=out, force_terminal=terminal, width=200, color_system=None)
    monkeypatch.setattr(progress, "Console", made)
    with progress.live_progress(Assignment("a", "The [b]title[/b]", (), ())) as heard:
        heard.planned(2, 1)
        heard.started("[red]anna[/red]:smile:\x1b]0;x\x07")
        heard.finished(
            verdict_of(student="[red]anna[/red]:smile:\x1b]0;x\x07", status=Status.LIMIT, reason="slow")
        )
    text = out.getvalue()
    assert "[red]anna[/red]:smile:·]0;x·: 1 of 2" in text
    assert "\x1b]0" not in text
    assert "\x07" not in text


def test_each_outcome_has_a_sign_a_word_and_its_points() -> None:
    results = [CriterionResult(o, f"title of {o}", o, 0.5, 1, message="said", hint="help") for o in Outcome]
    text = shown(verdict_of(*results))
    for outcome in Outcome:
        line = next(line for line in text.splitlines() if f"title of {outcome}" in line)
        assert OUTCOMES[outcome].text in line, "the report's own word"
        assert line.index(OUTCOMES[outcome].text) > 0, "after its sign"
        assert ("– of 1" if outcome in (Outcome.MANUAL, Outcome.BROKEN) else "0.5 of 1") in line
    assert text.count("Hint: help") == len(Outcome) - 1, "none where it was passed"


def test_evidence_stands_side_by_side_where_it_fits() -> None:
    left = Evidence("came back", (2, 2), "float32", (("1", "2"), ("3", "4")))
    right = Evidence("expected", (2, 2), "float32", (("1", "2"), ("3", "5")))
    result = CriterionResult("c", "C", Outcome.FAILED, 0, 1, message="m", evidence=(left, right))
    lines = shown(verdict_of(result)).splitlines()
    assert any("came back [2, 2]" in line and "expected [2, 2]" in line for line in lines)
    assert any(line.split() == ["3", "4", "3", "5"] for line in lines)
    wide = Evidence("came back", (1, 40), "float32", (tuple("1234567" for _ in range(10)),), cut=True)
    lines = shown(verdict_of(CriterionResult("c", "C", Outcome.FAILED, 0, 1, evidence=(wide, wide)))).splitlines()
    assert sum("came back" in line for line in lines) == 2


def test_a_weaker_room_is_named_with_its_reason() -> None:
    text = shown(verdict_of(sandbox="landlock"), note="no namespaces here")
    said = " ".join(text.split())
    assert "Sandbox: partial sandbox (files guarded, process not walled off), which is enough" in said
    assert said.endswith("for your own notebook (no namespaces here)")
    assert "andbox" not in shown(verdict_of(sandbox="full"))


# --- ci, doctor, demo --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("problem", "code"), [("", 0), ("is stale", 1)])
def test_ci_ends_with_1_where_the_course_fails(
    root: Path, run: Any, monkeypatch: pytest.MonkeyPatch, problem: str, code: int
) -> None:
    def found(course: Any, only: tuple[str, ...], **_: Any) -> list[Finding]:
        assert only == ("double",)
        return [Finding("double", "solution earns everything"), Finding("double", "handout", problem)]

    monkeypatch.setattr(torchgrade.pipeline, "test_course", found)
    said = run("ci", "double")
    assert (said.code, said.err) == (code, "")
    assert "✓ ok     double: solution earns everything" in said.out
    assert ("✗ WRONG  double: handout\n          is stale\n" in said.out) == bool(problem)
    last = said.out.rstrip().splitlines()[-1]
    assert re.fullmatch(rf"2 tried, {'1 not as it' if code else '0 not as they'} must be, in \d+ s", last)


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("note", 0), ("problem", 2)])
def test_doctor_ends_with_2_where_grading_will_not_work(
    root: Path, run: Any, monkeypatch: pytest.MonkeyPatch, state: str, code: int
) -> None:
    monkeypatch.setattr(torchgrade.pipeline, "diagnose", lambda start: [Diagnosis("sandbox", state, "a text")])
    said = run("doctor")
    assert (said.code, said.err) == (code, "")
    assert "sandbox: a text" in said.out


def test_a_terminal_that_knows_no_such_sign_is_no_fault(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchgrade.cli import main

    monkeypatch.setattr(torchgrade.pipeline, "diagnose", lambda start: [Diagnosis("sandbox", "ok", "Привет")])
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    monkeypatch.setattr(sys, "argv", ["torchgrade", "doctor"])
    with pytest.raises(SystemExit) as end:
        main()
    sys.stdout.flush()
    assert end.value.code in (0, None)
    assert raw.getvalue() == b"? ok       sandbox: ??????\n"


# --- for real ----------------------------------------------------------------------------------------------


def torchgrade_command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "torchgrade", *map(str, arguments)]


@pytest.mark.slow  # the rooms of tests/grading/test_grading_warm.py, through the command line
def test_check_in_a_plain_kernel(tmp_path: Path) -> None:
    """As a student would: in the notebook's own folder, without a sandbox, read by a program."""
    double_course(tmp_path)
    write_notebook(tmp_path / "work" / "double.ipynb", DOUBLE_LATE_ONLY)
    done = subprocess.run(
        torchgrade_command("check", "--json", "--plain-kernel"),
        cwd=tmp_path / "work",
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert (document["points"], document["max_points"], document["later"]) == (2, 2, 1)
    assert document["sandbox"] == "none"


@pytest.mark.slow
def test_watch_checks_again_when_the_notebook_is_saved(tmp_path: Path) -> None:
    double_course(tmp_path)
    path = write_notebook(tmp_path / "double.ipynb", "def double(x): return x")
    watching = subprocess.Popen(
        torchgrade_command("check", path, "--watch"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    timer = threading.Timer(90, watching.kill)
    timer.start()
    try:
        assert "0 of 1 public check passed: 0 of 2 points" in until_watching(watching)
        path.write_text("half a notebook")
        assert "torchgrade: " in until_watching(watching)
        write_notebook(path, DOUBLE_RIGHT)
        assert "1 of 1 public check passed: 2 of 2 points" in until_watching(watching)
        time.sleep(0.2)
        os.killpg(watching.pid, signal.SIGINT)
        _, err = watching.communicate()
        assert (watching.returncode, "Traceback" in err) == (130, False)
    finally:
        timer.cancel()
        watching.kill()
        watching.communicate()


def test_where_no_room_can_be_sealed_a_cohort_is_refused_in_one_line(tmp_path: Path) -> None:
    """Rather than graded in a weaker room, or each submission called broken."""
    root = double_course(tmp_path / "course").root
    write_notebook(tmp_path / "cohort" / "anna.ipynb", DOUBLE_RIGHT)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(UNSEALABLE)
    done = subprocess.run(
        torchgrade_command("grade", "double", tmp_path / "cohort", "--out", tmp_path / "out"),
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "torchgrade: no namespaces here; `torchgrade doctor` says why, --sandbox landlock grades in a weaker room"
    )
    assert "Traceback" not in done.stderr
    assert "anna" not in done.stdout


#: Read at the start of the harness, and of the warm process, to which it is handed on.
UNSEALABLE = """
import os
from torchgrade.errors import RoomError
from torchgrade.grading import ahead
from torchgrade.sandbox import room

clean = ahead.clean_environment
ahead.clean_environment = lambda: {**clean(), "PYTHONPATH": os.environ["PYTHONPATH"]}

def refuse(self, request):
    raise RoomError("no namespaces here")

room.Zygote.open = refuse
"""


def until_watching(process: subprocess.Popen[str]) -> str:
    """What was said until it waits for the next change."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("watching double.ipynb"):
            break
    return said
