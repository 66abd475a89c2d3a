"""``torchgrade export``: grades for other systems, and bundles for those that run the engine themselves."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from torchgrade.cli.language import Lang
from torchgrade.model import Tier


class Format(StrEnum):
    """As in ``torchgrade.pipeline.exporting``, which is imported when it is needed."""

    CSV = "csv"
    JSON = "json"
    CANVAS = "canvas"
    MOODLE = "moodle"
    LTI = "lti"
    GRADESCOPE = "gradescope"
    CLASSROOM50 = "classroom50"
    PRAIRIELEARN = "prairielearn"


def export(
    format: Annotated[
        Format,
        typer.Argument(
            help="Grades: csv, json, canvas, moodle, lti. Bundles: gradescope, classroom50, prairielearn."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="The folder of a run, as for report; or the file to write.")
    ] = None,
    gradebook: Annotated[str, typer.Option(help="File or SQLAlchemy URL; default: in --out, else here.")] = "",
    assignment: Annotated[str, typer.Option(help="Its id; needed where there are several.")] = "",
    run: Annotated[str, typer.Option(help="Id of a run; default: the newest.")] = "",
    roster: Annotated[
        Path | None, typer.Option(help="CSV with a column `student` and those by which the platform knows people.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option(help="The platform's own file: Canvas's gradebook, Moodle's worksheet.")
    ] = None,
    column: Annotated[str, typer.Option(help="Its column for this assignment; default: found by title.")] = "",
    scale: Annotated[bool, typer.Option("--scale", help="Scale points to the platform's maximum.")] = False,
    feedback: Annotated[bool, typer.Option("--feedback", help="Moodle: the zip of students' pages, too.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change on the platform; write nothing.")
    ] = False,
    wheel: Annotated[Path | None, typer.Option(help="Bundles: this wheel of torchgrade goes in.")] = None,
    sandbox: Annotated[Tier, typer.Option(help="Bundles: the weakest seal that will do.")] = Tier.LANDLOCK,
    seconds: Annotated[
        float, typer.Option(min=0, help="Bundles: how long the platform waits; 0: as usual.")
    ] = 0.0,
    image: Annotated[str, typer.Option(help="PrairieLearn: the Docker image that grades.")] = "",
    lang: Lang = "",
) -> None:
    """Hand grades of a past run to another system, or make a bundle for one that grades by itself."""
    from torchgrade.cli.commands import _complain
    from torchgrade.feedback.terminal import clean
    from torchgrade.pipeline import course_root
    from torchgrade.pipeline.exporting import ExportOptions
    from torchgrade.pipeline.exporting import Format as Known
    from torchgrade.pipeline.exporting import export as write
    from torchgrade.spec import load_course, speak

    root = course_root(Path.cwd())
    speak(load_course(root, only=""), lang)
    options = ExportOptions(
        Known(str(format)), out, gradebook, assignment, run, roster, into, column, scale, feedback, dry_run,
        wheel, sandbox, seconds, image, lang,
    )  # fmt: skip
    done = write(root, options)
    for note in done.notes:
        _complain(note)
    for line in done.lines:
        typer.echo(clean(line))
    for path in done.written:
        typer.echo(clean(f"written: {path}"))
