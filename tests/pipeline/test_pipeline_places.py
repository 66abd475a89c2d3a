"""Where a run can neither write reports nor keep verdicts: one line, exit code 2, and nothing is lost. Full and
read-only disks are real ones, in a mount namespace of the test's own."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from pretended import PRETENDED
from small_course import double_course, write_notebook

STUDENTS = [f"s{n:02}" for n in range(30)]
DONE = re.compile(r"(?m)^\[\d+/\d+\] (\w+): ")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mounts are Linux's")


class Place:
    """A course, a cohort, and a folder for the reports."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        self.gradebook = self.out / "gradebook.sqlite"
        self.root = double_course(folder / "course").root
        self.program = folder / "program.py"
        self.program.write_text(PRETENDED)
        self.out.mkdir()
        for student in STUDENTS:
            write_notebook(folder / "cohort" / f"{student}.ipynb", f"points 2\n# {'x' * 20_000}")

    @property
    def command(self) -> list[str]:
        arguments = ["grade", "double", str(self.folder / "cohort"), "--out", str(self.out), "--jobs", "2"]
        arguments += ["--gradebook", str(self.gradebook)]
        return [sys.executable, "-u", str(self.program), *arguments]

    def grade(self, before: str = "") -> subprocess.CompletedProcess[str]:
        """Grade, after shell commands that mount or unmount."""
        command = ["sh", "-c", f'{before}\nexec "$@"', "sh", *self.command]
        if before:
            command = ["unshare", "--user", "--map-root-user", "--mount", *command]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=120, check=False)

    def refused(self, before: str = "") -> tuple[str, list[str]]:
        """The one line, and whose verdicts were told before it."""
        done = self.grade(before)
        assert done.returncode == 2, done
        assert re.fullmatch(r"torchgrade: [^\n]+\n", done.stderr), done.stderr
        return done.stderr, DONE.findall(done.stdout)

    def goes_on(self, told: list[str]) -> None:
        """The same command, to its end: nobody is examined again whose verdict was told."""
        done = self.grade()
        assert (done.returncode, done.stderr) == (0, "")
        again = DONE.findall(done.stdout)
        assert not set(again) & set(told)
        entries = json.loads((self.out / "results.json").read_text())["submissions"]
        assert {e["student"]: e["points"] for e in entries} == dict.fromkeys(STUDENTS, 2)
        with closing(sqlite3.connect(self.gradebook)) as plain:
            kept = plain.execute("SELECT student FROM verdict WHERE finished").fetchall()
            assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert sorted(student for (student,) in kept) == STUDENTS


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def mounts() -> None:
    probe = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        done = subprocess.run(probe, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if done.returncode:
        pytest.skip(f"no mounts in a namespace of one's own: {done.stderr.strip()}")


@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize("kilobytes", [64, 300, 700, 1500])
def test_a_disk_that_is_full(place: Place, kilobytes: int) -> None:
    """Sooner or later: in the making of the gradebook, in a verdict or in a page. What was kept is copied out."""
    saved = place.folder / "saved"
    mount = f"mount -t tmpfs -o size={kilobytes}k none {place.out} || exit 99\n"
    keep = f'"$@"; code=$?; mkdir {saved}; cp -r {place.out}/. {saved}; exit $code\n'
    line, told = place.refused(mount + keep)
    assert "full" in line or "No space left on device" in line
    assert len(told) < len(STUDENTS)
    place.out.rmdir()
    saved.rename(place.out)
    place.goes_on(told)


@pytest.mark.usefixtures("mounts")
def test_a_disk_that_is_full_where_the_reports_go(place: Place) -> None:
    place.gradebook = place.folder / "grades.sqlite"
    line, told = place.refused(f"mount -t tmpfs -o size=300k none {place.out} || exit 99")
    assert "the reports cannot be written (No space left on device); the verdicts are kept" in line
    assert told
    place.goes_on(told)


@pytest.mark.usefixtures("mounts")
def test_a_folder_that_is_read_only(place: Place) -> None:
    read_only = f"mount --bind {place.out} {place.out} && mount -o remount,bind,ro {place.out} || exit 99"
    line, told = place.refused(read_only)
    assert str(place.out) in line
    assert told == []
    place.goes_on(told)
    line, _ = place.refused(read_only)
    assert "may be written" in line
    place.goes_on(STUDENTS)


def test_a_gradebook_that_another_program_holds(place: Place) -> None:
    place.goes_on([])
    with closing(sqlite3.connect(place.gradebook, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        line, told = place.refused()
    assert "is in use by another program" in line
    assert told == []
    place.goes_on(STUDENTS)


def test_a_gradebook_of_a_newer_torchgrade(place: Place) -> None:
    place.goes_on([])
    revision = "UPDATE torchgrade_revision SET version_num = ?"
    with closing(sqlite3.connect(place.gradebook)) as plain:
        (before,) = plain.execute("SELECT version_num FROM torchgrade_revision").fetchone()
        with plain:
            plain.execute(revision, ("0999",))
        line, told = place.refused()
        with plain:
            plain.execute(revision, (before,))
    assert "was written by a newer torchgrade (revision 0999)" in line
    assert told == []
    place.goes_on(STUDENTS)
