"""Where a course keeps its own sentences in other languages, and speaking for it.

The English sentence stands in the course's files. ``assignments/<id>/locale/ru.po`` holds what a student may have,
``graders/<id>/locale/ru.po`` what is said of hidden criteria and never ships, ``locale/ru.po`` the course's title.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from torchgrade import i18n
from torchgrade.model import Course
from torchgrade.spec import faults
from torchgrade.spec.loading import COURSE_FILE, assignment_ids
from torchgrade.spec.schema import CourseSpec
from torchgrade.spec.tree import read_tree

_FOLDER = "locale"


def languages_of(root: Path) -> tuple[str, ...]:
    """The languages in which course.yaml promises everything; none where it promises nothing. Raises SpecError."""
    return tuple(faults.checked(read_tree(root, COURSE_FILE), CourseSpec).languages or ())


def catalogues(root: Path, ids: Iterable[str], language: str) -> tuple[Path, ...]:
    """The catalogues of these assignments, whether they are there or not; those of a student's kit come first."""
    places = [root / kind / id for id in ids for kind in ("assignments", "graders")]
    return tuple(place / _FOLDER / f"{language}.po" for place in (*places, root))


def speak(course: Course, language: str = "") -> Course:
    """Speak for this course in this process from now on, in ``language`` or the course's own; the course in it."""
    chosen = language or course.language
    ids = [a.id for a in course.assignments] or assignment_ids(course.root)
    i18n.use_language(chosen, catalogues(course.root, ids, chosen))
    return replace(course, language=chosen)
