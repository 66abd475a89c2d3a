"""What counts for each student of a run: the gradebook's attempts, the roster and the policy put together.

No verdict depends on any of it: a due date that changes grades nothing again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchgrade.errors import SpecError, UsageError
from torchgrade.intake.roster import Roster, read_roster
from torchgrade.model import Assignment, Course, Outcome, Status, Submission, Verdict
from torchgrade.pipeline.final import final_verdict
from torchgrade.policy import (
    Attempt,
    Exceptions,
    Policy,
    RosterFault,
    Standing,
    column_faults,
    exceptions,
    standing_of,
    zone_named,
)
from torchgrade.policy.exceptions import EXCUSED, EXTENSION, GROUP
from torchgrade.spec import assignment_ids, load_policy

if TYPE_CHECKING:
    from torchgrade.gradebook import Decision, Gradebook, GradingRun

#: Under this name the settings of a run keep what its roster said.
SETTING = "roster"
#: What a student can forge (the date of a commit) must not be more than arithmetic bears: else it is not known.
_YEARS = range(1990, 2200)
_Decisions = Mapping[str, Mapping[str, "Decision"]]


@dataclass(frozen=True)
class Rules:
    """The policy of an assignment, and what the roster says of each student beside it."""

    policy: Policy = Policy()
    students: Mapping[str, Exceptions] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # as read, to be kept with the run

    def of(self, student: str) -> Exceptions:
        """The student's; of somebody whom the roster does not name there are none."""
        return self.students.get(student, Exceptions())


def rules_for(course: Course, assignment: Assignment, path: Path | None) -> Rules:
    """Rules by the files of the course and a roster. Raises SpecError with file and line, UsageError."""
    policy = load_policy(course.root, assignment.id)
    if path is None:
        if policy.groups:
            raise UsageError(f"{assignment.id} is for groups: --roster is missing, with a column `{GROUP}`")
        return Rules(policy)
    roster = read_roster(path)
    _check_columns(course, assignment, policy, roster, path)
    return Rules(policy, _exceptions(assignment, policy, roster, path), _kept(assignment, roster.fields))


def rules_of_run(course: Course, assignment: Assignment, run: GradingRun, path: Path | None) -> Rules:
    """The same for a past run: without a roster by what that of the run said."""
    if path is not None:
        return rules_for(course, assignment, path)
    policy, kept = load_policy(course.root, assignment.id), run.settings.get(SETTING, {})
    zone = _zone(policy)
    return Rules(policy, {name: exceptions(row, assignment.id, zone) for name, row in kept.items()}, kept)


def _check_columns(course: Course, assignment: Assignment, policy: Policy, roster: Roster, path: Path) -> None:
    columns = next(iter(roster.fields.values()), {})
    for fault in column_faults(columns, assignment_ids(course.root)):
        raise SpecError(path, 1, fault.column, str(fault))
    if policy.groups and roster.students and GROUP not in columns:
        raise SpecError(path, 1, GROUP, f"{assignment.id} is for groups, so the roster needs a column '{GROUP}'")


def _exceptions(assignment: Assignment, policy: Policy, roster: Roster, path: Path) -> dict[str, Exceptions]:
    found, zone = {}, _zone(policy)
    for student, row in roster.fields.items():
        try:
            found[student] = exceptions(row, assignment.id, zone)
        except RosterFault as fault:
            raise SpecError(path, roster.lines.get(student), fault.column, str(fault)) from None
    return found


