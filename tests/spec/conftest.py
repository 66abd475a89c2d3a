"""A small valid course on disk, for tests that then break one thing in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

COURSE = """\
title: Deep learning
year: 2026
language: en
limits:
  cell_time: 30 s
  memory: 1 GiB
"""

ASSIGNMENT = """\
id: softmax
title: Softmax by hand
defines: [softmax, out]
aliases:
  softmax: [soft_max]
device: cpu
limits:
  cell_time: 5 s
files: [helper.py]
rubric:
  - id: values
    title: Right values
    points: 2
  - id: rows
    title: Rows sum to 1
    points: 1.5
    needs: [values]
  - id: stable
    title: Stable for large inputs
    points: 1
    visibility: hidden
    bonus: true
  - id: essay
    title: Explain the divisor
    points: 3
    manual: true
"""

PUBLIC = """\
import pytest

@pytest.mark.criterion("values")
def test_values(submission): ...

@pytest.mark.criterion("rows")
def test_rows(submission): ...
"""

HIDDEN = """\
import pytest

@pytest.mark.criterion("stable")
def test_stable(submission): ...
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The root of a course with one assignment, softmax."""
    folder = tmp_path / "assignments" / "softmax"
    graders = tmp_path / "graders" / "softmax"
    (folder / "files").mkdir(parents=True)
    graders.mkdir(parents=True)
    (tmp_path / "course.yaml").write_text(COURSE, encoding="utf-8")
    (folder / "assignment.yaml").write_text(ASSIGNMENT, encoding="utf-8")
    (folder / "files" / "helper.py").write_text("", encoding="utf-8")
    (graders / "test_public.py").write_text(PUBLIC, encoding="utf-8")
    (graders / "test_hidden.py").write_text(HIDDEN, encoding="utf-8")
    return tmp_path


@pytest.fixture
def edit(course: Path) -> Callable[[str, str, str], None]:
    """edit(file, old, new): change one place of one file; the old text must be there once."""

    def change(file: str, old: str, new: str) -> None:
        path = course / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change
