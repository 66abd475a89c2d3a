"""``check``: which notebook, which assignment, which room."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_examiner import FakeExaminer
from small_course import DOUBLE_RIGHT, add_assignment, double_course, write_course, write_notebook

from torchgrade.errors import BrokenError, RoomError, SpecError, UsageError
from torchgrade.grading import warm
from torchgrade.model import Course, Tier, Verdict
from torchgrade.pipeline import check, checking
from torchgrade.spec import load_course


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return double_course(tmp_path / "course")


class RoomsOf(FakeExaminer):
    """A machine on which only some tiers can be sealed."""

    sealable: tuple[str, ...] = ()
    asked: list[warm.Setup]

    def wait_ready(self) -> None:
        self.asked.append(self.setup)
        if self.setup.tier not in self.sealable and not self.setup.plain:
            raise RoomError(f"no {self.setup.tier} room here")

    def examine(self, job: dict[str, Any], seconds: float) -> Verdict:
        job.setdefault("attempt", 1)
        return super().examine({**job, "seed": "", "digests": {}, "device": "cpu"}, seconds)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[warm.Setup]]:
    """machine("landlock", "none"): the tiers that can be sealed; the setups that are then asked for."""

    def make(*sealable: str) -> list[warm.Setup]:
        asked: list[warm.Setup] = []

        def start(setup: warm.Setup) -> RoomsOf:
            made = RoomsOf(setup)
            made.sealable, made.asked = sealable, asked
            return made

        monkeypatch.setattr(checking.warm, "start", start)
        return asked

    return make


# --- the notebook ------------------------------------------------------------------------------------------


def test_the_only_notebook_of_the_folder_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = write_notebook(tmp_path / "work" / "mine.ipynb", "a = 1")
    monkeypatch.chdir(made.parent)
    assert checking.find_notebook(None) == made
    assert checking.find_notebook(made.parent) == made
    assert checking.find_notebook(made) == made


def test_several_notebooks_are_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_notebook(tmp_path / f"{name}.ipynb", "a = 1")
    with pytest.raises(UsageError, match=r"which notebook\? .* holds a\.ipynb, b\.ipynb; .* check .*a\.ipynb"):
        checking.find_notebook(tmp_path)


def test_no_notebook_is_said_with_the_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"there is no notebook in {tmp_path}"):
        checking.find_notebook(tmp_path)
    with pytest.raises(UsageError, match=r"none\.ipynb: there is no such notebook"):
        checking.find_notebook(tmp_path / "none.ipynb")


@pytest.mark.parametrize("text", ["", "{", "[]", "not json", '{"cells": 1}'])
def test_what_is_no_notebook_is_said_to_be_none(course: Course, tmp_path: Path, text: str) -> None:
    path = tmp_path / "double.ipynb"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"double\.ipynb: ") as fault:
        check(course, path)
    assert "\n" not in str(fault.value)


def test_a_cohort_is_not_one_notebook(course: Course, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("anna", "boris"):
            archive.write(write_notebook(tmp_path / f"{name}.ipynb", "a = 1"), f"{name}.ipynb")
    with pytest.raises(UsageError, match="holds several submissions"):
        check(course, tmp_path / "all.zip")


# --- the assignment ----------------------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path: Path, machine: Callable[..., list[warm.Setup]]) -> Course:
    """Two assignments: double(), and triple() with other()."""
    machine("full")
    root = add_assignment(write_course(tmp_path / "two"))
    add_assignment(root, "triple", defines="triple, other")
    return load_course(root)


def found(course: Course, path: Path, wanted: str = "") -> str:
    return check(course, path, wanted).assignment.id


def test_the_option_comes_first(two: Course, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "double.ipynb", "points 1")
    assert found(two, path, "triple") == "triple"


def test_the_files_name_comes_next(two: Course, tmp_path: Path) -> None:
    assert found(two, write_notebook(tmp_path / "triple.ipynb", "points 1", DOUBLE_RIGHT)) == "triple"


def test_the_files_name_may_say_a_language(two: Course, tmp_path: Path) -> None:
    assert found(two, write_notebook(tmp_path / "triple.ru.ipynb", "points 1", DOUBLE_RIGHT)) == "triple"


def test_then_the_folders(two: Course, tmp_path: Path) -> None:
    assert found(two, write_notebook(tmp_path / "triple" / "mine.ipynb", "points 1", DOUBLE_RIGHT)) == "triple"


@pytest.mark.parametrize(("cell", "assignment"), [(DOUBLE_RIGHT, "double"), ("def other(x): return x", "triple")])
def test_then_what_it_defines(two: Course, tmp_path: Path, cell: str, assignment: str) -> None:
    assert found(two, write_notebook(tmp_path / "mine.ipynb", "points 1", cell)) == assignment


@pytest.mark.parametrize("cell", ["a = 1", DOUBLE_RIGHT + "\nother = 1"])
def test_where_that_does_not_tell_it_is_asked(two: Course, tmp_path: Path, cell: str) -> None:
    path = write_notebook(tmp_path / "mine.ipynb", "points 1", cell)
    with pytest.raises(UsageError, match="Say --assignment with one of: double, triple"):
        check(two, path)


@pytest.mark.parametrize(
    ("wanted", "said"), [("tripel", "did you mean 'triple'?"), ("zzz", "there are: double, triple")]
)
def test_a_wrong_id_gets_the_nearest(two: Course, tmp_path: Path, wanted: str, said: str) -> None:
    path = write_notebook(tmp_path / "mine.ipynb", "points 1")
    with pytest.raises(UsageError) as fault:
        check(two, path, wanted)
    assert said in str(fault.value)


# --- the room ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sealable", "used", "tried"),
    [
        (("full", "landlock", "none"), "full", ["full"]),
        (("landlock", "none"), "landlock", ["full", "landlock"]),
        (("none",), "none", ["full", "landlock", "none"]),
    ],
)
def test_the_best_room_that_can_be_sealed_is_used(
    course: Course,
    tmp_path: Path,
    machine: Callable[..., list[warm.Setup]],
    sealable: tuple[str, ...],
    used: str,
    tried: list[str],
) -> None:
    asked = machine(*sealable)
    checked = check(course, write_notebook(tmp_path / "double.ipynb", "points 3"))
    assert [s.tier for s in asked] == tried
    assert checked.verdict.sandbox == used
    assert checked.note == ("" if used == "full" else f"no {tried[-2]} room here")
    assert all(s.public_only and not s.plain for s in asked)
    assert checked.later == 1


def test_where_no_room_can_be_sealed_the_reason_is_told(
    course: Course, tmp_path: Path, machine: Callable[..., list[warm.Setup]]
) -> None:
    machine()
    with pytest.raises(RoomError, match="no none room here"):
        check(course, write_notebook(tmp_path / "double.ipynb", "points 3"))


@pytest.mark.parametrize(
    ("platform", "plain", "expected"),
    [("linux", None, False), ("darwin", None, True), ("win32", None, True), ("linux", True, True)],
)
def test_a_plain_kernel_is_used_where_it_is_wanted_or_there_is_no_linux(
    course: Course,
    tmp_path: Path,
    machine: Callable[..., list[warm.Setup]],
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    plain: bool | None,
    expected: bool,
) -> None:
    asked = machine("full")
    monkeypatch.setattr(checking.sys, "platform", platform)
    verdict = check(course, write_notebook(tmp_path / "double.ipynb", "points 3"), plain=plain).verdict
    assert [s.plain for s in asked] == [expected]
    assert verdict.sandbox == (Tier.NONE if expected else Tier.FULL)


def test_without_linux_each_check_has_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm.sys, "platform", "darwin")
    assert isinstance(warm.start(warm.Setup("c", "a")), warm.SpawnedExaminer)


def test_a_kit_without_hidden_graders_and_solution_is_enough(
    course: Course, tmp_path: Path, machine: Callable[..., list[warm.Setup]]
) -> None:
    machine("full")
    (course.root / "graders/double/test_hidden.py").unlink()
    (course.root / "solutions/double/double.ipynb").unlink()
    checked = check(load_course(course.root), write_notebook(tmp_path / "double.ipynb", "points 3"))
    assert (checked.verdict.points, checked.later) == (3, 1)


def test_public_graders_that_do_not_fit_the_rubric_are_told(course: Course, tmp_path: Path) -> None:
    (course.root / "graders/double/test_public.py").write_text("def test_a(): ...\n")
    with pytest.raises(SpecError, match=r"test_public\.py:1: test_a: has no mark"):
        check(course, write_notebook(tmp_path / "double.ipynb", "points 3"))


def test_an_examiner_that_fails_is_closed(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[FakeExaminer] = []

    def start(setup: warm.Setup) -> FakeExaminer:
        made.append(FakeExaminer(setup))
        return made[-1]

    monkeypatch.setattr(checking.warm, "start", start)
    with pytest.raises(BrokenError):
        check(course, write_notebook(tmp_path / "double.ipynb", "raise"))
    assert [e.closed for e in made] == [1]


def test_nothing_is_stored(course: Course, tmp_path: Path, machine: Callable[..., list[warm.Setup]]) -> None:
    machine("full")
    path = write_notebook(tmp_path / "double.ipynb", "points 3")
    before = sorted(tmp_path.rglob("*"))
    check(course, path)
    assert sorted(tmp_path.rglob("*")) == before


# --- again and again ---------------------------------------------------------------------------------------


def test_the_examiner_stays_warm_while_the_assignment_stays_as_it_is(
    course: Course, tmp_path: Path, machine: Callable[..., list[warm.Setup]]
) -> None:
    asked = machine("full")
    path = write_notebook(tmp_path / "double.ipynb", "points 1")
    checker = checking.Checker()
    assert checker.check(course, path).verdict.points == 1
    write_notebook(path, "points 3")
    assert checker.check(course, path).verdict.points == 3
    assert len(asked) == 1
    grader = course.root / "graders" / "double" / "test_public.py"
    grader.write_text(grader.read_text() + "\n# a teacher is at work\n")
    assert checker.check(course, path).verdict.points == 3
    assert len(asked) == 2
    checker.close()


def test_an_examiner_that_failed_is_not_kept(
    course: Course, tmp_path: Path, machine: Callable[..., list[warm.Setup]]
) -> None:
    asked = machine("full")
    path = write_notebook(tmp_path / "double.ipynb", "raise")
    checker = checking.Checker()
    with pytest.raises(BrokenError):
        checker.check(course, path)
    write_notebook(path, "points 2")
    assert checker.check(course, path).verdict.points == 2
    assert len(asked) == 2
    checker.close()
