"""Releasing a part of a course, and looking at what came of it with git."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from torchgrade.model import Course
from torchgrade.pipeline.release import ReleaseOptions, release


def chosen(course: Course, *ids: str) -> Course:
    """The course with these assignments alone."""
    return replace(course, assignments=tuple(a for a in course.assignments if a.id in ids))


def handed_out(course: Course, folder: Path, *ids: str, **options: object) -> Path:
    """Release `double`, or these, into ``folder``; the kit."""
    only = chosen(course, *(ids or ("double",)))
    release(only, only.assignments, folder, ReleaseOptions(**options))  # type: ignore[arg-type]
    return folder / "kit"


def git(folder: Path, *arguments: str) -> str:
    """What git answers in ``folder``."""
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout
