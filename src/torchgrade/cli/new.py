"""``torchgrade new``: an assignment to begin with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from torchgrade.cli.language import Lang
from torchgrade.errors import UsageError


def new(
    id: Annotated[
        str, typer.Argument(metavar="ID", help="Name of its folders: letters, digits, '-', '_' and '.'.")
    ],
    title: Annotated[str, typer.Option(help="What students read; default: made of ID, asked on a terminal.")] = "",
    function: Annotated[
        str, typer.Option(help="The function that they write; default: made of ID, asked on a terminal.")
    ] = "",
    lang: Lang = "",
) -> None:
    """Write a new assignment that passes `torchgrade ci` at once, to be written over."""
    from torchgrade.feedback.terminal import clean
    from torchgrade.pipeline.creating import Wanted, check_id, create, default_function, default_title
    from torchgrade.spec import find_course

    root = find_course(Path.cwd())
    if root is None:  # never into the course that a checkout of torchgrade carries, as other commands would
        raise UsageError(f"no course.yaml in {Path.cwd()} or above it; run this in a course's folder")
    check_id(root, id)
    if sys.stdin.isatty():
        title = title or typer.prompt("Title", default=default_title(id))
        function = function or typer.prompt("Function that students write", default=default_function(id))
    made = create(root, Wanted(id, title, function, lang))
    for path in made.files:
        typer.echo(clean(f"wrote {path}"))
    if not made.listed:
        typer.echo(clean(f"course.yaml lists its assignments: add {id} under `assignments:`"))
    typer.echo(clean(f"next: torchgrade ci {id} --watch, while you write over them"))
