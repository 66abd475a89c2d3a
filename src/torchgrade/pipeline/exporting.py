"""``export``: grades of a past run for other systems, and bundles for platforms that run the engine themselves."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from torchgrade.errors import UsageError
from torchgrade.exports.bundle import BundleOptions, Platform, make_bundle
from torchgrade.exports.changes import Filled, diff_table, left_alone
from torchgrade.exports.rows import Row
from torchgrade.exports.tables import read_table
from torchgrade.exports.writing import spare_beside, told, write_files, write_folder
from torchgrade.feedback.words import count
from torchgrade.intake.roster import Roster, read_roster
from torchgrade.kit import student_files
from torchgrade.model import Assignment, Tier, Verdict
from torchgrade.pipeline import keys
from torchgrade.pipeline.reporting import PastRun, ReportOptions, course_name, past_run, places
from torchgrade.policy import Standing
from torchgrade.spec import assignment_ids, check_graders, load_course

if TYPE_CHECKING:
    from torchgrade.exports.moodle import Participant, Worksheet
    from torchgrade.gradebook import Gradebook

FOLDER = "exports"  # in the folder of a run
_BOOK = "gradebook.sqlite"


class Format(StrEnum):
    """What another system reads."""

    CSV = "csv"
    JSON = "json"
    CANVAS = "canvas"
    MOODLE = "moodle"
    LTI = "lti"
    GRADESCOPE = "gradescope"
    CLASSROOM50 = "classroom50"
    PRAIRIELEARN = "prairielearn"

    @property
    def platform(self) -> Platform | None:
        """The platform that runs the engine itself; None for formats of grades."""
        return next((platform for platform in Platform if platform.value == self.value), None)


_ENDINGS = {
    Format.CSV: ".csv",
    Format.JSON: ".json",
    Format.CANVAS: "-canvas.csv",
    Format.MOODLE: "-moodle.csv",
    Format.LTI: "-lti",
    Format.GRADESCOPE: "-gradescope.zip",
    Format.CLASSROOM50: "-classroom50.zip",
    Format.PRAIRIELEARN: "-prairielearn.zip",
}


@dataclass(frozen=True)
class ExportOptions:
    """What a teacher chose on the command line."""

    format: Format
    out: Path | None = None  # the folder of a run, as for ``report``; or the file to write
    gradebook: str = ""
    assignment: str = ""
    run: str = ""
    roster: Path | None = None
    into: Path | None = None  # the platform's own export, to be filled
    column: str = ""
    scale: bool = False
    feedback: bool = False
    dry_run: bool = False
    wheel: Path | None = None
    sandbox: Tier = Tier.LANDLOCK
    seconds: float = 0.0  # how long the platform waits; 0: as usual there
    image: str = ""
    language: str = ""


@dataclass(frozen=True)
class Exported:
    """What was written (nothing in a dry run), lines to print, and lines to warn with."""

    written: tuple[Path, ...] = ()
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def export(root: Path, options: ExportOptions) -> Exported:
    """Write one format; whole files or none. Raises UsageError, SpecError."""
    _check(options)
    if options.format.platform is not None:
        return _bundle(root, options, options.format.platform)
    from torchgrade.gradebook import Gradebook  # SQLAlchemy takes 0.3 s to import

    roster = read_roster(options.roster) if options.roster is not None else None
    place, folder = _places(options)
    chosen = ReportOptions(
        folder, options.gradebook, options.assignment, options.run, options.roster, False, options.language
    )
    with Gradebook.open(place) as book, past_run(book, root, chosen) as past, told():
        return _export(book, past, roster, folder, options)


def rows_of(past: PastRun, roster: Roster | None) -> list[Row]:
    """One row for each student of a run, and for each of the roster of whom nothing is known."""
    fields = roster.fields if roster is not None else {}
    verdicts = {verdict.student: verdict for verdict in past.verdicts}
    rows = [_row(student, fields.get(student, {}), verdicts, past) for student in verdicts]
    without = [student for student in (roster.students if roster is not None else ()) if student not in verdicts]
    return rows + [Row(s, fields[s], None, _EXCUSED if s in past.excused else None) for s in without]


_EXCUSED = Standing(0.0, 0.0, 0.0, attempt=0, excused=True)


def _row(student: str, fields: Mapping[str, str], verdicts: Mapping[str, Verdict], past: PastRun) -> Row:
    """Where a member of the group handed in what counts, it is that member's verdict."""
    standing = past.standings.get(student)
    by = standing.by if standing is not None else ""
    return Row(student, fields, verdicts.get(by, verdicts[student]), standing)


