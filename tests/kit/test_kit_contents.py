"""What is in a kit, and that a second release changes what it must and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest
import yaml
from handing_out import chosen, git, handed_out
from small_course import add_assignment

from torchgrade import __version__
from torchgrade.errors import UsageError
from torchgrade.kit import KitSettings, Repository, cut, settings_in
from torchgrade.model import Course, Visibility
from torchgrade.pipeline import sentences
from torchgrade.pipeline.checking import count_later
from torchgrade.pipeline.release import Change, ReleaseOptions, release, would_change
from torchgrade.spec import check_graders, load_course, load_policy
from torchgrade.spec.graders import PUBLIC_FILE

ROOT = Path(__file__).parents[2]


def test_a_kit_has_all_that_a_check_needs_and_nothing_else(course: Course, tmp_path: Path) -> None:
    kit = handed_out(course, tmp_path / "out")
    files = {p.relative_to(kit).as_posix() for p in kit.rglob("*") if p.is_file() and ".git" not in p.parts}
    assert files == {
        ".copier-answers.yml", ".github/workflows/check.yml", ".gitignore", ".gitlab-ci.yml", "README.md",
        "requirements.txt", "course.yaml", "locale/ru.po", "double.ipynb", "helper.py",
        "assignments/double/README.md", "assignments/double/assignment.yaml", "assignments/double/double.ipynb",
        "assignments/double/files/helper.py", "assignments/double/locale/ru.po", "graders/double/test_public.py",
    }  # fmt: skip
    assert git(kit, "status", "--porcelain", "--ignored") == ""


def test_the_kit_is_a_course_with_the_public_criteria(course: Course, tmp_path: Path) -> None:
    kit = load_course(handed_out(course, tmp_path / "out"))
    (assignment,), (whole, _other) = kit.assignments, course.assignments
    check_graders(assignment, public_only=True)
    assert [c for c in assignment.criteria if c.visibility is Visibility.PUBLIC] == [
        c for c in whole.criteria if c.visibility is Visibility.PUBLIC
    ]
    assert count_later(assignment) == count_later(whole) == 2
    assert assignment.max_points == 2, "what is hidden counts nothing here"
    assert (assignment.defines, assignment.limits) == (whole.defines, whole.limits)
    assert assignment.variant == whole.variant
    assert list(yaml.safe_load((kit.root / "course.yaml").read_text())["variants"]) == ["double"]


@pytest.mark.parametrize(
    ("zone", "due", "said"),
    [
        ("Europe/Moscow", "2026-03-01 23:59", "2026-03-01 23:59 Europe/Moscow"),
        ("Europe/Moscow", "2026-03-01 23:59:30 UTC", "2026-03-02 02:59:30 Europe/Moscow"),
        ("", "2026-03-01T23:59:00+03:00", "2026-03-01T23:59:00+03:00"),
        ("Europe/Berlin", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+02:00"),  # the first of two
    ],
)
def test_a_kit_says_until_when_its_assignment_is_due(
    course: Course, tmp_path: Path, zone: str, due: str, said: str
) -> None:
    if zone:
        path = course.root / "course.yaml"
        path.write_text(f"policy: {{zone: {zone}, late: {{minus: 10 %, per: day}}}}\n{path.read_text()}")
    yaml_file = course.root / "assignments" / "double" / "assignment.yaml"
    yaml_file.write_text(f"due: {due}\ngrace: 15 min\n{yaml_file.read_text()}")
    kit = handed_out(load_course(course.root), tmp_path / "out")
    kept = yaml.safe_load((kit / "assignments/double/assignment.yaml").read_text())
    assert kept.get("due") == said and "grace" not in kept
    assert "policy" not in yaml.safe_load((kit / "course.yaml").read_text())
    there, here = load_policy(kit, "double").due, load_policy(course.root, "double").due
    assert there is not None and here is not None and there.astimezone(UTC) == here.astimezone(UTC)


def test_a_kit_speaks_the_courses_language(course: Course, tmp_path: Path) -> None:
    kit = handed_out(course, tmp_path / "out", language="ru")
    assert "Вдвое." in (kit / "double.ipynb").read_text(encoding="utf-8")
    assert (kit / "assignments/double/README.ru.md").read_text(encoding="utf-8") == "# Удвойте\n"
    assert not (kit / "assignments/double/README.md").exists()
    readme = (kit / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# Малый курс, 2026\n")
    assert "| [О функции double](assignments/double/README.ru.md) | `double.ipynb` | 2 |" in readme
    assert not list(kit.glob("README.*.md"))
    assert load_course(kit).language == "ru"


@pytest.mark.parametrize(
    "id", [p.name for p in sorted((ROOT / "assignments").iterdir()) if (p / "locale").is_dir()]
)
def test_of_a_catalogue_stays_all_that_a_students_check_says(id: str) -> None:
    """Of this course's own assignments, each of which has hidden criteria."""
    (assignment,) = load_course(ROOT, only=id).assignments
    path = assignment.folder / "locale" / "ru.po"
    if not path.is_file():
        pytest.skip("not in Russian yet")
    said = {text for text, _place in sentences._said_in(assignment.graders / PUBLIC_FILE)}
    said |= {assignment.title} | {c.title for c in assignment.criteria if c.visibility is Visibility.PUBLIC}
    kept = cut.catalogue(path, cut.public_sentences(assignment), "x")
    for text in said & {str(m.id) for m in sentences.read(path, "ru")}:
        assert json.dumps(text, ensure_ascii=False)[1:20] in kept.replace('"\n"', "")
    for title in (c.title for c in assignment.criteria if c.visibility is not Visibility.PUBLIC):
        assert f'msgid "{title}"' not in kept


