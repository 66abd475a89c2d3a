"""Every command that README and guides show is typed here, in their order, in a folder like the one they speak of.

Examiners are pretended but for `ci`: what a notebook earns is tested elsewhere. What cannot be had in a test (a
cluster, a network, a server that runs until Ctrl-C) is read by the command line and not carried out.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_examiner import FakeExaminer
from small_course import add_assignment, write_course, write_notebook

from torchgrade.gradebook import Gradebook
from torchgrade.grading import ahead
from torchgrade.pipeline import keys, workers

ROOT = Path(__file__).parents[2]
PAPERS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

#: Only read by the command line: what they need, or why they would not end.
ONLY_READ = {
    "--scheduler": "a cluster",
    "postgresql": "a database server",
    "data fetch": "a network",
    "torchgrade serve": "runs until Ctrl-C",
    "torchgrade demo": "make demo",
    "torchgrade doctor": "its exit code is the machine's",
    "--bundle": "graders of a whole course",
    "--wheel": "a wheel",
    "export gradescope": "tests/exports run the bundle",
    "export classroom50": "tests/exports run the bundle",
    "export prairielearn": "tests/exports run the bundle",
    "data verify": "the data sets of this machine",
    "data list": "the data sets of this machine",
    "--similar": "copydetect over real notebooks",
    "import nbgrader": "tests/importing",
    "torchgrade ci": "tests of `ci`; the lines about a new assignment are carried out",
    "torchgrade check": "a pretended examiner knows no public criterion",
}
#: Carried out although a word above is in it.
DONE = ("ci smoothing",)

CANVAS = "Student,ID,SIS User ID,SIS Login ID,Section,About softmax (7)\n    Points Possible,,,,,3\n" + "".join(
    f"{name},{number},s{number},{name},S,\n" for number, name in enumerate(("ivanov", "petrova"), 101)
)
MOODLE = "Identifier,Full name,Email address,Grade,Maximum Grade,Last modified (grade)\n" + "".join(
    f"Participant {number},{name},{name}@x,,3.00,-\n" for number, name in enumerate(("ivanov", "petrova"), 41)
)


def commands(paper: Path) -> list[str]:
    """The commands in the code blocks of a page, fenced or indented, without what is said beside them."""
    found, fence = [], ""
    for line in paper.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fence = "" if fence else line
        elif re.match(r"torchgrade [a-z]" if fence else r" {4,}torchgrade [a-z]", line):
            found.append(line.split("  #")[0].strip())
    return found


SHOWN = {paper.name: commands(paper) for paper in PAPERS}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A course with what the pages take for granted: hand-ins, rosters, tables of platforms, a past run."""
    root = write_course(tmp_path_factory.mktemp("docs") / "course")
    for id in ("softmax", "lenet5"):
        add_assignment(root, id)
    for folder in ("submissions", "SUBMISSIONS", "last-year"):
        for student, points in (("ivanov", 3), ("petrova", 1)):
            write_notebook(root / folder / f"{student}.ipynb", f"points {points}")
    (root / "roster.csv").write_text(
        "student,group,variant,email,canvas_id,moodle_id,lti_user_id\n"
        "ivanov,1,2,ivanov@x,101,41,u1\npetrova,1,3,petrova@x,102,42,u2\n"
    )
    (root / "canvas.csv").write_text(CANVAS)
    (root / "worksheet.csv").write_text(MOODLE)
    for student in ("ivanov", "petrova"):
        clone(root / "clones" / student, root / "submissions" / f"{student}.ipynb")
    listed = "".join(f"{s},clones/{s}\n" for s in ("ivanov", "petrova"))
    (root / "repositories.csv").write_text(f"student,url\n{listed}")
    yield root


def clone(folder: Path, notebook: Path) -> None:
    """A student's repository with one commit and the tag of the hand-in."""
    folder.mkdir(parents=True)
    shutil.copy(notebook, folder / "softmax.ipynb")
    who = ["-c", "user.name=s", "-c", "user.email=s@x"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "done", "--date", "2026-10-30T12:00:00Z"]):
        moment = {"GIT_COMMITTER_DATE": "2026-10-30T12:00:00Z", "PATH": "/usr/bin:/bin:/usr/local/bin"}
        subprocess.run(["git", *words], cwd=folder, check=True, env=moment)
    subprocess.run(["git", "tag", "handed-in"], cwd=folder, check=True)


@pytest.fixture
def typed(place: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """typed("torchgrade grade …"): the command, as far as it can be carried out here."""
    monkeypatch.setenv(keys.SECRET_VARIABLE, "s")
    monkeypatch.chdir(place)
    real = workers.warm.start

    def call(line: str) -> Any:
        words = shlex.split(line)[1:]
        carried_out = any(d in line for d in DONE) or not any(w in line for w in ONLY_READ)
        if "--run" in words:  # an id of the page's own
            with Gradebook.open(place / "out" / "gradebook.sqlite") as book:
                words[words.index("--run") + 1] = book.runs()[0].id
        words = [w for w in words if w != "--watch" or not carried_out]
        pretended = words[0] != "ci"
        monkeypatch.setattr(workers.warm, "start", FakeExaminer if pretended else real)
        if pretended:
            monkeypatch.setattr(ahead, "examines_for_sure", lambda *_, **__: False)
        return run(*words) if carried_out else run(*words, "--help")

    return call


def test_the_pages_show_commands() -> None:
    assert sum(map(len, SHOWN.values())) > 40
    assert {"README.md", "teachers.md", "operators.md"} <= {name for name, shown in SHOWN.items() if shown}


@pytest.mark.parametrize("name", [name for name, shown in SHOWN.items() if shown])
def test_each_command_of_a_page_does_what_it_says(name: str, place: Path, typed: Callable[[str], Any]) -> None:
    for folder in ("out", "new"):
        shutil.rmtree(place / folder, ignore_errors=True)
    said = typed("torchgrade grade softmax submissions --out out --roster roster.csv")
    assert said.code == 0, said.err
    for line in SHOWN[name]:
        said = typed(line)
        # A check of what was handed out says with 1 that something has changed.
        assert said.code == 0 or (said.code == 1 and "--check" in line), f"{line}\n{said.out}\n{said.err}"
