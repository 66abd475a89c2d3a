"""``torchgrade report``: render a past run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from torchgrade.cli.language import Lang


def report(
    out: Annotated[
        Path | None, typer.Option(help="Where reports and results go; default: where the gradebook lies.")
    ] = None,
    gradebook: Annotated[str, typer.Option(help="File or SQLAlchemy URL; default: in --out, else here.")] = "",
    assignment: Annotated[str, typer.Option(help="Its id; needed where the gradebook holds several.")] = "",
    run: Annotated[str, typer.Option(help="Id of a run; default: the newest.")] = "",
    roster: Annotated[Path | None, typer.Option(help="CSV with columns `student`, `group`: to filter by.")] = None,
    similar: Annotated[bool, typer.Option("--similar", help="Look for similar notebooks, by copydetect.")] = False,
    lang: Lang = "",
) -> None:
    """Write the reports of a past run again, from the gradebook. Nothing is graded."""
    from torchgrade.feedback.words import count
    from torchgrade.pipeline import ReportOptions, course_root
    from torchgrade.pipeline import report as write
    from torchgrade.spec import load_course, speak

    root = course_root(Path.cwd())
    speak(load_course(root, only=""), lang)
    done = write(root, ReportOptions(out, gradebook, assignment, run, roster, similar, lang))
    typer.echo(f"{count(done.verdicts, 'verdict')} of the run {done.run.id} of {done.run.assignment}")
    if done.run.ended is None:
        typer.echo("note: this run has not ended, so some may be missing; `torchgrade grade` goes on", err=True)
    if done.pairs is not None:
        typer.echo(f"similar notebooks: {count(done.pairs, 'pair') if done.pairs else 'none'}")
    typer.echo(f"report: {done.index}")