def test_requirements_pin_torchgrade_and_what_the_course_was_tried_with(course: Course, tmp_path: Path) -> None:
    lines = (handed_out(course, tmp_path / "out") / "requirements.txt").read_text().splitlines()
    assert f"torchgrade[course]=={__version__}" in lines
    assert any(line.startswith("torch==") for line in lines) and any(line.startswith("numpy==") for line in lines)
    assert not any("+" in line for line in lines), "a local build, which no index has"
    assert all("==" in line for line in lines if not line.startswith("#"))


def test_a_wheel_in_the_kit_is_what_is_installed(course: Course, tmp_path: Path) -> None:
    wheel = tmp_path / f"torchgrade-{__version__}-py3-none-any.whl"
    wheel.write_bytes(b"PK\0\xff wheel")
    kit = handed_out(course, tmp_path / "out", wheel=wheel)
    assert (kit / "wheels" / wheel.name).read_bytes() == b"PK\0\xff wheel"
    assert f"./wheels/{wheel.name}[course]" in (kit / "requirements.txt").read_text().splitlines()
    handed_out(course, tmp_path / "out")
    assert (kit / "wheels" / wheel.name).is_file(), "until another is named"
    with pytest.raises(UsageError, match="is not the wheel of torchgrade"):
        handed_out(course, tmp_path / "out", wheel=tmp_path / "torchgrade-9.9-py3-none-any.whl")


def test_the_pipelines_have_one_label_and_the_threshold(course: Course, tmp_path: Path) -> None:
    kit = handed_out(course, tmp_path / "out")
    github = yaml.safe_load((kit / ".github/workflows/check.yml").read_text())["jobs"]["check"]
    gitlab = yaml.safe_load((kit / ".gitlab-ci.yml").read_text())["check"]
    assert (github["runs-on"], gitlab.get("tags")) == ("ubuntu-latest", None)
    kit = handed_out(course, tmp_path / "out", runner="gpu", threshold=62.5)
    github = yaml.safe_load((kit / ".github/workflows/check.yml").read_text())["jobs"]["check"]
    gitlab = yaml.safe_load((kit / ".gitlab-ci.yml").read_text())["check"]
    assert (github["runs-on"], gitlab["tags"]) == ("gpu", ["gpu"])
    command = "torchgrade check --ci --threshold 62.5"
    assert [s["run"] for s in github["steps"] if s.get("name") == "torchgrade check"] == [command]
    assert gitlab["script"][-1] == command
    reports = gitlab["artifacts"]["reports"]
    assert set(reports) == {"junit", "codequality"}
    assert github["steps"][0]["with"] == {"persist-credentials": False}


