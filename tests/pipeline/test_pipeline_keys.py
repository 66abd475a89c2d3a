"""Keys of verdicts: they change exactly when something changes that a verdict depends on. And the secret."""

from __future__ import annotations

import concurrent.futures
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from small_course import add_assignment, write_course, write_notebook

import torchgrade
from torchgrade.errors import UsageError
from torchgrade.model import Assignment, Submission
from torchgrade.pipeline import keys
from torchgrade.spec import load_course

ANNA = Submission("anna", None, {"cells": []}, "digest-a")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return add_assignment(
        write_course(tmp_path / "course"),
        files={"helper.py": "a = 1\n"},
        answers={"wrong/triples.py": "# hint: h\n\n# %%\na = 1\n"},
    )


def the_assignment(root: Path) -> Assignment:
    found = load_course(root).assignment("double")
    assert found is not None
    return found


def key(
    root: Path,
    submission: Submission = ANNA,
    *,
    tier: str = "full",
    device: str = "cpu",
    secret: bytes = b"s",
    assignment: Assignment | None = None,
) -> str:
    made = assignment or the_assignment(root)
    return keys.verdict_key(
        made, submission, keys.assignment_digests(made), tier=tier, device=device, secret=secret
    )


def append(path: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        with (root / path).open("a", encoding="utf-8") as file:
            file.write("# changed\n")

    return change


def swap_two_characters(root: Path) -> None:
    """Same size, same time, other content."""
    path = root / "graders/double/test_hidden.py"
    status = path.stat()
    path.write_text(path.read_text().replace("1e6", "1e7"), encoding="utf-8")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def new_file(path: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("new = 1\n", encoding="utf-8")

    return change


def rename_an_answer(root: Path) -> None:
    folder = root / "graders/double/answers/wrong"
    (folder / "triples.py").rename(folder / "thrice.py")


def move_an_answer(root: Path) -> None:
    (root / "graders/double/answers/wrong").rename(root / "graders/double/answers/right")


def rename_a_folder_of_graders(root: Path) -> None:
    (root / "graders/double/answers").rename(root / "graders/double/answer")


@pytest.mark.parametrize(
    "change",
    [
        append("assignments/double/assignment.yaml"),
        append("assignments/double/files/helper.py"),
        append("graders/double/test_public.py"),
        append("graders/double/test_hidden.py"),
        append("graders/double/answers/wrong/triples.py"),
        new_file("graders/double/common.py"),
        new_file("graders/double/answers/right/other.py"),
        swap_two_characters,
        rename_an_answer,
        move_an_answer,
        rename_a_folder_of_graders,
        lambda root: write_notebook(root / "solutions/double/double.ipynb", "def double(x): return x + x"),
        lambda root: (root / "solutions/double/double.ipynb").unlink(),
    ],
)
def test_a_change_of_the_course_changes_the_key(root: Path, change: Callable[[Path], None]) -> None:
    before = key(root)
    change(root)
    assert key(root) != before


def test_limits_of_the_course_change_the_key(root: Path) -> None:
    before = key(root)
    text = (root / "course.yaml").read_text()
    (root / "course.yaml").write_text(text.replace("cell_time: 20 s", "cell_time: 21 s"))
    assert key(root) != before


@pytest.mark.parametrize(
    "changed",
    [
        replace(ANNA, student="anton"),
        replace(ANNA, digest="digest-b"),
        replace(ANNA, problem="unreadable"),
    ],
)
def test_another_submission_has_another_key(root: Path, changed: Submission) -> None:
    assert key(root, changed) != key(root)


def test_tier_device_and_secret_change_the_key(root: Path) -> None:
    found = [key(root), key(root, tier="none"), key(root, device="cuda"), key(root, secret=b"t")]
    assert len(set(found)) == 4


@pytest.mark.parametrize("package", ["torch", "python", "torchgrade"])
def test_versions_change_the_key(root: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(root)
    other = {**keys.versions(), package: "0.0"}
    monkeypatch.setattr(keys, "versions", lambda: other)
    assert key(root) != before


def test_the_engines_own_code_changes_the_key(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(root)
    monkeypatch.setattr(keys, "engine_digest", lambda: "another engine")
    assert key(root) != before


def test_the_engines_digest_is_of_all_its_code(tmp_path: Path) -> None:
    shutil.copytree(
        Path(torchgrade.__file__).parent, tmp_path / "torchgrade", ignore=shutil.ignore_patterns("*.ipynb")
    )

    def digest() -> str:
        code = "from torchgrade.pipeline.keys import engine_digest; print(engine_digest())"
        made = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        return made.stdout.strip()

    before = digest()
    append("torchgrade/sandbox/guest.py")(tmp_path)
    assert digest() != before
    assert before == keys.engine_digest()


def touch_all(root: Path) -> None:
    for path in root.rglob("*"):
        os.utime(path, (1, 1))


def leave_caches(root: Path) -> None:
    for folder in ("graders/double", "graders/double/answers/wrong"):
        for cache in ("__pycache__", ".ipynb_checkpoints"):
            (root / folder / cache).mkdir(exist_ok=True)
            (root / folder / cache / "a.pyc").write_bytes(b"c")


@pytest.mark.parametrize(
    "change",
    [
        touch_all,
        leave_caches,
        new_file("graders/double/cohort/anna.ipynb"),
        new_file("graders/other/test_public.py"),
        new_file("assignments/double/README.md"),
        new_file("solutions/double/notes.txt"),
        append("assignments/double/double.ipynb"),
        lambda root: (root / "graders/double/__pycache__").mkdir(),
    ],
)
def test_what_no_verdict_depends_on_leaves_the_key_alone(root: Path, change: Callable[[Path], None]) -> None:
    before = key(root)
    change(root)
    assert key(root) == before


def test_where_the_course_lies_leaves_the_key_alone(root: Path, tmp_path: Path) -> None:
    before = key(root)
    moved = tmp_path / "__pycache__" / "elsewhere"
    shutil.copytree(root, moved)
    assert key(moved) == before
    append("graders/double/test_hidden.py")(moved)
    assert key(moved) != before


def test_notes_and_paths_of_a_submission_leave_the_key_alone(root: Path) -> None:
    assert key(root, replace(ANNA, notes=("a note",), path=Path("elsewhere"))) == key(root)


def test_a_name_that_is_no_text_has_a_key(root: Path) -> None:
    assert key(root, replace(ANNA, student="\udcff", problem="\udcff"))
    assert keys.attempt_seed(b"s", "double", replace(ANNA, student="\udcff"))


# --- seeds -------------------------------------------------------------------------------------------------


def test_a_seed_is_the_same_at_every_regrade_and_another_for_all_else() -> None:
    seeds = [
        keys.attempt_seed(b"s", "double", ANNA),
        keys.attempt_seed(b"t", "double", ANNA),
        keys.attempt_seed(b"s", "other", ANNA),
        keys.attempt_seed(b"s", "double", replace(ANNA, student="anton")),
        keys.attempt_seed(b"s", "double", replace(ANNA, digest="digest-b")),
    ]
    assert len(set(seeds)) == 5
    assert seeds[0] == keys.attempt_seed(b"s", "double", replace(ANNA, notes=("n",)))


# --- the secret --------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_secret_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keys.SECRET_VARIABLE, raising=False)


def test_the_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first = keys.course_secret(tmp_path)
    assert keys.course_secret(tmp_path) == first
    assert len(first) == 64
    path = tmp_path / ".torchgrade" / "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["secret"]


def test_two_courses_have_two_secrets(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    assert keys.course_secret(tmp_path / "a") != keys.course_secret(tmp_path / "b")


def test_the_environment_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.SECRET_VARIABLE, "from outside")
    assert keys.course_secret(tmp_path) == b"from outside"
    assert list(tmp_path.iterdir()) == [], "nothing is written where nothing is needed"


def test_all_who_come_at_once_get_the_same_secret(tmp_path: Path) -> None:
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        found = set(pool.map(keys.course_secret, [tmp_path] * 64))
    assert len(found) == 1
    assert found != {b""}


def test_a_secret_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    """Another process has made the file and not yet written to it: an empty secret would be no secret."""
    path = tmp_path / ".torchgrade" / "secret"
    path.parent.mkdir()
    path.touch()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(keys.course_secret, tmp_path)
        concurrent.futures.wait([waiting], timeout=0.2)
        path.write_text("written at last")
        assert waiting.result() == b"written at last"


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".torchgrade" / "secret"
    path.parent.mkdir()
    path.write_text("\n")
    with pytest.raises(UsageError, match="empty"):
        keys.course_secret(tmp_path)


def test_a_secret_that_cannot_be_made_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / ".torchgrade").write_text("a file where a folder is needed")
    with pytest.raises(UsageError, match=f"set {keys.SECRET_VARIABLE}") as fault:
        keys.course_secret(tmp_path)
    assert "\n" not in str(fault.value)
