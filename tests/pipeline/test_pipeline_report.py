"""``report``: a past run again from the gradebook, with hints that were written since, and nothing graded."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from small_course import DOUBLE_RIGHT, add_assignment, double_course, notebook, write_course, write_notebook

from torchgrade.errors import SpecError, UsageError
from torchgrade.gradebook import Gradebook
from torchgrade.model import CriterionResult, Outcome, Status, Verdict
from torchgrade.pipeline import GradeOptions, ReportOptions, grade, report

COURSE = "Small course, 2026"
OUT = "out-0123456789ab"
WRONG = "def double(x):\n    return 7 * x\n"


def verdict(student: str, source: str = "double = 3", **changes: Any) -> Verdict:
    lost = CriterionResult(
        "doubles", "double(x) is twice x", Outcome.FAILED, 0.0, 2.0, message="Not twice.", fingerprint=OUT
    )
    fields = {"status": Status.GRADED, "points": 0.0, "max_points": 3.0, "bonus": 0.0, "criteria": (lost,)}
    made = {"student": student, "assignment": "double", "notebook": notebook(source), **fields, **changes}
    return Verdict(**made)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course with two assignments."""
    return add_assignment(add_assignment(write_course(tmp_path / "course")), "triple")


def record(place: Path | str, *verdicts: Verdict, course: str = COURSE, assignment: str = "double") -> str:
    """One finished run with these verdicts; its id."""
    with Gradebook.open(place) as book:
        run_id = book.start_run(assignment, {}, course=course)
        for one in verdicts:
            book.record(one, f"key of {one.student}", run_id)
        book.end_run(run_id)
    return run_id


