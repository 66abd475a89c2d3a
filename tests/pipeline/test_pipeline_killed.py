"""``torchgrade grade`` ended in the middle, by kill -9 and by Ctrl-C, and begun again. Real processes."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from pretended import PRETENDED
from small_course import DOUBLE_LATE_ONLY, DOUBLE_RIGHT, double_course, write_notebook

from torchgrade.gradebook import Gradebook
from torchgrade.sandbox.warden import descendants

STUDENTS = [f"s{n}" for n in range(6)]
DONE = re.compile(r"\[\d+/\d+\] (\w+): ")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return double_course(tmp_path / "course").root


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    for n, student in enumerate(STUDENTS):
        answer = DOUBLE_RIGHT if n % 2 else DOUBLE_LATE_ONLY
        write_notebook(tmp_path / "cohort" / f"{student}.ipynb", "import time; time.sleep(0.2)", answer)
    return tmp_path / "cohort"


class Grading:
    """One call of the command, in a process group of its own, as a shell would start it."""

    def __init__(self, root: Path, cohort: Path, out: Path, *options: str, pretended: bool = False) -> None:
        program = ["-c", PRETENDED] if pretended else ["-m", "torchgrade"]
        self.process = subprocess.Popen(
            [sys.executable, *program, "grade", "double", str(cohort), "--out", str(out), *options],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        self.lines: list[str] = []
        self.below: list[str] = []

    def until(self, count: int) -> None:
        """Until so many verdicts were told; 0: until the plan was."""
        for line in self.process.stdout or ():
            self.lines.append(line)
            if len(self.done) >= count:
                break
        self.below = descendants(self.process.pid)

    @property
    def done(self) -> list[str]:
        return [m[1] for line in self.lines if (m := DONE.match(line))]

    def kill_all(self, draw: random.Random) -> None:
        """kill -9 of the command, and as chance has it of everything below it too, in any order."""
        doomed = [str(self.process.pid)]
        if draw.random() < 0.5:
            doomed += descendants(self.process.pid)
            draw.shuffle(doomed)
        self.below = descendants(self.process.pid)
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def end(self) -> str:
        """Wait for the end; what was said on standard error."""
        out, err = self.process.communicate(timeout=60)
        self.lines += out.splitlines()
        return err

    def leaves_nothing(self) -> bool:
        return until(lambda: not any(alive(pid) for pid in self.below))


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def gradings() -> Iterator[list[Grading]]:
    """All that a test started; whatever still runs at its end is ended."""
    started: list[Grading] = []
    yield started
    for grading in started:
        if grading.process.poll() is None:
            grading.process.kill()
        grading.process.communicate()


def test_nothing_is_lost_and_nothing_is_done_twice(
    root: Path, cohort: Path, tmp_path: Path, gradings: list[Grading]
) -> None:
    out = tmp_path / "out"
    course = {p: p.stat().st_mtime_ns for p in root.rglob("*") if p.is_file()}
    told: list[str] = []
    for kill_after in (1, 2):
        grading = Grading(root, cohort, out, "--jobs", "2")
        gradings.append(grading)
        grading.until(kill_after)
        grading.process.send_signal(signal.SIGKILL)
        grading.end()
        assert grading.process.returncode == -signal.SIGKILL
        assert grading.leaves_nothing()
        told += grading.done
    assert len(told) == len(set(told)) >= 3, "what was told was kept, and not examined again"

    last = Grading(root, cohort, out, "--jobs", "2")
    gradings.append(last)
    assert last.end() == ""
    assert last.process.returncode == 0
    assert not set(told) & set(last.done)
    known = re.search(r"(\d+) with a verdict from before", last.lines[0])
    assert known is not None
    assert int(known[1]) + len(last.done) == len(STUDENTS)

    entries = json.loads((out / "results.json").read_text())["submissions"]
    assert {e["student"]: e["points"] for e in entries} == {s: 3 - (n % 2 == 0) for n, s in enumerate(STUDENTS)}
    assert len(entries) == len(STUDENTS)
    with Gradebook.open(out / "gradebook.sqlite") as book:
        runs = book.runs()
    assert [r.ended is None for r in runs] == [True, True, False]
    assert runs[-1].verdicts == len(STUDENTS)
    secret = root / ".torchgrade" / "secret"
    after = {p: p.stat().st_mtime_ns for p in root.rglob("*") if p.is_file() and p != secret}
    assert secret.is_file()
    assert after == course, "nothing but the secret is written into the course"


def test_ctrl_c_stops_within_seconds_and_says_how_to_go_on(
    root: Path, tmp_path: Path, gradings: list[Grading]
) -> None:
    write_notebook(tmp_path / "cohort" / "a.ipynb", DOUBLE_RIGHT)
    for n in range(3):
        write_notebook(tmp_path / "cohort" / f"slow{n}.ipynb", "import time; time.sleep(15)", DOUBLE_RIGHT)
    grading = Grading(root, tmp_path / "cohort", tmp_path / "out", "--jobs", "2")
    gradings.append(grading)
    grading.until(1)
    time.sleep(0.3)
    begin = time.monotonic()
    os.killpg(grading.process.pid, signal.SIGINT)
    err = grading.end()
    assert time.monotonic() - begin < 6
    assert grading.process.returncode == 130
    assert "nothing is lost" in err
    assert "the same command goes on" in err
    assert "Traceback" not in err
    assert grading.leaves_nothing()
    with Gradebook.open(tmp_path / "out" / "gradebook.sqlite") as book:
        assert [r.verdicts for r in book.runs()] == [1]


def test_ctrl_c_while_the_examiner_warms_up(
    root: Path, cohort: Path, tmp_path: Path, gradings: list[Grading]
) -> None:
    grading = Grading(root, cohort, tmp_path / "out")
    gradings.append(grading)
    grading.until(0)
    time.sleep(0.8)
    grading.below = descendants(grading.process.pid)
    os.killpg(grading.process.pid, signal.SIGINT)
    err = grading.end()
    assert grading.process.returncode == 130
    assert err == "\nstopped; nothing is lost: the same command goes on where this one ended\n"
    assert grading.leaves_nothing()


class Marathon:
    """One cohort, graded by the same command again and again, each time ended somewhere by kill -9."""

    def __init__(self, folder: Path, draw: random.Random, students: int, *, pretended: bool) -> None:
        self.folder, self.draw, self.pretended = folder, draw, pretended
        self.root = double_course(folder / "course").root
        self.points: dict[str, float] = {}
        self.told: list[str] = []
        self.latest = 0.0  # how long the command takes to its first verdict, as measured
        for n in range(students):
            self.points[f"s{n}"] = 3 - (n % 2 == 0)
            asked = f"sleep {draw.uniform(0, 0.05)}\npoints {self.points[f's{n}']}"
            answer = DOUBLE_RIGHT if n % 2 else DOUBLE_LATE_ONLY
            write_notebook(folder / "cohort" / f"s{n}.ipynb", asked if pretended else answer)

    def start(self, out: str) -> Grading:
        return Grading(
            self.root, self.folder / "cohort", self.folder / out, "--jobs", "2", pretended=self.pretended
        )

    def undisturbed(self) -> None:
        """What the cohort's grades are when nothing happens; also how long the command takes to begin."""
        begin = time.monotonic()
        grading = self.start("undisturbed")
        grading.until(1)
        self.latest = time.monotonic() - begin
        assert grading.end() == ""
        assert grading.process.returncode == 0

    def kill_once(self) -> bool:
        """At any time before the first verdict, or soon after any of the next, or while the reports are written;
        whether it was still at work."""
        grading = self.start("out")
        left = len(self.points) - len(self.told)
        if self.draw.random() < 0.25:
            time.sleep(self.draw.uniform(0, self.latest))
        else:
            grading.until(self.draw.randint(0, min(5, left)))
            time.sleep(self.draw.uniform(0, 0.1 if left else 0.03))
        was_at_work = grading.process.poll() is None
        grading.kill_all(self.draw)
        grading.end()
        assert grading.leaves_nothing()
        self.told += grading.done
        return was_at_work

    def finish(self) -> None:
        """The same command once more, to its end."""
        last = self.start("out")
        assert last.end() == ""
        assert last.process.returncode == 0
        self.told += last.done

    def check(self) -> None:
        out, other = self.folder / "out", self.folder / "undisturbed"
        assert len(self.told) == len(set(self.told)), "what was told was kept, and not examined again"
        entries = json.loads((out / "results.json").read_text())["submissions"]
        assert len(entries) == len(self.points)
        assert {e["student"]: e["points"] for e in entries} == self.points
        assert (out / "grades.csv").read_text() == (other / "grades.csv").read_text()
        pages = [{p.relative_to(o) for p in o.rglob("*") if p.suffix in (".html", ".csv")} for o in (out, other)]
        assert pages[0] == pages[1]
        with closing(sqlite3.connect(out / "gradebook.sqlite")) as plain:
            assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert plain.execute("PRAGMA foreign_key_check").fetchall() == []
            verdicts = plain.execute("SELECT student, attempt, finished FROM verdict").fetchall()
            lines = plain.execute("SELECT count(*) FROM criterion_result").fetchone()
        assert sorted(verdicts) == sorted((student, 1, 1) for student in self.points)
        assert lines == (len(self.points) * (1 if self.pretended else 2),)