def _kept(assignment: Assignment, fields: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Of each row what points depend on, where it says something."""
    mine = (EXTENSION, EXCUSED, f"{EXTENSION}:{assignment.id}", f"{EXCUSED}:{assignment.id}", GROUP)
    rows = {student: {c: row[c] for c in mine if row.get(c)} for student, row in fields.items()}
    return {student: row for student, row in rows.items() if row}


def _zone(policy: Policy) -> tzinfo | None:
    """In which extensions are read that name none."""
    if policy.zone:
        return zone_named(policy.zone)
    return policy.due.tzinfo if policy.due else None


def keep_times(
    book: Gradebook, assignment: Assignment, submissions: Sequence[Submission], *, course: str, force: bool = False
) -> None:
    """Put down when each submission was handed in, where that is known. ``force``: in place of what is there."""
    from torchgrade.gradebook.history import keep_times as keep

    known = [
        (s.student, s.digest, s.handed_in)
        for s in submissions
        if s.digest and s.handed_in is not None and s.handed_in.year in _YEARS
    ]
    keep(book, assignment.id, known, course=course, replace=force)


def standings(
    book: Gradebook,
    run_id: str,
    assignment: Assignment,
    rules: Rules,
    verdicts: Sequence[Verdict],
    decisions: _Decisions,
    *,
    course: str,
) -> dict[str, Standing]:
    """For each student of a run what counts. ``verdicts``: the run's, as told (with what teachers decided)."""
    from torchgrade.gradebook.history import attempts_of, newest_verdicts

    seen = {(a.student, a.digest): (a.handed_in, a.seen) for a in attempts_of(book, assignment.id, course=course)}
    attempts = {(v.student, _digest(v)): _attempt(v, seen, current=True) for v in verdicts}
    if rules.policy.choice is not None:
        for earlier in newest_verdicts(book, run_id):
            told = final_verdict(earlier, decisions.get(earlier.student, {}))
            if _digest(earlier):
                attempts.setdefault((told.student, _digest(told)), _attempt(told, seen, current=False))
    of_student: dict[str, list[Attempt]] = {}
    for attempt in attempts.values():
        of_student.setdefault(attempt.student, []).append(attempt)
    teams = _teams(rules, of_student)
    return {
        v.student: standing_of(
            rules.policy,
            v.student,
            [a for member in teams.get(v.student, (v.student,)) for a in of_student[member]],
            rules.of(v.student),
        )
        for v in verdicts
    }


def _teams(rules: Rules, students: Iterable[str]) -> dict[str, list[str]]:
    """For each student of a group its members, in order; nobody who works alone."""
    if not rules.policy.groups:
        return {}
    members: dict[str, list[str]] = {}
    for student in sorted(students):
        if group := rules.of(student).group:
            members.setdefault(group, []).append(student)
    return {student: team for team in members.values() for student in team}


def _attempt(
    verdict: Verdict, seen: Mapping[tuple[str, str], tuple[datetime | None, datetime]], *, current: bool
) -> Attempt:
    handed_in, first = seen.get((verdict.student, _digest(verdict)), (None, None))
    broken = verdict.status is Status.BROKEN or any(c.outcome is Outcome.BROKEN for c in verdict.criteria)
    return Attempt(
        verdict.student,
        verdict.attempt,
        verdict.points,
        verdict.max_points,
        verdict.bonus,
        _digest(verdict),
        handed_in,
        first,
        current,
        not broken,
        verdict.digests.get("graders", ""),
    )


def _digest(verdict: Verdict) -> str:
    return verdict.digests.get("notebook", "")


def page_key(key: str, standing: Standing | None) -> str:
    """By what a student's page is known: the verdict's key, and what is said of the points beside it."""
    if standing is None or not standing.differs:
        return key
    return f"{key} {hashlib.sha256(repr(standing).encode('utf-8', 'backslashreplace')).hexdigest()[:16]}"


def standings_of_run(
    book: Gradebook,
    run: GradingRun,
    course: Course,
    assignment: Assignment,
    roster: Path | None,
    verdicts: Sequence[Verdict],
    decisions: Any = None,
) -> dict[str, Standing]:
    """What counts for each student of a past run; for ``report`` and the exports. Raises SpecError."""
    from torchgrade.pipeline.reporting import course_name

    rules = rules_of_run(course, assignment, run, roster)
    name = course_name(course)
    return standings(book, run.id, assignment, rules, verdicts, decisions or {}, course=name)
