"""What is written where, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
import samples
from samples import ASSIGNMENT, COURSE, NOW
from strict import Page, assert_inert

import hostile
import torchgrade.feedback
from torchgrade.errors import TorchgradeError
from torchgrade.feedback import files, templates, write_feedback


def written(out: Path) -> set[str]:
    return {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}


def test_a_cohort_has_its_files_and_nothing_else(tmp_path: Path) -> None:
    index = write_feedback(COURSE, ASSIGNMENT, samples.cohort()[:3], tmp_path / "new" / "out", generated_at=NOW)
    assert index == tmp_path / "new" / "out" / "index.html"
    students = {f"students/{name}.html" for name in ("anna.petrova", "ivanov", "k.sidorova")}
    whole = {"index.html", "grades.csv", "junit.xml", "results.json", ".pages.json"}
    assert written(index.parent) == whole | students


def test_every_link_of_the_cohort_leads_to_a_file(tmp_path: Path) -> None:
    verdicts = [*samples.cohort()[:6], hostile.hostile(), samples.right("../../etc/passwd"), samples.right("")]
    index = write_feedback(COURSE, ASSIGNMENT, verdicts, tmp_path, generated_at=NOW)
    page = Page(index.read_text(encoding="utf-8"))
    links = [a["href"] for a in page.all("a") if not a["href"].startswith("#")]
    assert len([link for link in links if link.startswith("students/")]) >= len(verdicts)
    assert all((tmp_path / unquote(link)).is_file() for link in links)
    assert all(p.parent in (tmp_path, tmp_path / "students") for p in tmp_path.rglob("*") if p.is_file())


def test_the_written_pages_are_the_students_own(tmp_path: Path) -> None:
    write_feedback(COURSE, ASSIGNMENT, [samples.wrong(), hostile.hostile()], tmp_path, generated_at=NOW)
    for path in (tmp_path / "students").iterdir():
        page = Page(path.read_text(encoding="utf-8"))
        assert_inert(page, scripts=0)
        assert "course-seed-1f6a" not in page.html and "TEACHER-ONLY" not in page.html


def test_a_second_writing_replaces_the_first(tmp_path: Path) -> None:
    write_feedback(COURSE, ASSIGNMENT, [samples.right()], tmp_path, generated_at=NOW)
    before = written(tmp_path)
    write_feedback(COURSE, ASSIGNMENT, [samples.wrong("anna.petrova")], tmp_path, generated_at=NOW)
    assert written(tmp_path) == before
    (one,) = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["submissions"]
    assert one["points"] == 5.5


def test_the_same_verdicts_give_the_same_bytes(tmp_path: Path) -> None:
    for place in ("a", "b"):
        write_feedback(COURSE, ASSIGNMENT, samples.cohort()[:8], tmp_path / place, generated_at=NOW)
    for name in written(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_names_that_differ_in_case_alone_keep_their_own_page() -> None:
    names = files.page_names(["Ivanov", "ivanov", "IVANOV", "petrov", "petrov", "petrov-2"])
    assert len({name.casefold() for name in names}) == 6 and all(name.endswith(".html") for name in names)
    assert names[3] == "petrov.html"


def test_a_failed_writing_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "grades.csv"
    files.write_whole(path, "old")

    def refuse(source: Path, target: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        files.write_whole(path, "new")
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["grades.csv"]


def test_a_link_in_the_place_of_a_report_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep")
    (tmp_path / "grades.csv").symlink_to(tmp_path / "precious")
    files.write_whole(tmp_path / "grades.csv", "new")
    assert (tmp_path / "precious").read_text() == "keep" and not (tmp_path / "grades.csv").is_symlink()


def test_templates_are_found_in_an_installed_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "torchgrade"
    (package / "feedback").mkdir(parents=True)
    monkeypatch.setattr(templates, "__file__", str(package / "feedback" / "templates.py"))
    with pytest.raises(TorchgradeError, match="templates are missing"):
        templates.folder()
    monkeypatch.undo()
    shutil.copytree(templates.folder(), package / "_templates")
    monkeypatch.setattr(templates, "__file__", str(package / "feedback" / "templates.py"))
    assert templates.folder() == package / "_templates"


def test_importing_feedback_does_not_import_torch() -> None:
    code = "import sys, torchgrade.feedback; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_facade_is_complete() -> None:
    for name in torchgrade.feedback.__all__:
        assert callable(getattr(torchgrade.feedback, name))
    assert {
        "write_feedback",
        "render_student",
        "render_cohort",
        "results_document",
        "grades_csv",
        "junit_xml",
    } <= set(torchgrade.feedback.__all__)
