"""Bundles: what is in them, what never is, and limits that fit a platform's clock."""

from __future__ import annotations

import io
import json
import stat
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_course import add_assignment, write_course

from torchgrade.errors import UsageError
from torchgrade.exports.bundle import Bundle, BundleOptions, Platform, fit, make_bundle
from torchgrade.kit import student_files
from torchgrade.model import Course, Limits, Tier, VariantRule
from torchgrade.spec import load_course

SECRET = b"the course's own secret"
FILES = {"helper.py": "X = 1\n"}


@pytest.fixture
def course(tmp_path: Path) -> Course:
    more = "due: 2026-10-01 23:59 +03:00\n"
    root = add_assignment(write_course(tmp_path / "course"), files=FILES, more=more)
    add_assignment(root, "other")
    (root / "graders" / "double" / "cohort").mkdir()
    (root / "graders" / "double" / "cohort" / "anna.ipynb").write_text("{}")
    (root / ".torchgrade").mkdir()
    (root / ".torchgrade" / "secret").write_bytes(SECRET)
    return load_course(root)


def made(course: Course, platform: Platform, **more: Any) -> Bundle:
    assignment = course.assignment("double")
    assert assignment is not None
    image = {"image": "uni/torchgrade:1"} if platform is Platform.PRAIRIELEARN else {}
    student = student_files(course, [assignment], "en") if platform is Platform.CLASSROOM50 else None
    return make_bundle(course, assignment, BundleOptions(platform, **image, **more), SECRET, student)


def test_gradescope_gets_its_two_files_at_the_root_and_all_that_grading_takes(course: Course) -> None:
    names = zipfile.ZipFile(io.BytesIO(made(course, Platform.GRADESCOPE).as_zip())).namelist()
    assert {
        "setup.sh", "run_autograder", "torchgrade.json", "requirements.txt", "course.yaml",
        "assignments/double/assignment.yaml", "assignments/double/files/helper.py",
        "graders/double/test_public.py", "graders/double/test_hidden.py", "solutions/double/double.ipynb",
    } <= set(names)  # fmt: skip


def test_scripts_may_be_run_and_begin_with_a_shebang(course: Course) -> None:
    archive = zipfile.ZipFile(io.BytesIO(made(course, Platform.GRADESCOPE).as_zip()))
    for name in ("setup.sh", "run_autograder"):
        assert stat.S_IMODE(archive.getinfo(name).external_attr >> 16) == 0o755
        assert archive.read(name).startswith(b"#!/usr/bin/env ")


@pytest.mark.parametrize("platform", Platform)
def test_no_bundle_holds_the_courses_secret_a_cohort_or_other_assignments(
    course: Course, platform: Platform
) -> None:
    bundle = made(course, platform)
    assert all(SECRET not in content for content in bundle.files.values())
    assert not [name for name in bundle.files if "cohort" in name or "other" in name or ".torchgrade" in name]


def test_what_classroom50_publishes_is_what_students_have(course: Course) -> None:
    bundle = made(course, Platform.CLASSROOM50)
    assert not [name for name in bundle.files if "hidden" in name or "solution" in name or "hints" in name]
    assert json.loads(bundle.files["torchgrade.json"])["secret"] == ""
    assert json.loads(bundle.files["torchgrade.json"])["max_points"] == 2.0
    assert "1 criterion that is not public is left out: students can read this bundle" in bundle.notes
    load_course(_unpacked(bundle, course.root.parent / "unpacked"))


def test_nothing_of_hidden_criteria_is_in_what_classroom50_publishes(course: Course) -> None:
    """Their titles and points stand in assignment.yaml, their sentences in catalogues."""
    spec = course.root / "assignments/double/assignment.yaml"
    data = yaml.safe_load(spec.read_text())
    hidden = next(c for c in data["rubric"] if c.get("visibility") == "hidden")
    hidden["title"] = "Titmouse"
    spec.write_text("# a teacher's Titlark\n" + yaml.safe_dump(data))
    (course.root / "course.yaml").write_text((course.root / "course.yaml").read_text() + "# another Titlark\n")
    (course.root / "assignments/double/locale").mkdir()
    (course.root / "assignments/double/locale/ru.po").write_text('msgid "Titmouse"\nmsgstr "Синица"\n')
    everything = b"".join(made(load_course(course.root), Platform.CLASSROOM50).files.values())
    for word in (hidden["id"], "Titmouse", "Синица", "Titlark"):
        assert word.encode() not in everything, word


def test_classroom50_without_a_public_criterion_is_refused(course: Course) -> None:
    assignment = course.assignments[0]
    hidden = replace(assignment, criteria=assignment.criteria[1:])
    with pytest.raises(UsageError, match="has no public criterion"):
        make_bundle(course, hidden, BundleOptions(Platform.CLASSROOM50), SECRET)


def test_prairielearn_gets_a_question_and_an_image(course: Course) -> None:
    bundle = made(course, Platform.PRAIRIELEARN, seconds=300)
    info = json.loads(bundle.files["questions/torchgrade-double/info.json"])
    assert info["gradingMethod"] == "External" and info["type"] == "v3" and info["title"] == "About double"
    assert info["externalGradingOptions"] == {
        "enabled": True, "image": "uni/torchgrade:1", "timeout": 300,
        "entrypoint": ["python3", "/grade/tests/grade.py"],
    }  # fmt: skip
    assert (
        info["uuid"]
        == json.loads(made(course, Platform.PRAIRIELEARN).files["questions/torchgrade-double/info.json"])["uuid"]
    )
    assert b'file-names="double.ipynb"' in bundle.files["questions/torchgrade-double/question.html"]
    assert "questions/torchgrade-double/tests/graders/double/test_hidden.py" in bundle.files
    assert {"image/Dockerfile", "image/requirements.txt"} <= set(bundle.files)


def test_the_same_course_gives_the_same_zip(course: Course) -> None:
    assert made(course, Platform.GRADESCOPE).as_zip() == made(course, Platform.GRADESCOPE).as_zip()


def test_a_bundle_has_a_secret_of_its_own(course: Course) -> None:
    secrets = {
        json.loads(content)["secret"]
        for platform in (Platform.GRADESCOPE, Platform.PRAIRIELEARN)
        for name, content in made(course, platform).files.items()
        if name.endswith("torchgrade.json")
    }
    assert len(secrets) == 2 and all(len(one) == 64 for one in secrets)


def test_the_assignment_in_a_bundle_is_a_course_again(course: Course) -> None:
    bundle = made(course, Platform.GRADESCOPE, seconds=200.0)
    again = load_course(_unpacked(bundle, course.root.parent / "unpacked")).assignments[0]
    was = course.assignments[0]
    assert again.criteria == was.criteria and again.defines == was.defines and again.data == was.data
    assert again.limits.examination_seconds <= 100 < was.limits.examination_seconds
    assert "due" not in yaml.safe_load(bundle.files["assignments/double/assignment.yaml"])
    assert any(note.startswith("to end within 200 s: notebook") for note in bundle.notes)


def _unpacked(bundle: Bundle, folder: Path) -> Path:
    zipfile.ZipFile(io.BytesIO(bundle.as_zip())).extractall(folder)
    return folder


@pytest.mark.parametrize("seconds", [160, 300, 600, 2400])
@pytest.mark.parametrize(
    "limits",
    [
        Limits(),
        Limits(training_seconds=600),
        Limits(probe_seconds=200),
        Limits(cell_seconds=1, notebook_seconds=5),
    ],
)
def test_an_examination_ends_before_the_platform_does(limits: Limits, seconds: float) -> None:
    fitted = fit(limits, seconds)
    assert fitted.examination_seconds <= seconds - 90
    assert fitted.cell_seconds <= max(fitted.notebook_seconds, limits.cell_seconds if fitted == limits else 0)
    assert min(fitted.cell_seconds, fitted.notebook_seconds, fitted.probe_seconds) >= 1


def test_limits_that_fit_stay() -> None:
    quick = Limits(cell_seconds=10, notebook_seconds=40, probe_seconds=10)
    assert fit(quick, 600) == quick


def test_a_platform_that_gives_too_little_is_refused() -> None:
    with pytest.raises(UsageError, match="--seconds 60: give at least 160"):
        fit(Limits(), 60)


def test_a_wheel_goes_in_and_is_what_is_installed(course: Course, tmp_path: Path) -> None:
    wheel = tmp_path / "torchgrade-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    bundle = made(course, Platform.GRADESCOPE, wheel=wheel)
    assert bundle.files[wheel.name] == b"wheel"
    assert f"./{wheel.name}[course]" in bundle.files["requirements.txt"].decode().splitlines()
    plain = made(course, Platform.GRADESCOPE)
    assert "torchgrade[course]==" in plain.files["requirements.txt"].decode()
    assert any("--wheel puts a file in instead" in note for note in plain.notes)


def test_a_room_without_a_seal_must_be_asked_for(course: Course) -> None:
    settings = json.loads(made(course, Platform.GRADESCOPE).files["torchgrade.json"])
    assert settings["weakest"] == "landlock"
    bundle = made(course, Platform.GRADESCOPE, weakest=Tier.NONE)
    assert json.loads(bundle.files["torchgrade.json"])["weakest"] == "none"
    assert any("without a sandbox" in note for note in bundle.notes)


@pytest.mark.parametrize(
    ("platform", "more", "said"),
    [
        (Platform.GRADESCOPE, {"seconds": 3000}, "gives 2400 s at most"),
        (Platform.PRAIRIELEARN, {"seconds": 601}, "gives 600 s at most"),
        (Platform.GRADESCOPE, {"wheel": Path("a.zip")}, "a.zip: is no wheel"),
        (Platform.GRADESCOPE, {"wheel": Path("nowhere.whl")}, "nowhere.whl: cannot be read"),
        (Platform.CLASSROOM50, {"roster": Path("r.csv")}, "--roster: classroom50 tells nobody whose"),
    ],
)
def test_what_cannot_be_is_one_line(course: Course, platform: Platform, more: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        made(course, platform, **more)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_prairielearn_needs_an_image(course: Course) -> None:
    with pytest.raises(UsageError, match="--image is missing"):
        make_bundle(course, course.assignments[0], BundleOptions(Platform.PRAIRIELEARN), SECRET)


def test_tasks_of_ones_own_need_a_roster_and_a_platform_that_names_people(course: Course) -> None:
    own = replace(course.assignments[0], variant=VariantRule(()))
    with pytest.raises(UsageError, match="name the --roster"):
        make_bundle(course, own, BundleOptions(Platform.GRADESCOPE), SECRET)
    with pytest.raises(UsageError, match="tells nobody whose work it is"):
        make_bundle(course, own, BundleOptions(Platform.PRAIRIELEARN, image="i"), SECRET)


def test_setup_is_sound_bash(course: Course, tmp_path: Path) -> None:
    script = tmp_path / "setup.sh"
    script.write_bytes(made(course, Platform.GRADESCOPE).files["setup.sh"])
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
