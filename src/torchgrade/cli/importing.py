"""``torchgrade import``: assignments made for other graders become assignments of this course."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    from torchgrade.pipeline import course_root

    made = import_nbgrader(course_root(Path.cwd()), notebook, id)
    for line in _told(made):
        typer.echo(clean(line))


def _told(made: Imported) -> list[str]:
    """What was made, what stays with a person, and what to do next."""
    points, by_hand = f"{made.points:g}", f"{made.manual_points:g}"
    lines = [
        f"imported {made.id}: {made.examined + made.manual} criteria, {points} points; "
        f"{made.manual} of them, {by_hand} points, wait for a teacher"
    ]
    if made.not_carried:
        lines.append("not carried over, and listed as a comment in the grader:")
        lines += [f"  cell {n.cell}, {n.grade_id}: {n.reason}" for n in made.not_carried]
    lines += [f"note: {remark}" for remark in made.remarks]
    return [*lines, f"next: torchgrade ci {made.id}"]
