"""What counts of a student's points by dates, attempts and groups, and whether that is what they were told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from torchgrade.errors import TorchgradeError
from torchgrade.gradebook import Gradebook
from torchgrade.model import Assignment, Course, Verdict
from torchgrade.pipeline.reporting import course_name
from torchgrade.pipeline.standing import rules_of_run, standings
from torchgrade.policy import Standing
from torchgrade.spec import load_policy

#: Under this name a released verdict keeps, among its digests, what its student was told to count.
COUNTED = "counted"
_TOLD = ("points", "bonus", "excused", "late_seconds", "attempt", "by")


def counted(
    book: Gradebook,
    course: Course,
    assignment: Assignment,
    told: Sequence[Verdict],
    decided: Any,
    final: Callable[[str], Verdict | None],
) -> dict[str, Standing]:
    """What counts for the students of ``told``. ``final``: the verdict of another member of their groups, as it is
    told; None where there is none. Raises SpecError."""
    name = course_name(course)
    runs = [r for r in book.runs() if r.assignment == assignment.id and r.course in (name, "")]
    if not runs or not told:
        return {}
    rules = rules_of_run(course, assignment, runs[-1], None)
    wanted = {v.student: v for v in told}
    others = []
    if rules.policy.groups:
        groups = {rules.of(student).group for student in wanted} - {""}
        members = [s for s, excepted in rules.students.items() if excepted.group in groups and s not in wanted]
        others = [verdict for member in members if (verdict := final(member)) is not None]
    found = standings(book, runs[-1].id, assignment, rules, [*told, *others], decided, course=name)
    return {student: standing for student, standing in found.items() if student in wanted}


def mark_of(standing: Standing | None) -> str:
    """A digest of what a page tells of the points that count; the same for all of whom it tells nothing."""
    told = [getattr(standing, name) for name in _TOLD] if standing is not None and standing.differs else []
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def policy_stamp(course: Course, id: str) -> str:
    """A short text that is another one when the rules on dates and attempts are; empty: they cannot be read."""
    try:
        return hashlib.sha256(repr(load_policy(course.root, id)).encode()).hexdigest()[:16]
    except TorchgradeError:
        return ""