def _check(options: ExportOptions) -> None:
    """Refuse options that this format does not have, rather than pass them over."""
    form, bundle = options.format, options.format.platform is not None
    filled = (Format.CANVAS, Format.MOODLE)
    given = {
        "--into": (options.into is not None, form in filled),
        "--column": (bool(options.column), form in filled),
        "--scale": (options.scale, form in filled),
        "--feedback": (options.feedback, form is Format.MOODLE),
        "--gradebook": (bool(options.gradebook), not bundle),
        "--run": (bool(options.run), not bundle),
        "--lang": (bool(options.language), not bundle),  # a bundle speaks as course.yaml says
        "--wheel": (options.wheel is not None, bundle),
        "--sandbox": (options.sandbox is not Tier.LANDLOCK, bundle),
        "--seconds": (options.seconds != 0, bundle),
        "--image": (bool(options.image), form is Format.PRAIRIELEARN),
    }
    for name, (is_given, has) in given.items():
        if is_given and not has:
            raise UsageError(f"{name} says nothing to the format {form}")
    if form is Format.MOODLE and options.into is None:
        raise UsageError("--into is missing: download the grading worksheet from Moodle's assignment and name it")
    if form is Format.CANVAS and options.into is None and not options.column:
        raise UsageError(
            "name Canvas's own export with --into, or the assignment there with --column 'Title (1234)'"
        )


# Where


def _places(options: ExportOptions) -> tuple[str | Path, Path]:
    """The gradebook, and the folder of the run. ``--out`` may name a file, beside the gradebook or elsewhere."""
    out = options.out
    if out is None or not _is_file(options):
        return places(options.gradebook, out)
    if options.gradebook:
        return places(options.gradebook, out.parent)
    beside = out.parent / _BOOK
    return places("", out.parent if beside.is_file() else None)[0], out.parent


def _is_file(options: ExportOptions) -> bool:
    """Whether ``--out`` names the file itself: it ends like one."""
    ending = Path(_ENDINGS[options.format]).suffix or Path("x" + _ENDINGS[options.format]).suffix
    return options.out is not None and bool(ending) and options.out.suffix.casefold() == ending


def _target(options: ExportOptions, folder: Path, assignment: str) -> Path:
    if options.out is not None and _is_file(options):
        return options.out
    return folder / FOLDER / f"{assignment}{_ENDINGS[options.format]}"


# Grades


def _export(
    book: Gradebook, past: PastRun, roster: Roster | None, folder: Path, options: ExportOptions
) -> Exported:
    rows, assignment, form = rows_of(past, roster), past.assignment, options.format
    target = _target(options, folder, assignment.id)
    now = datetime.now(UTC)
    if form is Format.LTI:
        return _lti(rows, assignment, target, now, options)
    if form is Format.MOODLE:
        return _moodle(book, past, rows, target, now, options)
    if form is Format.CANVAS:
        return _one(target, _canvas(rows, assignment, options), options)
    from torchgrade.exports import plain

    if form is Format.CSV:
        content = plain.as_csv(rows, assignment)
    else:
        name = course_name(past.course)
        content = plain.as_json(rows, assignment, course=name, run=past.run.id, now=now)
    return _one(target, Filled(content, (), tuple(left_alone(rows, ""))), options, count(len(rows), "student"))


def _one(target: Path, filled: Filled, options: ExportOptions, counted: str = "") -> Exported:
    lines = [counted] if counted else list(diff_table(filled.changes))
    if options.dry_run:
        return Exported((), (*lines, f"nothing was written; it would be {target}"), filled.notes)
    write_files({target: filled.content})
    return Exported((target,), tuple(lines), filled.notes)


