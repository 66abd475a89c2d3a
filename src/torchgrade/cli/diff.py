"""``torchgrade diff``: who gains and who loses between two runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from torchgrade.model import CriterionResult
    from torchgrade.pipeline.comparison import Change, Comparison, Student

_LISTED = 30  # names in a line
_MESSAGE = 240  # characters
_BROKEN = "cannot be compared: one verdict is broken"


def diff(
    before: Annotated[
        str, typer.Argument(metavar="RUN1", help="Id of a run, newest, previous, or the folder of --out.")
    ],
    after: Annotated[str, typer.Argument(metavar="RUN2", help="The same, for the run to compare it with.")],
    gradebook: Annotated[str, typer.Option(help="File or SQLAlchemy URL; default: in --out, else here.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="The folder of a past run, in which the gradebook lies.")
    ] = None,
    assignment: Annotated[str, typer.Option(help="Its id; needed where the gradebook holds several.")] = "",
    json_output: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Compare two runs of one assignment: who gains, who loses, and by which criterion. Nothing is graded."""
    from torchgrade.feedback.terminal import clean
    from torchgrade.pipeline.comparison_document import as_document
    from torchgrade.pipeline.differing import DiffOptions
    from torchgrade.pipeline.differing import diff as run

    found = run(DiffOptions(before, after, gradebook, out, assignment))
    if json_output:
        typer.echo(json.dumps(as_document(found), indent=1, allow_nan=False))
        return
    for line in told(found):
        typer.echo(clean(line).replace("\n", " "))


def told(found: Comparison) -> Iterator[str]:
    """The comparison in lines for a terminal; what students wrote is still in them as it is."""
    from torchgrade.feedback.words import count

    first, second = found.before, found.after
    yield f"{first.run.assignment}: {count(len(found.students), 'student')} in both runs"
    for name, side in (("before", first), ("after", second)):
        yield f"  {name:6}  {side.run.id}  ({count(len(side.verdicts), 'verdict')}, {side.book})"
    yield f"what else differs: {'; '.join(found.differs) or 'nothing'}"
    yield from _section("loses points", "lose points", found.losing)
    yield from _section("gains points", "gain points", found.gaining)
    yield from _section(
        "has the same points by other outcomes", "have the same points by other outcomes", found.turned
    )
    yield from _section(_BROKEN, _BROKEN, found.unjudged)
    yield ""
    yield f"unchanged: {found.unchanged}, lose: {len(found.losing)}, gain: {len(found.gaining)}"
    if found.means is not None:
        yield f"mean points: {found.means[0]:.4g} → {found.means[1]:.4g}"
    for names, where in ((found.only_before, "RUN1"), (found.only_after, "RUN2")):
        if names:
            yield f"only in {where} ({len(names)}): {_names(names)}"


def _section(one: str, many: str, students: Sequence[Student]) -> Iterator[str]:
    if not students:
        return
    yield ""
    yield f"{len(students)} {one if len(students) == 1 else many}"
    wide = min(max(len(s.name) for s in students), 40)
    for student in students:
        unreadable = _unreadable(student)
        other = "another notebook was handed in" if student.other_notebook else ""
        yield f"  {student.name:{wide}}  {_score(student)}  {unreadable or other}".rstrip()
        for change in () if unreadable else student.changes:
            yield f"      {_change(change)}"
            if change.why:
                yield f"          {_short(change.why)}"


def _unreadable(student: Student) -> str:
    """Why there was no notebook to examine on one side: said once, as every criterion is lost by it."""
    for verdict, when in ((student.after, ""), (student.before, " before")):
        if verdict.status == "unreadable":
            return f"unreadable{when}: {_short(verdict.reason)}"
    return ""


def _score(student: Student) -> str:
    if not student.judged:
        return f"{student.before.status} → {student.after.status}"
    before, after = (v.points + v.bonus for v in (student.before, student.after))
    return f"{before:g} → {after:g} ({_signed(student.gain)})"


def _change(change: Change) -> str:
    kept = f"; a teacher gave {change.kept:g}, which stands" if change.kept is not None else ""
    outcomes = f"{_outcome(change.before)} → {_outcome(change.after)}"
    return f"{change.criterion}: {outcomes} ({_signed(change.gain)}){kept}"


def _outcome(result: CriterionResult | None) -> str:
    return "not asked" if result is None else str(result.outcome).replace("_", " ")


def _signed(points: float) -> str:
    text = f"{round(points, 6):+g}"
    return "±0" if text in ("+0", "-0") else text.replace("-", "\N{MINUS SIGN}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MESSAGE else line[: _MESSAGE - 1] + "…"


def _names(names: Sequence[str]) -> str:
    more = f", and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
