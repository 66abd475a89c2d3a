"""``torchgrade release``: what it says and how it ends."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from small_course import add_assignment, double_course

from torchgrade import i18n


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    made = double_course(tmp_path / "course").root
    monkeypatch.chdir(made)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    yield made
    i18n.use_language("en")


def test_a_release_is_told_and_a_second_one_has_nothing_to_tell(root: Path, run: Any, tmp_path: Path) -> None:
    said = run("release", "double", tmp_path / "out")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert "     new  double.ipynb" in lines
    assert lines[-3:] == [
        "released v1",
        f"for students: {tmp_path / 'out' / 'kit'}",
        f"for updates:  {tmp_path / 'out' / 'template'}",
    ]
    assert run("release", "double", tmp_path / "out").out.splitlines()[0] == "nothing has changed since v1"


def test_check_ends_with_1_where_something_would_change(root: Path, run: Any, tmp_path: Path) -> None:
    said = run("release", "--check", "double", tmp_path / "out")
    assert (said.code, said.err) == (1, "")
    assert re.search(r"(?m)^(1 file|\d+ files) of the kit would change$", said.out)
    assert not (tmp_path / "out").exists()
    run("release", "double", tmp_path / "out")
    said = run("release", "--check", "double", tmp_path / "out")
    assert (said.code, said.out) == (0, "the kit is as the course is\n")


def test_several_assignments_make_one_kit(root: Path, run: Any, tmp_path: Path) -> None:
    add_assignment(root, "triple")
    assert run("release", "double", "triple", tmp_path / "out").code == 0
    assert {p.name for p in (tmp_path / "out" / "kit").glob("*.ipynb")} == {"double.ipynb", "triple.ipynb"}


def test_a_forgotten_folder_is_told(root: Path, run: Any) -> None:
    add_assignment(root, "triple")
    said = run("release", "double", "triple")
    assert (said.code, said.err) == (
        2,
        "torchgrade: triple is an assignment; name the folder of the kit after it\n",
    )
    assert not (root / "triple").exists()


def test_options_reach_the_kit(root: Path, run: Any, tmp_path: Path) -> None:
    bundle = tmp_path / "private.zip"
    said = run(
        "release", "double", tmp_path / "out", "--runner", "gpu", "--threshold", 40, "--lang", "ru",
        "--url", "https://example.org/kit.git", "--bundle", bundle,
    )  # fmt: skip
    assert said.code == 0 and f"for you alone: {bundle}" in said.out
    kit = tmp_path / "out" / "kit"
    assert "torchgrade check --ci --threshold 40" in (kit / ".gitlab-ci.yml").read_text()
    assert 'runs-on: "gpu"' in (kit / ".github/workflows/check.yml").read_text()
    assert "copier update" in (kit / "README.md").read_text(encoding="utf-8")
    assert "Ваша работа" in (kit / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("double",), "release wants the ids of assignments and, after them, the folder of the kit"),
        (("duoble", "out"), "no assignment 'duoble'; did you mean 'double'?"),
        (("double", "out", "--url", "a b"), "--url a b: is no address"),
        (("double", "out", "--runner", "a b"), "--runner a b: a label has"),
        (("double", "out", "--threshold", "-1"), "--threshold -1: must be from 0 to 100"),
        (("double", "out", "--wheel", "x.whl"), "x.whl: is not the wheel of torchgrade"),
        (("double", "out", "--bundle", "nowhere/x.zip"), "the folder nowhere does not exist"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_code_2(
    root: Path, run: Any, arguments: tuple[str, ...], said: str
) -> None:
    done = run("release", *arguments)
    assert done.code == 2
    assert said in done.err and done.err.count("\n") == 1
    assert not (root / "out").exists()


def test_a_course_that_is_wrong_is_not_released(root: Path, run: Any) -> None:
    (root / "graders/double/test_hidden.py").write_text("")
    done = run("release", "double", "out")
    assert done.code == 2 and "no grader tests 'doubles-large'" in done.err
    assert not (root / "out").exists()
