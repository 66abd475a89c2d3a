"""Commands and exit codes: 0 well; 1 points lost, or the course fails its own test; 2 bad input or our fault."""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from torchgrade import __version__
from torchgrade.cli import data, streams
from torchgrade.cli.language import Lang
from torchgrade.errors import TorchgradeError, UsageError
from torchgrade.model import Tier

if TYPE_CHECKING:
    from torchgrade.grading.ahead import Ahead
    from torchgrade.model import Assignment, Course
    from torchgrade.pipeline import GradeOptions, GradeSummary

FAILED, FAULT, INTERRUPTED = 1, 2, 130
_FULL_SEEDS = 3
_LISTED = 20  # names in a plan
_MEMORY = ("sqlite://", "sqlite:///", "sqlite:///:memory:", ":memory:")

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Grade PyTorch notebooks from outside the student's process.",
)
app.add_typer(data.app, name="data")


class Device(StrEnum):
    """Where assignments that may use a GPU run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


def main() -> None:
    """Entry point. Faults that we foresee end in one line and exit code 2; others too, below a traceback."""
    streams.prepare()
    if streams.folder_is_gone():
        _die("the current folder is gone; change to one that is there")
    try:
        app(prog_name="torchgrade")
    except TorchgradeError as error:
        _die(str(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if said := streams.fault_of_the_machine(error):
            _die(said)
        traceback.print_exc()
        _die("this is a fault of torchgrade itself; please report it with the lines above")


def _die(message: str) -> NoReturn:
    with contextlib.suppress(OSError):  # the exit code says it where nobody can be told
        _complain(f"torchgrade: {message}")
    sys.exit(FAULT)


def _complain(message: str) -> None:
    """Say what is wrong, on standard error; names of files and students in it must not steer the terminal."""
    from torchgrade.feedback.terminal import clean

    typer.echo(clean(message), err=True)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"torchgrade {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Grade PyTorch notebooks from outside the student's process."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where the reports go.")] = Path("reports/rendered/demo"),
    jobs: Annotated[int, typer.Option(min=0, help="Submissions at once; 0: as many as fit.")] = 0,
    sandbox: Annotated[Tier, typer.Option(help="How well each submission is sealed.")] = Tier.FULL,
) -> None:
    """Grade the bundled cohort for real and write the reports."""
    from torchgrade.grading.ahead import begun, examines_for_sure

    with begun(examines_for_sure(out, "", "", force=False)) as ahead:
        from torchgrade.pipeline import GradeOptions, course_root, demo_cohort

        root = course_root(Path.cwd())
        options = GradeOptions(jobs=jobs, tier=sandbox)
        _grade(root, "softmax", demo_cohort(root), out, options, ahead=ahead)


@app.command()
def check(
    notebook: Annotated[Path | None, typer.Argument(help="The notebook; default: the only one here.")] = None,
    assignment: Annotated[str, typer.Option(help="Its assignment; default: found by name.")] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Check again whenever the notebook is saved.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain-kernel", help="Run the notebook in an ordinary kernel, without a sandbox.")
    ] = False,
    in_ci: Annotated[
        bool, typer.Option("--ci", help="In a pipeline: annotations, a summary and the files of a report.")
    ] = False,
    threshold: Annotated[
        float, typer.Option(min=0, max=100, metavar="PERCENT", help="Share of the public points that is enough.")
    ] = 100.0,
    out: Annotated[Path, typer.Option(help="With --ci: where the report goes.")] = Path("torchgrade-report"),
    lang: Lang = "",
) -> None:
    """Examine your own notebook by the public criteria. Nothing is stored."""
    from torchgrade.cli.checks import check_once, watch_notebook

    forced = True if plain else None
    if in_ci:
        if watch or json_output:
            raise UsageError("--ci writes a report and ends; leave --watch and --json out")
        from torchgrade.cli.ci_checks import Wanted, check_in_ci

        raise typer.Exit(check_in_ci(Wanted(notebook, assignment, forced, lang, threshold, out)))
    if watch and json_output:
        raise UsageError("--json prints one result and ends, --watch goes on: choose one of them")
    if watch:
        watch_notebook(notebook, assignment, plain=forced, language=lang)
        return
    if not check_once(notebook, assignment, plain=forced, as_json=json_output, language=lang, threshold=threshold):
        raise typer.Exit(FAILED)


@app.command()
def grade(
    assignment: Annotated[str, typer.Argument(help="Id of the assignment.")],
    submissions: Annotated[
        Path, typer.Argument(help="A folder of notebooks or repositories, an LMS zip, a list of repositories.")
    ],
    out: Annotated[Path, typer.Option(help="Where reports and results go.")],
    roster: Annotated[Path | None, typer.Option(help="CSV of the cohort with a column `student`.")] = None,
    tag: Annotated[str, typer.Option(help="Of git repositories: the commit with this tag.")] = "",
    until: Annotated[str, typer.Option(help="Of git repositories: the last commit until this moment.")] = "",
    gradebook: Annotated[str, typer.Option(help="File or SQLAlchemy URL; default: in --out.")] = "",
    jobs: Annotated[int, typer.Option(min=0, help="Submissions at once; 0: as many as fit.")] = 0,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.AUTO,
    sandbox: Annotated[Tier, typer.Option(help="How well each submission is sealed.")] = Tier.FULL,
    scheduler: Annotated[str, typer.Option(help="Address of a dask scheduler: tcp://host:8786.")] = "",
    gpus: Annotated[int, typer.Option(min=0, help="How many GPUs to use; 0: all that there are.")] = 0,
    only: Annotated[list[str] | None, typer.Option(help="Examine this student alone; may be repeated.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Grade again what was broken or hit a limit.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Grade again what has a verdict already.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be graded, and why; no more.")
    ] = False,
    lang: Lang = "",
) -> None:
    """Grade a whole cohort by all criteria."""
    from torchgrade.grading.ahead import begun, examines_for_sure

    if gradebook in _MEMORY:
        raise UsageError(f"--gradebook {gradebook}: would be gone when this ends; name a file")
    if scheduler and "://" not in scheduler and not scheduler.rpartition(":")[2].isdecimal():
        raise UsageError(f"--scheduler {scheduler}: is no address; one is tcp://host:8786")
    sure = submissions.exists() and not dry_run and examines_for_sure(out, gradebook, scheduler, force=force)
    with begun(sure) as ahead:  # before the imports below, which take a quarter of a second
        from torchgrade.pipeline import GradeOptions, course_root

        options = GradeOptions(
            jobs=jobs,
            device=str(device),
            gpus=gpus,
            only=tuple(only or ()),
            failed=failed,
            tier=sandbox,
            gradebook=gradebook,
            roster=roster,
            tag=tag,
            until=until,
            scheduler=scheduler,
            force=force,
        )
        if dry_run:
            _show_plan(course_root(Path.cwd()), assignment, submissions, out, options, lang)
        else:
            _grade(course_root(Path.cwd()), assignment, submissions, out, options, lang, ahead)


def _find(root: Path, assignment: str, lang: str) -> tuple[Course, Assignment]:
    from torchgrade.spec import assignment_ids, load_course, speak

    course = speak(load_course(root, only=assignment), lang)
    found = course.assignment(assignment)
    if found is None:
        raise UsageError(_no_assignment(assignment, assignment_ids(root)))
    return course, found


def _show_plan(
    root: Path, assignment: str, submissions: Path, out: Path, options: GradeOptions, lang: str
) -> None:
    from torchgrade.cli.progress import live_progress
    from torchgrade.feedback.terminal import clean
    from torchgrade.feedback.words import count
    from torchgrade.pipeline import survey, tally

    course, found = _find(root, assignment, lang)
    with live_progress(found) as progress:
        planned = survey(course, found, submissions, out, options, progress)
    todo = [p for p in planned if not p.known]
    known = len(planned) - len(todo)
    typer.echo(f"{count(len(planned), 'submission')}: {len(todo)} to examine, {known} known from before")
    for why, many in tally(planned):
        typer.echo(clean(f"{many:>6}  {why}"))
    for one in todo[:_LISTED]:
        typer.echo(clean(f"        {one.student}: {one.why}"))
    if len(todo) > _LISTED:
        typer.echo(f"        and {len(todo) - _LISTED} more")


def _grade(
    root: Path,
    assignment: str,
    submissions: Path,
    out: Path,
    options: GradeOptions,
    lang: str = "",
    ahead: Ahead | None = None,
) -> None:
    from torchgrade.cli.progress import live_progress
    from torchgrade.pipeline import grade as run

    course, found = _find(root, assignment, lang)
    try:
        with live_progress(found) as progress:
            summary = run(course, found, submissions, out, options, progress, ahead)
    except KeyboardInterrupt:
        _complain("\nstopped; nothing is lost: the same command goes on where this one ended")
        raise typer.Exit(INTERRUPTED) from None
    _tell(summary)


def _no_assignment(wanted: str, ids: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(wanted, ids, 1)
    return f"no assignment {wanted!r}; " + (
        f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(ids)}"
    )


def _tell(summary: GradeSummary) -> None:
    from torchgrade.feedback.words import count

    again = f" ({summary.known} known from before)" if summary.known else ""
    typer.echo(f"{count(len(summary.verdicts), 'verdict')} in {summary.seconds:.1f} s{again}")
    for line in summary.told:
        _complain(f"note: {line}")
    for verdict in summary.broken:
        _complain(f"broken: {verdict.student}: {verdict.reason}")
    if summary.left_out:
        was, are = ("was", "is") if summary.left_out == 1 else ("were", "are")
        typer.echo(f"{summary.left_out} without a verdict {was} passed over by --only and {are} in no report")
    typer.echo(f"report: {summary.index}")
    if summary.broken:
        typer.echo(
            f"{len(summary.broken)} could not be judged; that is our fault: run the command again", err=True
        )
        raise typer.Exit(FAULT)


@app.command()
def ci(
    assignments: Annotated[list[str] | None, typer.Argument(help="Only these; default: all.")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Rewrite stale handouts.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Try each case with three seeds of hidden inputs.")] = False,
    seeds: Annotated[int, typer.Option(min=0, help="So many seeds instead; 0: three with --full, else one.")] = 0,
    watch: Annotated[bool, typer.Option("--watch", help="Again whenever a file of theirs changes.")] = False,
) -> None:
    """Let the course test itself: solutions, handouts, wrong answers and legitimate variants.

    Trainings are as long as a student's in both modes: a threshold holds only for what it was calibrated for.
    """
    from torchgrade.pipeline import course_root, test_course
    from torchgrade.spec import assignment_ids, load_course

    root = course_root(Path.cwd())
    for wanted in assignments or ():
        if wanted not in assignment_ids(root):
            raise UsageError(_no_assignment(wanted, assignment_ids(root)))
    seeds = seeds or (_FULL_SEEDS if full else 1)
    if watch:
        from torchgrade.cli.watching import watch_course

        watch_course(root, assignments or (), fix=fix, seeds=seeds)
    course = load_course(root, only=assignments[0] if assignments and len(assignments) == 1 else None)
    tried = wrong = 0
    begin, tell = time.monotonic(), partial(typer.echo, err=True)
    for finding in test_course(course, tuple(assignments or ()), fix=fix, seeds=seeds, tell=tell):
        tried += 1
        wrong += bool(finding.problem)
        typer.echo(f"{'✗ WRONG' if finding.problem else '✓ ok   '}  {finding.assignment}: {finding.subject}")
        if finding.problem:
            typer.echo(f"          {finding.problem}")
    they = "it" if wrong == 1 else "they"
    typer.echo(f"{tried} tried, {wrong} not as {they} must be, in {time.monotonic() - begin:.0f} s")
    if wrong:
        raise typer.Exit(FAILED)


@app.command()
def doctor() -> None:
    """Say what this machine can do: versions, sandbox, GPU, course, data sets."""
    from torchgrade.pipeline import diagnose

    signs = {"ok": "✓ ok     ", "note": "• note   ", "problem": "✗ problem"}
    bad = 0
    for line in diagnose(Path.cwd()):
        bad += line.state == "problem"
        typer.echo(f"{signs[line.state]}  {line.subject}: {line.text}")
    if bad:
        raise typer.Exit(FAULT)
