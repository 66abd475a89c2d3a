"""Nothing that a student may not see is in a kit, in its template, or in the history of either."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from canaries import CANARIES, found_in
from handing_out import git, handed_out

from torchgrade.errors import UsageError
from torchgrade.grading.answers import read_trusted
from torchgrade.kit import student_files, template
from torchgrade.model import Assignment, Course, Visibility
from torchgrade.notebook import code_cells
from torchgrade.spec import load_course


@pytest.mark.parametrize("language", ["en", "ru"])
def test_no_hidden_test_solution_point_or_answer_gets_out(course: Course, tmp_path: Path, language: str) -> None:
    handed_out(course, tmp_path / "out", language=language, url="https://example.org/kit.git")
    assert found_in(tmp_path / "out") == set()


def test_nor_does_it_by_the_history_of_many_releases(course: Course, tmp_path: Path) -> None:
    grader = course.root / "graders" / "double" / "test_public.py"
    for number in range(3):
        grader.write_text(grader.read_text() + f"\n# {number}\n")
        handed_out(course, tmp_path / "out")
    assert git(tmp_path / "out" / "kit", "rev-list", "--count", "main").strip() == "3"
    assert found_in(tmp_path / "out") == set()


def test_the_look_above_would_find_each_word(course: Course, tmp_path: Path) -> None:
    assert found_in(course.root) == set(CANARIES)


def test_and_one_that_was_committed_and_taken_back(course: Course, tmp_path: Path) -> None:
    handed_out(course, tmp_path / "out")
    kit = tmp_path / "out" / "kit"
    (kit / "slip.txt").write_text(CANARIES["hidden test"])
    git(kit, "add", "slip.txt")
    git(kit, "commit", "-q", "-m", "slip")
    git(kit, "reset", "-q", "--hard", "HEAD~1")
    assert found_in(tmp_path / "out") == {"hidden test"}


def test_no_path_of_the_teachers_machine_gets_out(course: Course, tmp_path: Path) -> None:
    handed_out(course, tmp_path / "out")
    git(tmp_path / "out" / "kit", "gc", "--quiet")  # so that what is compressed by zlib counts too
    for kind in ("kit", "template"):
        text = b"".join(p.read_bytes() for p in (tmp_path / "out" / kind).rglob("*") if p.is_file())
        assert str(tmp_path).encode() not in text
    assert "_src_path: ../template" in (tmp_path / "out/kit/.copier-answers.yml").read_text()


def test_a_secret_that_was_pasted_into_a_text_stops_the_release(course: Course, tmp_path: Path) -> None:
    text = course.root / "assignments" / "double" / "README.md"
    text.write_text(f"# Double it\n{CANARIES['the secret']}\n")
    with pytest.raises(UsageError, match=r"assignments/double/README\.md: holds the course's secret"):
        handed_out(course, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_secret_of_the_environment_counts_too(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHGRADE_SECRET", "from-the-environment")
    text = course.root / "assignments" / "double" / "README.md"
    text.write_text("from-the-environment")
    with pytest.raises(UsageError, match="secret"):
        handed_out(course, tmp_path / "out")


def test_a_handout_that_is_not_derived_from_the_solution_is_not_handed_out(course: Course, tmp_path: Path) -> None:
    handout = course.root / "assignments" / "double" / "double.ipynb"
    handout.write_text((course.root / "solutions" / "double" / "double.ipynb").read_text())
    with pytest.raises(UsageError, match=r"double\.ipynb is missing or stale; `torchgrade ci double --fix`"):
        handed_out(course, tmp_path / "out")


def test_a_bundle_holds_what_grading_needs_and_lies_outside(course: Course, tmp_path: Path) -> None:
    handed_out(course, tmp_path / "out", bundle=tmp_path / "private.zip")
    with zipfile.ZipFile(tmp_path / "private.zip") as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "private")
    assert {"course.yaml", "solutions/double/double.ipynb", "graders/double/test_hidden.py"} <= names
    assert not any(".torchgrade" in name or "cohort" in name or "snipe" in name for name in names)
    assert "the secret" not in found_in(tmp_path / "private")
    assert found_in(tmp_path / "out") == set()
    with pytest.raises(UsageError, match="put it outside"):
        handed_out(course, tmp_path / "out", bundle=tmp_path / "out" / "kit" / "b.zip")


def test_a_bundle_that_cannot_be_written_is_one_line_and_leaves_the_old_one(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="bundles: cannot be written"):
        (tmp_path / "bundles").mkdir()
        handed_out(course, tmp_path / "out", bundle=tmp_path / "bundles")
    (tmp_path / "private.zip").write_text("the old one")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    with pytest.raises(UsageError, match="No space left"):
        handed_out(course, tmp_path / "out", bundle=tmp_path / "private.zip")
    assert (tmp_path / "private.zip").read_text() == "the old one"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundles", "course", "private.zip"]


def test_what_looks_like_markup_to_copier_stays_text(course: Course, tmp_path: Path) -> None:
    title = "{{ 7 * 7 }} {% raw %} #% if x %# {# no #} 'quoted' \"twice\""
    file = course.root / "course.yaml"
    file.write_text(file.read_text().replace("title: Small course", f"title: >-\n  {title}"))
    handed_out(load_course(course.root), tmp_path / "out")
    assert (tmp_path / "out/kit/README.md").read_text().startswith(f"# {title}, 2026\n")


@pytest.mark.parametrize("name", ["{{ x }}.py", "a.py.jinja", "README.md", "requirements.txt"])
def test_a_file_whose_name_means_something_to_copier_or_the_kit_is_refused(name: str) -> None:
    settings = template.KitSettings("t", "en", (), (), (), "3.11")
    with pytest.raises(UsageError, match="of this name"):
        template.template_files(settings, {name: b""})


# --- the course of this repository -------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
_LONG = 40  # characters of a line that is nobody else's


@pytest.mark.parametrize("id", sorted(p.parent.name for p in ROOT.glob("solutions/*/*.ipynb")))
def test_a_kit_of_this_course_shows_nothing_of_hidden_criteria_and_solution(id: str) -> None:
    course = load_course(ROOT, only=id)
    (assignment,) = course.assignments
    try:
        files = student_files(course, [assignment], "en")
    except UsageError as error:
        pytest.skip(f"somebody is at work, and `torchgrade ci` says so too: {error}")
    text = b"\n".join(files.values()).decode()
    hidden = [c for c in assignment.criteria if c.visibility is not Visibility.PUBLIC]
    for criterion in hidden:
        assert f"id: {criterion.id}\n" not in text and f'"{criterion.id}"' not in text
    public = (assignment.graders / "test_public.py").read_text(encoding="utf-8")
    kept = [line for line in lines_of(assignment.graders / "test_hidden.py") if line not in public]
    assert bool(kept) == bool(hidden)
    assert not [line for line in kept if line in text]
    taken_out = lines_that_are_taken_out(assignment, files[f"{id}.ipynb"].decode())
    ours = (".ipynb", ".yaml")  # the rest is a teacher's own words to students
    made = b"\n".join(content for path, content in files.items() if path.endswith(ours)).decode()
    assert not [line for line in taken_out if line in made]


def lines_of(path: Path) -> set[str]:
    found = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
    return {
        line.strip() for line in found if len(line.strip()) >= _LONG and not line.startswith(("import", "from"))
    }


def lines_that_are_taken_out(assignment: Assignment, handout: str) -> set[str]:
    """Lines of the solution that the handout lacks, as JSON writes them."""
    cells = (cell for _number, cell in code_cells(read_trusted(assignment.solution)))
    lines = {line.strip() for cell in cells for line in cell.split("\n")}
    written = {json.dumps(line, ensure_ascii=False)[1:-1] for line in lines if len(line) >= _LONG}
    return {line for line in written if line not in handout}