def _canvas(rows: Sequence[Row], assignment: Assignment, options: ExportOptions) -> Filled:
    from torchgrade.exports import canvas

    if options.into is None:
        return canvas.fresh(rows, assignment, column=options.column)
    table = read_table(options.into)
    return canvas.fill(table, rows, assignment, column=options.column, scaled=options.scale)


def _lti(rows: list[Row], assignment: Assignment, target: Path, now: datetime, options: ExportOptions) -> Exported:
    from torchgrade.exports import lti

    files, notes = lti.payloads(rows, assignment, now=now)
    lines = (count(sum(name.startswith("scores/") for name in files), "score"),)
    if options.dry_run:
        return Exported((), (*lines, f"nothing was written; it would be the folder {target}"), notes)
    write_folder(target, files, lti.LINE_ITEM)
    return Exported((target,), lines, notes)


def _moodle(
    book: Gradebook, past: PastRun, rows: list[Row], target: Path, now: datetime, options: ExportOptions
) -> Exported:
    from torchgrade.exports import moodle

    assert options.into is not None
    table = read_table(options.into)
    sheet = moodle.fill(table, rows, past.assignment, column=options.column, scaled=options.scale)
    if options.dry_run or not options.feedback:
        return _one(target, sheet.filled, options)
    package = target.with_name(f"{target.stem}-feedback.zip")
    spare = spare_beside(package)
    try:
        written = moodle.write_feedback(spare, _pages(book, past, sheet, now))
        write_files({package: spare, target: sheet.filled.content})
    finally:
        spare.unlink(missing_ok=True)
    lines = (*diff_table(sheet.filled.changes), count(written, "page of feedback", "pages of feedback"))
    return Exported((target, package), lines, sheet.filled.notes)


def _pages(
    book: Gradebook, past: PastRun, sheet: Worksheet, now: datetime
) -> Iterator[tuple[Participant, str, bytes]]:
    """The students' own pages, one at a time."""
    from torchgrade.feedback.student import render_student

    whose = {participant.row.student: participant for participant in sheet.participants}
    for verdict in book.each_verdict(past.run.id):
        if verdict.student not in whose:
            continue
        standing = past.standings.get(verdict.student)
        page = render_student(
            past.course, past.assignment, past.told(verdict), standing=standing, generated_at=now
        )
        yield whose[verdict.student], f"{past.assignment.id}.html", page.encode("utf-8")


# Bundles


def _bundle(root: Path, options: ExportOptions, platform: Platform) -> Exported:
    wanted = _assignment_id(root, options.assignment)
    course = load_course(root, only=wanted)
    assignment = course.assignment(wanted)
    assert assignment is not None
    check_graders(assignment, public_only=platform is Platform.CLASSROOM50)
    if options.roster is not None:
        read_roster(options.roster)  # refused here rather than there
    chosen = BundleOptions(
        platform, options.sandbox, options.seconds, options.wheel, options.roster, options.image
    )
    student = student_files(course, [assignment], course.language) if platform is Platform.CLASSROOM50 else None
    bundle = make_bundle(course, assignment, chosen, keys.course_secret(course.root), student)
    target = options.out if options.out is not None and _is_file(options) else None
    target = target or (options.out or Path()) / f"{assignment.id}{_ENDINGS[options.format]}"
    if options.dry_run:
        files = [f"  {name} ({len(content)} bytes)" for name, content in sorted(bundle.files.items())]
        return Exported((), (*files, f"nothing was written; it would be {target}"), bundle.notes)
    with told():
        write_files({target: bundle.as_zip()})
    return Exported((target,), (count(len(bundle.files), "file"),), bundle.notes)


def _assignment_id(root: Path, wanted: str) -> str:
    ids = assignment_ids(root)
    if not wanted and len(ids) == 1:
        return ids[0]
    if not wanted:
        raise UsageError(f"--assignment is missing; there are: {', '.join(ids)}")
    if wanted not in ids:
        near = difflib.get_close_matches(wanted, ids, 1)
        raise UsageError(
            f"no assignment {wanted!r}; "
            + (f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(ids)}")
        )
    return wanted
