"""A small course with a word in every place from which none must get out, and a git of the tests' own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "grading"))

from canaries import canary_course

from torchgrade import i18n
from torchgrade.model import Course
from torchgrade.spec import load_course


@pytest.fixture(autouse=True, scope="module")
def git_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No configuration of whoever runs the tests takes part."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patched.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patched.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        for role in ("AUTHOR", "COMMITTER"):
            patched.setenv(f"GIT_{role}_NAME", "Ada")
            patched.setenv(f"GIT_{role}_EMAIL", "ada@example.org")
        yield


@pytest.fixture(autouse=True)
def _speak_english_again() -> Iterator[None]:
    yield
    i18n.use_language("en")


@pytest.fixture(scope="session")
def _first_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return canary_course(tmp_path_factory.mktemp("first") / "course").root


@pytest.fixture
def course(_first_course: Path, tmp_path: Path) -> Course:
    return load_course(shutil.copytree(_first_course, tmp_path / "course"))
