"""``torchgrade report``: render a past run again."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Language(StrEnum):
    """The languages that reports speak, as in ``torchgrade.i18n.LANGUAGES``."""

    EN = "en"
    RU = "ru"


def report(
    out: Annotated[
        Path | None, typer.Option(help="Where reports and results go; default: where the gradebook lies.")
    ] = None,
    gradebook: Annotated[str, typer.Option(help="File or SQLAlchemy URL; default: in --out, else here.")] = "",
    assignment: Annotated[str, typer.Option(help="Its id; needed where the gradebook holds several.")] = "",
    run: Annotated[str, typer.Option(help="Id of a run; default: the newest.")] = "",
    roster: Annotated[Path | None, typer.Option(help="CSV with columns `student`, `group`: to filter by.")] = None,
    similar: Annotated[bool, typer.Option("--similar", help="Look for similar notebooks, by copydetect.")] = False,
    lang: Annotated[Language | None, typer.Option(help="Language of the reports; default: the course's.")] = None,
) -> None:
    """Write the reports of a past run again, from the gradebook. Nothing is graded."""
    from torchgrade.pipeline import ReportOptions, course_root
    from torchgrade.pipeline import report as write

    options = ReportOptions(out, gradebook, assignment, run, roster, similar, str(lang or ""))
    done = write(course_root(Path.cwd()), options)
    typer.echo(f"{done.verdicts} verdicts of the run {done.run.id} of {done.run.assignment}")
    if done.pairs is not None:
        typer.echo(f"similar notebooks: {done.pairs or 'none'}{' pairs' if done.pairs else ''}")
    typer.echo(f"report: {done.index}")