def results(out: Path) -> dict[str, Any]:
    return json.loads((out / "results.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def refused(root: Path, **options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        report(root, ReportOptions(**options))
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_all_files_of_a_run_are_there_again(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    record(out / "gradebook.sqlite", verdict("anna"), verdict("boris"))
    done = report(root, ReportOptions(out))
    assert (done.index, done.verdicts, done.pairs) == (out / "index.html", 2, None)
    written = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert {
        "index.html", "results.json", "grades.csv", "junit.xml", "students/anna.html", "students/boris.html",
    } <= written  # fmt: skip
    page = (out / "students" / "anna.html").read_text(encoding="utf-8")
    assert "double = 3" in page.replace('<i class="n">', "").replace("</i>", ""), "the notebook is there, too"
    assert [s["student"] for s in results(out)["submissions"]] == ["anna", "boris"]


def test_elsewhere_the_folder_of_the_gradebook_is_left_as_it_is(root: Path, tmp_path: Path) -> None:
    record(tmp_path / "book.db", verdict("anna"))
    report(root, ReportOptions(tmp_path / "new" / "out", str(tmp_path / "book.db")))
    assert (tmp_path / "new" / "out" / "index.html").is_file() and not (tmp_path / "index.html").exists()
    report(root, ReportOptions(gradebook=f"sqlite:///{tmp_path / 'book.db'}"))
    assert (tmp_path / "index.html").is_file(), "without --out, beside the gradebook"


def test_the_newest_run_is_shown_unless_another_is_named(root: Path, tmp_path: Path) -> None:
    first = record(tmp_path / "gradebook.sqlite", verdict("anna"))
    record(tmp_path / "gradebook.sqlite", verdict("boris"))
    record(tmp_path / "gradebook.sqlite")  # was killed before its first verdict
    report(root, ReportOptions(tmp_path))
    assert [s["student"] for s in results(tmp_path)["submissions"]] == ["boris"]
    report(root, ReportOptions(tmp_path, run=first))
    assert [s["student"] for s in results(tmp_path)["submissions"]] == ["anna"]
    assert not (tmp_path / "students" / "boris.html").exists(), "no page of somebody who is not on the sheet"


def test_a_hint_written_since_is_shown_and_the_verdict_is_left_alone(root: Path, tmp_path: Path) -> None:
    record(tmp_path / "gradebook.sqlite", verdict("anna"), verdict("boris"))
    report(root, ReportOptions(tmp_path))
    assert "2 students return the same wrong thing" in (tmp_path / "index.html").read_text(encoding="utf-8")
    entry = f"hints:\n  - {{key: sevenfold, criterion: doubles, fingerprint: {OUT}, hint: Seven is not two.}}\n"
    (root / "graders" / "double" / "hints.yaml").write_text(entry, encoding="utf-8")
    done = report(root, ReportOptions(tmp_path))
    index = done.index.read_text(encoding="utf-8")
    assert "sevenfold" in index and "return the same wrong thing" not in index
    assert "Seven is not two." in (tmp_path / "students" / "anna.html").read_text(encoding="utf-8")
    with Gradebook.open(tmp_path / "gradebook.sqlite") as book:
        assert {r.hint for v in book.verdicts(done.run.id) for r in v.criteria} == {""}


def test_a_wrong_hints_file_is_told_with_its_line(root: Path, tmp_path: Path) -> None:
    record(tmp_path / "gradebook.sqlite", verdict("anna"))
    (root / "graders" / "double" / "hints.yaml").write_text("hints:\n  - {key: a}\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"graders/double/hints\.yaml:2: hints\[0\]"):
        report(root, ReportOptions(tmp_path))


def test_a_roster_tells_the_groups(root: Path, tmp_path: Path) -> None:
    record(tmp_path / "gradebook.sqlite", verdict("anna"))
    (tmp_path / "roster.csv").write_text("student,group\nanna,IU5-62\n", encoding="utf-8")
    index = report(root, ReportOptions(tmp_path, roster=tmp_path / "roster.csv")).index
    assert "<option>IU5-62</option>" in index.read_text(encoding="utf-8")


def test_similar_notebooks_are_found_where_somebody_asks(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("copydetect")
    long = "".join(f"step{n} = [k ** {n} for k in range({n}, {n * n + 2}) if k % {n + 2}]\n" for n in range(12))
    record(tmp_path / "gradebook.sqlite", verdict("anna", long), verdict("boris", long), verdict("clara", "x = 1"))
    done = report(root, ReportOptions(tmp_path, similar=True))
    assert done.pairs == 1
    assert "anna" in (page := (tmp_path / "similar.html").read_text(encoding="utf-8")) and "clara" not in page
    report(root, ReportOptions(tmp_path))
    assert not (tmp_path / "similar.html").exists()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_reports_speak_the_language_that_was_chosen(root: Path, tmp_path: Path, language: str) -> None:
    record(tmp_path / "gradebook.sqlite", verdict("anna"))
    index = report(root, ReportOptions(tmp_path, language=language)).index
    assert f'<html lang="{language}">' in index.read_text(encoding="utf-8")


# What cannot be done


def test_where_there_is_no_gradebook_none_is_made(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(root) == "there is no gradebook gradebook.sqlite; --out names the folder of a past run"
    assert "name one with --gradebook" in refused(root, out=tmp_path / "out")
    assert "there is no gradebook book.db" in refused(root, gradebook="book.db")
    assert "there is no gradebook" in refused(root, gradebook="sqlite:///book.db", out=tmp_path / "out")
    assert not (tmp_path / "gradebook.sqlite").exists() and not (tmp_path / "book.db").exists()


def test_a_server_does_not_tell_where_the_reports_go(root: Path) -> None:
    assert "--out is missing" in refused(root, gradebook="postgresql+psycopg://nobody@localhost/grades")


def test_an_empty_gradebook_says_so(root: Path, tmp_path: Path) -> None:
    Gradebook.open(tmp_path / "gradebook.sqlite").close()
    assert "holds no verdict yet; `torchgrade grade` makes some" in refused(root, out=tmp_path)
    assert not (tmp_path / "index.html").exists()


def test_an_unknown_assignment_or_run_says_what_there_is(root: Path, tmp_path: Path) -> None:
    run_id = record(tmp_path / "gradebook.sqlite", verdict("anna"))
    assert "no verdict of the assignment 'duoble'; did you mean 'double'?" in refused(
        root, out=tmp_path, assignment="duoble"
    )
    assert f"there is no run 'yesterday' with verdicts; the newest is {run_id}" in refused(
        root, out=tmp_path, run="yesterday"
    )


def test_of_several_assignments_one_must_be_chosen(root: Path, tmp_path: Path) -> None:
    record(tmp_path / "gradebook.sqlite", verdict("anna"))
    record(tmp_path / "gradebook.sqlite", verdict("anna", assignment="triple"), assignment="triple")
    assert "holds several assignments; choose one: --assignment double" in refused(root, out=tmp_path)
    report(root, ReportOptions(tmp_path, assignment="triple"))
    assert results(tmp_path)["assignment"] == "triple"


def test_a_gradebook_of_other_courses_or_assignments_is_told(root: Path, tmp_path: Path) -> None:
    record(tmp_path / "gradebook.sqlite", verdict("anna"), course="Another, 2025")
    assert "holds no run of the course 'Small course, 2026', but of: Another, 2025" in refused(root, out=tmp_path)
    record(tmp_path / "gradebook.sqlite", verdict("anna", assignment="doubel"), assignment="doubel")
    assert "the course has no assignment 'doubel'; did you mean 'double'?" in refused(root, out=tmp_path)


def test_a_folder_that_cannot_be_written_is_told(root: Path, tmp_path: Path) -> None:
    record(tmp_path / "gradebook.sqlite", verdict("anna"))
    (tmp_path / "file").write_text("")
    said = refused(root, out=tmp_path / "file" / "out", gradebook=str(tmp_path / "gradebook.sqlite"))
    assert "the reports cannot be written (Not a directory)" in said
    if os.geteuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
        said = refused(root, out=tmp_path / "locked", gradebook=str(tmp_path / "gradebook.sqlite"))
        assert "the reports cannot be written (Permission denied)" in said


# From three hand-ins to one hint


class Silent:
    def __getattr__(self, name: str) -> Any:
        return lambda *args: None


def test_a_mistake_of_three_students_becomes_known_by_one_entry(tmp_path: Path) -> None:
    course = double_course(tmp_path / "course")
    assignment, out = course.assignments[0], tmp_path / "out"
    for name, source in {"anna": WRONG, "boris": WRONG.replace("7 * x", "x * 6 + x"), "clara": WRONG}.items():
        write_notebook(tmp_path / "in" / f"{name}.ipynb", source)
    write_notebook(tmp_path / "in" / "dora.ipynb", DOUBLE_RIGHT)
    grade(course, assignment, tmp_path / "in", out, GradeOptions(jobs=1), Silent())
    with Gradebook.open(out / "gradebook.sqlite") as book:
        first = book.verdicts(book.runs()[-1].id)
    public = {r.fingerprint for v in first for r in v.criteria if r.id == "doubles"}
    hidden = {r.fingerprint for v in first for r in v.criteria if r.id == "doubles-large"}
    assert len(public - {""}) == len(hidden - {""}) == 1, (
        "three wrote it in two ways; nothing is said of who is right"
    )
    assert "3 students return the same wrong thing" in (out / "index.html").read_text(encoding="utf-8")

    (name,) = public - {""}
    entry = f"hints:\n  - {{key: sevenfold, criterion: doubles, fingerprint: {name}, hint: Seven is not two.}}\n"
    (assignment.graders / "hints.yaml").write_text(entry, encoding="utf-8")
    again = grade(course, assignment, tmp_path / "in", out, GradeOptions(jobs=1), Silent())
    told = {v.student: [(r.mistake, r.hint) for r in v.criteria if r.id == "doubles"] for v in again.verdicts}
    assert told["boris"] == told["clara"] == [("sevenfold", "Seven is not two.")]
    assert told["dora"] == [("", "")]
