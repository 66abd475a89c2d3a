"""``torchgrade release``: student kits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from torchgrade.cli.language import Lang
from torchgrade.errors import UsageError

if TYPE_CHECKING:
    from torchgrade.model import Assignment, Course
    from torchgrade.pipeline.release import Change, Released

_STALE = 1


def release(
    what: Annotated[
        list[str],
        typer.Argument(metavar="ASSIGNMENT... DIR", help="Ids of assignments, then the folder of the kit."),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Say what would change, write nothing; exit 1 if something would.")
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Where students will find DIR/template, to update from it."),
    ] = None,
    runner: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="Label of the machine that checks pushes: one with a GPU, say."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="PERCENT", help="Share of the public points at which a push is well.")
    ] = None,
    wheel: Annotated[
        Path | None, typer.Option(help="The wheel of torchgrade, to lie in the kit; default: from an index.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(metavar="ZIP", help="Write what grading needs, for a repository of your own.")
    ] = None,
    lang: Lang = "",
) -> None:
    """Make a student kit in DIR/kit, and in DIR/template what updates repositories that were handed out.

    The language, address, label, threshold and wheel of the release before hold until you say others.
    """
    from torchgrade.pipeline.release import ReleaseOptions, would_change
    from torchgrade.pipeline.release import release as run

    if len(what) < 2:
        raise UsageError("release wants the ids of assignments and, after them, the folder of the kit")
    *ids, folder = what
    course, found = _course(ids, folder)
    options = ReleaseOptions(lang, url, runner, threshold, wheel, bundle)
    if check:
        _tell_changes(would_change(course, found, Path(folder), options))
    else:
        _tell(run(course, found, Path(folder), options))


def _course(ids: list[str], folder: str) -> tuple[Course, list[Assignment]]:
    """The course, with these assignments in this order, each once. Raises UsageError, SpecError."""
    from dataclasses import replace

    from torchgrade.cli.commands import _no_assignment
    from torchgrade.pipeline import course_root
    from torchgrade.spec import assignment_ids, load_course

    root = course_root(Path.cwd())
    known = assignment_ids(root)
    if folder in known and not Path(folder).exists():
        raise UsageError(f"{folder} is an assignment; name the folder of the kit after it")
    for id in ids:
        if id not in known:
            raise UsageError(_no_assignment(id, known))
    course = load_course(root, only="")
    found = [a for id in dict.fromkeys(ids) for a in load_course(root, only=id).assignments]
    return replace(course, assignments=tuple(found)), found


def _tell_changes(changes: list[Change]) -> None:
    from torchgrade.feedback.words import count

    _list(changes)
    if changes:
        typer.echo(f"{count(len(changes), 'file')} of the kit would change")
        raise typer.Exit(_STALE)
    typer.echo("the kit is as the course is")


def _list(changes: list[Change]) -> None:
    from torchgrade.feedback.terminal import clean

    for change in changes:
        typer.echo(clean(f"{change.kind:>8}  {change.path}"))


def _tell(released: Released) -> None:
    _list(list(released.changes))
    typer.echo(
        f"released {released.version}" if released.made else f"nothing has changed since {released.version}"
    )
    typer.echo(f"for students: {released.kit}")
    typer.echo(f"for updates:  {released.template}")
    if released.bundle is not None:
        typer.echo(f"for you alone: {released.bundle}")
