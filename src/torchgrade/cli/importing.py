"""``torchgrade import``: assignments made for other graders become assignments of this course."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from torchgrade.errors import UsageError

if TYPE_CHECKING:
    from torchgrade.importing import Imported

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Assignments made for other graders, turned into assignments of this course.",
)


@app.callback()
def _root() -> None:
    """Assignments made for other graders, turned into assignments of this course."""


@app.command()
def nbgrader(
    notebook: Annotated[Path, typer.Argument(help="The teacher's notebook, with solutions: source/…/name.ipynb.")],
    id: Annotated[str, typer.Option("--id", help="What it is called here; default: the notebook's name.")] = "",
) -> None:
    """Make an assignment of an nbgrader notebook, and say what could not be carried over."""
    from torchgrade.feedback.terminal import clean
    from torchgrade.importing import import_nbgrader
    from torchgrade.spec import find_course

    root = find_course(Path.cwd())
    if root is None:  # never into the course that a checkout of torchgrade carries, as other commands would
        raise UsageError(f"no course.yaml in {Path.cwd()} or above it; run this in a course's folder")
    made = import_nbgrader(root, notebook, id)
    for line in _told(made):
        typer.echo(clean(line))


def _told(made: Imported) -> list[str]:
    """What was made, what stays with a person, and what to do next."""
    from torchgrade.feedback.words import count

    criteria = count(made.examined + made.manual, "criterion", "criteria")
    by_hand = f"{made.manual} of them, {_points(made.manual_points)}, {'waits' if made.manual == 1 else 'wait'}"
    lines = [f"imported {made.id}: {criteria}, {_points(made.points)}; {by_hand} for a teacher"]
    if made.not_carried:
        lines.append("not carried over, and listed as a comment in the grader:")
        lines += [f"  cell {n.cell}, {n.grade_id}: {n.reason}" for n in made.not_carried]
    lines += [f"note: {remark}" for remark in made.remarks]
    return [*lines, f"next: torchgrade ci {made.id}"]


def _points(points: float) -> str:
    return f"{points:g} {'point' if points == 1 else 'points'}"