def test_options_of_the_release_before_hold_until_others_are_said(course: Course, tmp_path: Path) -> None:
    out = tmp_path / "out"
    handed_out(course, out, url="https://example.org/kit.git", runner="gpu", threshold=50)
    kit = handed_out(course, out)
    assert "_src_path: https://example.org/kit.git" in (kit / ".copier-answers.yml").read_text()
    kept = settings_in((out / "template/copier.yml").read_text())
    assert kept is not None and (kept.runner, kept.threshold) == ("gpu", 50)
    handed_out(course, out, runner="")
    assert "ubuntu-latest" in (kit / ".github/workflows/check.yml").read_text()


def test_the_language_of_the_release_before_holds_too(course: Course, tmp_path: Path) -> None:
    kit = handed_out(course, tmp_path / "out", language="ru")
    handed_out(course, tmp_path / "out")
    assert load_course(kit).language == "ru"
    handed_out(course, tmp_path / "out", language="en")
    assert load_course(kit).language == "en"


@pytest.mark.parametrize("act", [release, would_change])
def test_what_was_handed_out_is_not_taken_back(course: Course, tmp_path: Path, act: Callable[..., object]) -> None:
    """An update would delete notebooks in which students have worked."""
    add_assignment(course.root, "robin")
    course = load_course(course.root)
    kit = handed_out(course, tmp_path / "out", "double", "robin")
    with pytest.raises(UsageError, match="out: double was handed out from here: name it, too"):
        act(course, chosen(course, "robin").assignments, tmp_path / "out", ReleaseOptions())
    assert (kit / "double.ipynb").is_file()
    assert git(tmp_path / "out" / "template", "tag").split() == ["v1"]


@pytest.mark.parametrize(
    ("option", "value"),
    [("runner", "a\n  b: c"), ("url", "https://x y"), ("threshold", 101), ("runner", "{{ x }}")],
)
def test_options_that_would_break_the_files_are_refused(
    course: Course, tmp_path: Path, option: str, value: object
) -> None:
    with pytest.raises(UsageError, match=f"--{option}"):
        handed_out(course, tmp_path / "out", **{option: value})


# --- again -------------------------------------------------------------------------------------------------------


def test_a_release_in_which_nothing_changed_is_no_release(course: Course, tmp_path: Path) -> None:
    only = chosen(course, "double")
    first = release(only, only.assignments, tmp_path / "out", ReleaseOptions())
    again = release(only, only.assignments, tmp_path / "out", ReleaseOptions())
    assert (first.version, first.made, again.version, again.made) == ("v1", True, "v1", False)
    assert again.changes == ()
    assert git(tmp_path / "out" / "template", "tag").split() == ["v1"]


def test_check_tells_what_the_next_release_would_change_and_writes_nothing(course: Course, tmp_path: Path) -> None:
    out, only = tmp_path / "out", chosen(course, "double")
    asked = lambda: would_change(only, only.assignments, out, ReleaseOptions())  # noqa: E731
    assert {change.kind for change in asked()} == {"new"}
    assert not out.exists()
    handed_out(course, out)
    assert asked() == []
    grader = course.root / "graders" / "double" / "test_public.py"
    grader.write_text(grader.read_text() + "\n# better\n")
    (course.root / "assignments/double/README.md").unlink()
    (course.root / "assignments/double/README.ru.md").unlink()
    before = sorted((p, p.stat().st_mtime_ns) for p in out.rglob("*"))
    wanted = [
        Change("changed", "README.md"),
        Change("gone", "assignments/double/README.md"),
        Change("changed", "graders/double/test_public.py"),
    ]
    assert asked() == wanted
    assert sorted((p, p.stat().st_mtime_ns) for p in out.rglob("*")) == before
    released = release(only, only.assignments, out, ReleaseOptions())
    assert list(released.changes) == wanted, "it comes as it was told"


