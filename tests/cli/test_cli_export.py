"""``torchgrade export`` as it is typed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from fake_examiner import FakeExaminer
from small_course import double_course, write_notebook

from torchgrade.pipeline import exporting, keys, workers

CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,About double (7)\n"
    '    Points Possible,,,,,3\n"Ivanova, Anna",101,s1,anna,S,1\nPetrov,102,s2,boris,S,\nEva,103,s3,eva,S,2\n'
)
MOODLE = (
    "Identifier,Full name,Email address,Grade,Maximum Grade,Last modified (grade)\n"
    "Participant 41,anna,a@x,,3.00,-\nParticipant 42,boris,b@x,,3.00,-\n"
)


@pytest.fixture
def graded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any) -> Path:
    """The folder of a graded cohort, by a pretended examiner; the course is the current folder."""
    monkeypatch.setenv(keys.SECRET_VARIABLE, "s")
    monkeypatch.setattr(workers.warm, "start", FakeExaminer)
    monkeypatch.chdir(double_course(tmp_path / "course").root)
    for student, source in (("anna", "points 3"), ("boris", "points 1.5")):
        write_notebook(tmp_path / "cohort" / f"{student}.ipynb", source)
    assert run("grade", "double", tmp_path / "cohort", "--out", tmp_path / "out").code == 0
    return tmp_path / "out"


def written(folder: Path) -> set[str]:
    found = folder / exporting.FOLDER
    return {p.name for p in found.iterdir()} if found.is_dir() else set()


def test_the_formats_of_the_command_line_are_those_of_the_pipeline() -> None:
    from torchgrade.cli.export import Format

    assert [*Format] == [*map(str, exporting.Format)]


@pytest.mark.parametrize(("format", "name"), [("csv", "double.csv"), ("json", "double.json")])
def test_grades_are_written_beside_the_run(graded: Path, run: Any, format: str, name: str) -> None:
    said = run("export", format, "--out", graded)
    path = graded / "exports" / name
    assert (said.code, said.out, said.err) == (0, f"2 students\nwritten: {path}\n", "")
    assert "anna" in path.read_text(encoding="utf-8") and written(graded) == {name}


def test_out_may_name_the_file(graded: Path, run: Any, tmp_path: Path) -> None:
    assert run("export", "csv", "--out", graded / "grades-for-dean.csv").code == 0
    assert (graded / "grades-for-dean.csv").is_file()
    said = run("export", "csv", "--out", tmp_path / "x.csv", "--gradebook", graded / "gradebook.sqlite")
    assert said.code == 0 and (tmp_path / "x.csv").is_file()


def test_a_dry_run_shows_the_difference_and_writes_nothing(graded: Path, run: Any, tmp_path: Path) -> None:
    (tmp_path / "canvas.csv").write_text(CANVAS, encoding="utf-8")
    said = run("export", "canvas", "--out", graded, "--into", tmp_path / "canvas.csv", "--dry-run")
    assert said.code == 0 and written(graded) == set()
    lines = said.out.splitlines()
    assert re.fullmatch(r"anna \(Ivanova, Anna\) +1 +3  changed", lines[1])
    assert re.fullmatch(r"boris \(Petrov\) +\(blank\) +1\.5  new", lines[2])
    assert lines[3] == "1 changed, 1 new" and lines[4].startswith("nothing was written; it would be ")
    assert "without a grade here: 1 of the 3 students of canvas.csv; 1 of them has a score" in said.err


def test_canvas_is_filled(graded: Path, run: Any, tmp_path: Path) -> None:
    (tmp_path / "canvas.csv").write_text(CANVAS, encoding="utf-8")
    assert run("export", "canvas", "--out", graded, "--into", tmp_path / "canvas.csv").code == 0
    text = (graded / "exports" / "double-canvas.csv").read_text(encoding="utf-8")
    assert text.splitlines()[2:] == ['"Ivanova, Anna",101,s1,anna,S,3', "Petrov,102,s2,boris,S,1.5"]
    assert (tmp_path / "canvas.csv").read_text(encoding="utf-8") == CANVAS


def test_moodle_is_filled_and_students_get_their_pages(graded: Path, run: Any, tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_text(MOODLE, encoding="utf-8")
    said = run("export", "moodle", "--out", graded, "--into", tmp_path / "sheet.csv", "--feedback")
    assert said.code == 0 and "2 pages of feedback" in said.out
    assert written(graded) == {"double-moodle.csv", "double-moodle-feedback.zip"}
    archive = zipfile.ZipFile(graded / "exports" / "double-moodle-feedback.zip")
    assert sorted(archive.namelist()) == [
        "anna_41_assignsubmission_file_/double.html", "boris_42_assignsubmission_file_/double.html",
    ]  # fmt: skip
    assert b"anna" in archive.read("anna_41_assignsubmission_file_/double.html")


def test_lti_writes_a_folder_of_bodies(graded: Path, run: Any, tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("student,lti_user_id\nanna,u1\nboris,u2\nclara,u3\n", encoding="utf-8")
    said = run("export", "lti", "--out", graded, "--roster", roster)
    assert said.code == 0 and "in the roster, but without a verdict; left as they are: clara" in said.err
    body = json.loads((graded / "exports" / "double-lti" / "scores" / "boris.json").read_text(encoding="utf-8"))
    assert (body["userId"], body["scoreGiven"], body["scoreMaximum"]) == ("u2", 1.5, 3.0)


def test_points_count_as_the_roster_of_the_export_says(graded: Path, run: Any, tmp_path: Path) -> None:
    (tmp_path / "canvas.csv").write_text(CANVAS, encoding="utf-8")
    roster = tmp_path / "roster.csv"
    roster.write_text("student,excused\nanna,yes\nboris,\neva,yes\n", encoding="utf-8")
    into = ("--into", tmp_path / "canvas.csv")
    said = run("export", "canvas", "--out", graded, "--roster", roster, *into, "--dry-run")
    assert said.code == 0 and re.search(r"anna \(Ivanova, Anna\) +1 +EX  excused", said.out)
    assert re.search(r"eva \(Eva\) +2 +EX  excused", said.out), "also where nothing was handed in"


def test_a_group_gets_the_points_of_the_member_who_handed_in(graded: Path, run: Any, tmp_path: Path) -> None:
    spec = Path("assignments/double/assignment.yaml")
    spec.write_text(spec.read_text(encoding="utf-8") + "groups: true\n", encoding="utf-8")
    roster = tmp_path / "roster.csv"
    roster.write_text("student,group\nanna,A\nboris,A\n", encoding="utf-8")
    assert run("export", "json", "--out", graded, "--roster", roster).code == 0
    document = json.loads((graded / "exports" / "double.json").read_text(encoding="utf-8"))
    (one,) = {(s["total"], s["criteria"][0]["points"], s["notebook"]) for s in document["students"]}
    assert one[0] == one[1]


def test_a_bundle_needs_no_gradebook(graded: Path, run: Any, tmp_path: Path) -> None:
    said = run("export", "gradescope", "--assignment", "double", "--out", tmp_path / "g.zip", "--seconds", "300")
    assert said.code == 0 and f"written: {tmp_path / 'g.zip'}" in said.out
    assert "show it to nobody" in said.err and "MiB of memory or more" in said.err
    assert {"setup.sh", "run_autograder"} <= set(zipfile.ZipFile(tmp_path / "g.zip").namelist())
    dry = run("export", "classroom50", "--dry-run")
    assert dry.code == 0 and "autograder.py (" in dry.out and "hidden" not in dry.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["csv", "--out", "nowhere"], "there is no gradebook nowhere/gradebook.sqlite"),
        (["csv", "--into", "x.csv"], "--into says nothing to the format csv"),
        (["csv", "--seconds", "60"], "--seconds says nothing to the format csv"),
        (["classroom50", "--lang", "ru"], "--lang says nothing to the format classroom50"),
        (["gradescope", "--run", "x"], "--run says nothing to the format gradescope"),
        (["canvas"], "name Canvas's own export with --into"),
        (["moodle"], "--into is missing: download the grading worksheet"),
        (["canvas", "--into", "nowhere.csv"], "nowhere.csv: the platform's table cannot be read"),
        (["canvas", "--column", "Softmax"], "would make a new assignment there"),
        (["lti"], "no LTI user id of anna, boris"),
        (["csv", "--roster", "nowhere.csv"], "nowhere.csv: the roster cannot be read"),
        (["prairielearn"], "--image is missing"),
        (["gradescope", "--assignment", "duoble"], "no assignment 'duoble'; did you mean 'double'?"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_two(
    graded: Path, run: Any, arguments: list[str], said: str
) -> None:
    bundle = arguments[0] in ("gradescope", "prairielearn")
    out = [] if "--out" in arguments or bundle else ["--out", graded]
    found = run("export", *arguments, *out)
    assert found.code == 2 and said in found.err and found.err.count("\n") == 1, found.err
    assert written(graded) == set()


@pytest.mark.parametrize(
    ("roster", "said"),
    [
        (b"name,email\nanna,a@x\n", "student"),
        (b"student\nanna\nanna\n", "anna"),
        ("student,group\nАнна Иванова,1\n".encode("koi8-r"), "not UTF-8"),
        (b'student\n"anna\n', ""),
    ],
)
def test_a_bad_roster_is_one_line_and_nothing_is_written(
    graded: Path, run: Any, tmp_path: Path, roster: bytes, said: str
) -> None:
    (tmp_path / "r.csv").write_bytes(roster)
    found = run("export", "csv", "--out", graded, "--roster", tmp_path / "r.csv")
    assert found.code == 2 and said in found.err and found.err.count("\n") == 1 and written(graded) == set()
    assert "r.csv" in found.err


def test_names_in_windows_1251_with_commas_and_formulas_come_through(
    graded: Path, run: Any, tmp_path: Path
) -> None:
    text = 'student,name,group\nanna,"Иванова, Анна",=1+1\nboris,Петров Борис,ИУ5\n'
    (tmp_path / "r.csv").write_bytes(text.encode("cp1251"))
    assert run("export", "csv", "--out", graded, "--roster", tmp_path / "r.csv").code == 0
    csv = (graded / "exports" / "double.csv").read_text(encoding="utf-8")
    assert '"Иванова, Анна",\'=1+1' in csv and "Петров Борис,ИУ5" in csv


def test_exporting_imports_no_torch(graded: Path) -> None:
    program = (
        "import sys; sys.argv = ['torchgrade', 'export', 'csv', '--out', sys.argv[1]]\n"
        "from torchgrade.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(graded)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
