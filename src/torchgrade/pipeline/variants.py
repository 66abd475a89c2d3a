"""The roster's part in a cohort: who handed nothing in, and what each student was given to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torchgrade.errors import SpecError
from torchgrade.intake.roster import Roster, read_roster
from torchgrade.model import Submission, VariantRule
from torchgrade.spec import VariantError, classes_of


def with_roster(submissions: list[Submission], path: Path | None, rule: VariantRule | None) -> list[Submission]:
    """Submissions with their students' columns of the roster.

    Students of the roster who handed nothing in get a submission that says so; strangers get a note. Raises
    SpecError with file and line for a roster that cannot be read, or a row that gives no variant.
    """
    if path is None:
        return submissions
    roster = read_roster(path)
    if rule is not None:
        _check_variants(roster, path, rule)
    handed_in = {s.student for s in submissions}
    known = [_known(s, roster, path, rule) for s in submissions]
    missing = [
        Submission(n, None, problem="nothing was handed in", fields=roster.fields.get(n, {}))
        for n in roster.students
        if n not in handed_in
    ]
    return sorted([*known, *missing], key=lambda s: s.student)


def _known(submission: Submission, roster: Roster, path: Path, rule: VariantRule | None) -> Submission:
    if submission.student in roster.students:
        return replace(submission, fields=roster.fields.get(submission.student, {}))
    as_default = "; graded by the default variant of course.yaml" if rule is not None else ""
    return replace(submission, notes=(*submission.notes, f"not in the roster {path.name}{as_default}"))


def _check_variants(roster: Roster, path: Path, rule: VariantRule) -> None:
    """Refuse at the door what no student could be graded by."""
    for student in roster.students:
        try:
            classes_of(rule, roster.fields[student])
        except VariantError as error:
            raise SpecError(path, roster.lines.get(student), error.column, str(error)) from None