def test_a_release_that_was_killed_half_way_is_finished_by_the_next(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, only = tmp_path / "out", chosen(course, "double")

    class Killed(BaseException):
        pass

    def killed(self: Repository, version: int) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Repository, "tag", killed)
        with pytest.raises(Killed):
            release(only, only.assignments, out, ReleaseOptions())
    assert release(only, only.assignments, out, ReleaseOptions()).version == "v1"
    assert git(out / "template", "tag", "--points-at", "main").split() == ["v1"]
    assert (out / "kit/double.ipynb").is_file()


def test_a_folder_of_somebody_elses_is_left_alone(course: Course, tmp_path: Path) -> None:
    (tmp_path / "out" / "kit").mkdir(parents=True)
    (tmp_path / "out" / "kit" / "thesis.tex").write_text("years")
    with pytest.raises(UsageError, match="is not empty and no release made it"):
        handed_out(course, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").rglob("*")] == ["kit", "thesis.tex"]


@pytest.mark.parametrize("commit", [False, True])
def test_work_of_a_teachers_own_in_a_release_is_not_lost(course: Course, tmp_path: Path, commit: bool) -> None:
    kit = handed_out(course, tmp_path / "out")
    (kit / "README.md").write_text("my own words")
    if commit:
        git(kit, "commit", "-q", "-a", "-m", "mine")
    with pytest.raises(UsageError, match="of your own"):
        handed_out(course, tmp_path / "out")
    assert (kit / "README.md").read_text() == "my own words"


def test_a_folder_that_cannot_be_is_one_line(course: Course, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file/template: cannot be written \(Not a directory\)"):
        handed_out(course, tmp_path / "file")


@pytest.mark.parametrize("inside", ["kit", "template"])
def test_a_kit_is_not_released_into_a_kit(course: Course, tmp_path: Path, inside: str) -> None:
    handed_out(course, tmp_path / "out")
    with pytest.raises(UsageError, match="the folder that holds kit and template"):
        handed_out(course, tmp_path / "out" / inside)
    assert git(tmp_path / "out" / inside, "status", "--porcelain") == ""


def test_two_assignments_with_different_files_of_one_name_are_refused(course: Course, tmp_path: Path) -> None:
    folder = course.root / "assignments" / "snipe"
    (folder / "files").mkdir(exist_ok=True)
    (folder / "files" / "helper.py").write_text("TWO = 3\n")
    described = folder / "assignment.yaml"
    described.write_text(described.read_text().replace("rubric:", "files: [helper.py]\nrubric:"))
    both = load_course(course.root)
    with pytest.raises(UsageError, match=r"snipe brings another helper\.py"):
        handed_out(both, tmp_path / "out", "double", "snipe")
    (folder / "files" / "helper.py").write_text("TWO = 2\n")
    assert (handed_out(both, tmp_path / "out", "double", "snipe") / "snipe.ipynb").is_file()


def test_settings_that_this_version_does_not_know_are_none() -> None:
    assert settings_in("kit: {default: '{\"colour\": 1}'}") is None
    assert settings_in("") is None
    assert KitSettings("t", "en", (), (), (), "3.11").threshold == 100


def test_copier_is_asked_for_where_it_is_missing(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "copier", None)
    with pytest.raises(UsageError, match=r"pip install 'torchgrade\[release\]'"):
        handed_out(course, tmp_path / "out")
