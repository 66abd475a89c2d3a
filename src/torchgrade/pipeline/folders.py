"""Where the course and the bundled cohort lie."""

from __future__ import annotations

from pathlib import Path

from torchgrade.errors import UsageError
from torchgrade.spec import find_course

_CHECKOUT = Path(__file__).resolve().parents[3]


def course_root(start: Path) -> Path:
    """The course above ``start``; else the one that this checkout of torchgrade carries. Raises UsageError."""
    found = find_course(start) or find_course(_CHECKOUT)
    if found is None:
        raise UsageError(f"no course.yaml in {start.resolve()} or above it; run this in a course's folder")
    return found


def demo_cohort(root: Path, assignment: str = "softmax") -> Path:
    """The bundled hand-ins of an assignment. Raises UsageError where the course carries none."""
    folder = root / "graders" / assignment / "cohort"
    if not folder.is_dir():
        raise UsageError(
            f"the demo needs {folder}, which a checkout of torchgrade has and an installed wheel has not"
        )
    return folder
