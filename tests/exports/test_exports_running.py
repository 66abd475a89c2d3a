"""Bundles really run: unpacked in the layout that each platform documents, with the engine below them."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from graded import check
from small_course import DOUBLE_LATE_ONLY, DOUBLE_RIGHT, double_course, write_notebook

from torchgrade.exports.bundle import BundleOptions, Platform, make_bundle
from torchgrade.kit import student_files
from torchgrade.model import Tier
from torchgrade.pipeline import platforms

METADATA = {
    "id": 1, "created_at": "2026-11-20T12:00:00.000000+03:00", "submission_method": "upload",
    "assignment": {"id": 2, "course_id": 3, "title": "Double", "total_points": "3.0", "due_date": None},
    "users": [{"id": 5, "name": "Анна Иванова", "email": "anna@uni.example"}], "previous_submissions": [],
}  # fmt: skip
RUNNER = {
    "CLASSROOM": "dl", "ASSIGNMENT": "double", "SUBMISSION_TAG": "submit/2026-11-20T12-00-00Z-a1b2c3d",
    "OWNER": "anna", "COMMIT_URL": "https://host/c", "RELEASE_URL": "https://host/r",
}  # fmt: skip
SLOW = "import sys, time\ntime.sleep(60)\n"


@dataclass
class Place:
    """A bundle on its platform: what starts it, and where things lie."""

    platform: Platform
    root: Path
    script: Path
    hand_in: Path
    result: Path

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        names = {"AUTOGRADER_ROOT": str(self.root), "GRADE_ROOT": str(self.root), **RUNNER, **environment}
        names = {"TORCHGRADE_PYTHON": sys.executable, **names}
        folder = self.hand_in if self.platform is Platform.CLASSROOM50 else self.root
        return subprocess.run(
            [sys.executable, str(self.script)], cwd=folder, env=os.environ | names, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip

    def document(self) -> dict[str, Any]:
        return json.loads(self.result.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def place(tmp_path: Path, platform: Platform, **more: Any) -> Place:
    """Unpack a bundle of the small course as the platform does."""
    image = {"image": "i"} if platform is Platform.PRAIRIELEARN else {}
    course = double_course(tmp_path / "course")
    options = BundleOptions(platform, **{"weakest": Tier.NONE, **image, **more})
    student = student_files(course, course.assignments, "en")
    bundle = make_bundle(course, course.assignments[0], options, b"s", student)
    archive = zipfile.ZipFile(io.BytesIO(bundle.as_zip()))
    shutil.rmtree(course.root)
    root = tmp_path / "machine"
    if platform is Platform.GRADESCOPE:
        archive.extractall(root / "source")
        shutil.copy(root / "source" / "run_autograder", root / "run_autograder")
        (root / "submission").mkdir()
        (root / "results").mkdir()
        (root / "submission_metadata.json").write_text(json.dumps(METADATA), encoding="utf-8")
        made = Place(
            platform, root, root / "run_autograder", root / "submission", root / "results" / "results.json"
        )
    elif platform is Platform.PRAIRIELEARN:
        archive.extractall(tmp_path / "pl")
        shutil.copytree(tmp_path / "pl" / "questions" / "torchgrade-double" / "tests", root / "tests")
        (root / "student").mkdir()
        (root / "data").mkdir()
        (root / "data" / "data.json").write_text("{}")
        made = Place(
            platform, root, root / "tests" / "grade.py", root / "student", root / "results" / "results.json"
        )
    else:
        archive.extractall(root / "bundle")
        checkout = root / "checkout"
        checkout.mkdir()
        made = Place(platform, root, root / "bundle" / "autograder.py", checkout, checkout / "result.json")
    return made


SCHEMAS: Mapping[Platform, str] = {
    Platform.GRADESCOPE: "gradescope-results",
    Platform.CLASSROOM50: "classroom50-result-v1",
    Platform.PRAIRIELEARN: "prairielearn-results",
}


def test_gradescope_examines_a_hand_in(tmp_path: Path) -> None:
    here = place(tmp_path, Platform.GRADESCOPE)
    write_notebook(here.hand_in / "my work.ipynb", DOUBLE_LATE_ONLY)
    done = here.run()
    said = here.document()
    check(said, "gradescope-results")
    assert (done.returncode, [(t["score"], t["visibility"]) for t in said["tests"]]) == (
        0, [(2.0, "visible"), (0.0, "after_published")],
    ), done.stdout + done.stderr  # fmt: skip
    assert said["extra_data"]["torchgrade"]["sandbox"] in ("full", "landlock", "none")
    assert f"Sandbox: {said['extra_data']['torchgrade']['sandbox']}" in said["output"]


def test_classroom50_examines_a_repository_by_its_public_criteria(tmp_path: Path) -> None:
    here = place(tmp_path, Platform.CLASSROOM50)
    write_notebook(here.hand_in / "double.ipynb", DOUBLE_LATE_ONLY)
    write_notebook(here.hand_in / "notes" / "scratch.ipynb", "1")
    here.result.write_text('{"score": 99}')
    done = here.run()
    said = here.document()
    check(said, "classroom50-result-v1")
    assert (done.returncode, said["score"], said["max-score"]) == (0, 2, 2), done.stdout + done.stderr
    assert (here.hand_in / "release-body.md").read_text(encoding="utf-8").startswith("### 2 / 2")


def test_prairielearn_examines_a_hand_in(tmp_path: Path) -> None:
    here = place(tmp_path, Platform.PRAIRIELEARN)
    write_notebook(here.hand_in / "double.ipynb", DOUBLE_RIGHT)
    done = here.run()
    said = here.document()
    check(said, "prairielearn-results")
    assert (done.returncode, said["score"]) == (0, 1.0), done.stdout + done.stderr


@pytest.mark.parametrize("platform", Platform)
def test_an_unreadable_hand_in_gets_a_valid_result(tmp_path: Path, platform: Platform) -> None:
    here = place(tmp_path, platform)
    (here.hand_in / "double.ipynb").write_bytes(b"")
    done = here.run()
    check(here.document(), SCHEMAS[platform])
    assert done.returncode == 0 and "empty (0 bytes)" in json.dumps([here.document(), done.stdout]), done.stderr


@pytest.mark.parametrize("platform", Platform)
def test_whatever_happens_to_the_engine_there_is_an_answer(tmp_path: Path, platform: Platform) -> None:
    here = place(tmp_path, platform)
    write_notebook(here.hand_in / "double.ipynb", DOUBLE_RIGHT)
    for broken in ("/nowhere/python", "/bin/false", "/bin/true"):
        done = here.run(TORCHGRADE_PYTHON=broken)
        if platform is Platform.CLASSROOM50:
            assert done.returncode == 1 and not here.result.exists(), (
                "a fault of the autograder, as it is told there"
            )
        else:
            check(here.document(), SCHEMAS[platform])
            assert done.returncode == 0 and "not your fault" in json.dumps(here.document())
        assert "torchgrade" in done.stderr


@pytest.mark.parametrize("platform", [Platform.GRADESCOPE, Platform.PRAIRIELEARN])
def test_an_engine_that_hangs_is_ended_before_the_platform_ends_all(tmp_path: Path, platform: Platform) -> None:
    here = place(tmp_path, platform)
    settings = next(here.root.rglob("torchgrade.json"))
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "seconds": 16.5}))
    hanging = tmp_path / "python"
    hanging.write_text(f"#!{sys.executable}\n{SLOW}")
    hanging.chmod(0o755)
    done = here.run(TORCHGRADE_PYTHON=str(hanging))
    check(here.document(), SCHEMAS[platform])
    assert done.returncode == 0 and "longer than the platform allows" in done.stderr


def test_a_bundle_that_lost_its_settings_still_answers(tmp_path: Path) -> None:
    here = place(tmp_path, Platform.GRADESCOPE)
    (here.root / "source" / "torchgrade.json").unlink()
    shutil.rmtree(here.root / "results")
    assert here.run().returncode == 0
    check(here.document(), "gradescope-results")


# Who and what


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (json.dumps(METADATA), "anna@uni.example"),
        (json.dumps({"users": [{"email": "b@x"}, {"email": "a@x"}]}), "a@x+b@x"),
        (json.dumps({"users": [{"id": 7}]}), "7"),
        (json.dumps({"users": "nobody"}), "student"),
        (json.dumps([1]), "student"),
        ("{", "student"),
    ],
)
def test_gradescope_says_whose_work_it_is(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "m.json").write_text(text, encoding="utf-8")
    assert platforms.student_of(Platform.GRADESCOPE, tmp_path / "m.json", {}).name == name
    assert platforms.student_of(Platform.GRADESCOPE, tmp_path / "no.json", {}).name == "student"


def test_the_roster_of_a_bundle_gives_a_student_their_task(tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text(
        "student,email,variant\nivanova,anna@uni.example,7\npetrov,b@uni.example,8\n", encoding="utf-8"
    )
    who = platforms.Who("anna@uni.example", ("anna@uni.example", "5", "Анна Иванова"))
    assert platforms.roster_fields(roster, who)["variant"] == "7"
    assert platforms.roster_fields(roster, platforms.Who("x", ("x",))) == {}
    assert platforms.roster_fields(tmp_path / "no.csv", who) == {}


def test_links_and_hidden_files_of_a_hand_in_are_passed_over(tmp_path: Path) -> None:
    course = double_course(tmp_path / "course")
    hand_in = tmp_path / "in"
    write_notebook(tmp_path / "elsewhere" / "secret.ipynb", "1")
    write_notebook(hand_in / ".git" / "x.ipynb", "1")
    (hand_in / "link.ipynb").symlink_to(tmp_path / "elsewhere" / "secret.ipynb")
    (hand_in / "folder").symlink_to(tmp_path / "elsewhere")
    found = platforms.read_hand_in(hand_in, course.assignments[0], platforms.Who("anna"), {})
    assert found.notebook is None and found.student == "anna" and "no notebook" in found.problem