@pytest.mark.parametrize(
    ("pretended", "cohorts", "students", "kills"),
    [
        pytest.param(True, 1, 12, 5, id="quick"),
        pytest.param(True, 5, 60, 36, id="180", marks=pytest.mark.slow),
        pytest.param(False, 1, 50, 20, id="20-real-rooms", marks=pytest.mark.slow),
    ],
)
def test_killed_anywhere_the_grades_are_the_same(
    tmp_path: Path, pretended: bool, cohorts: int, students: int, kills: int
) -> None:
    draw = random.Random(20261122)
    for number in range(cohorts):
        marathon = Marathon(tmp_path / str(number), draw, students, pretended=pretended)
        marathon.undisturbed()
        killed = lives = 0
        while killed < kills:
            killed += marathon.kill_once()
            lives += 1
            assert lives < 10 * kills, "it ends too soon to be killed"
        marathon.finish()
        print(f"killed {killed} times in {lives} lives, {len(marathon.told)} verdicts told of {students}")
        marathon.check()


@pytest.mark.slow
def test_two_at_once_into_two_folders(root: Path, cohort: Path, tmp_path: Path, gradings: list[Grading]) -> None:
    """Also the course's secret is made by one of the two, and used by both."""
    pair = [Grading(root, cohort, tmp_path / name, "--jobs", "1") for name in ("one", "other")]
    gradings += pair
    for grading in pair:
        assert grading.end() == ""
        assert grading.process.returncode == 0
    one, other = (json.loads((tmp_path / n / "results.json").read_text()) for n in ("one", "other"))
    for document in (one, other):
        for entry in document["submissions"]:
            del entry["seconds"], entry["peak_memory_mb"]
    assert one == other


@pytest.mark.slow
def test_one_job_and_three_jobs_give_the_same_grades(
    root: Path, cohort: Path, tmp_path: Path, gradings: list[Grading]
) -> None:
    found = []
    for jobs in ("1", "3"):
        grading = Grading(root, cohort, tmp_path / jobs, "--jobs", jobs)
        gradings.append(grading)
        grading.end()
        assert grading.process.returncode == 0
        found.append((tmp_path / jobs / "grades.csv").read_text())
    assert found[0] == found[1]
    assert found[0].count("\n") == len(STUDENTS) + 1
