"""``report``: the pages and files of a past run again, from the gradebook. Nothing is graded."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from torchgrade.errors import UsageError
from torchgrade.grading.answers import read_trusted
from torchgrade.i18n import LANGUAGES, _, speaking
from torchgrade.intake.roster import read_roster
from torchgrade.model import Assignment, Course, Verdict
from torchgrade.pipeline.final import decided, final_verdict
from torchgrade.spec import Hint, assignment_ids, catalogues, load_course, load_hints

if TYPE_CHECKING:
    from torchgrade.feedback.similar import Pair
    from torchgrade.gradebook import Decision, Gradebook, GradingRun

GROUP = "group"  # the column of a roster by which a cohort may be looked at
_FILE = "gradebook.sqlite"


@dataclass(frozen=True)
class ReportOptions:
    """What a teacher chose on the command line. Empty: the obvious one."""

    out: Path | None = None  # the folder in which the gradebook lies
    gradebook: str = ""  # a path or an SQLAlchemy URL; empty: gradebook.sqlite in ``out``, or here
    assignment: str = ""
    run: str = ""  # id; empty: the newest one that has a verdict
    roster: Path | None = None
    similar: bool = False
    language: str = ""  # empty: the course's


@dataclass(frozen=True)
class ReportSummary:
    """What was written."""

    index: Path
    run: GradingRun
    verdicts: int
    pairs: int | None  # similar notebooks; None where nobody asked


def course_name(course: Course) -> str:
    """What a gradebook of several courses and years knows this one by."""
    return f"{course.title}, {course.year}"


def report(root: Path, options: ReportOptions) -> ReportSummary:
    """Write the reports of a past run. Raises UsageError, SpecError."""
    from torchgrade.gradebook import Gradebook  # SQLAlchemy takes 0.3 s to import

    place, out = places(options.gradebook, options.out)
    with Gradebook.open(place) as book:
        run = _choose(book, root, options)
        assignment_id = run.assignment
        course = load_course(root, only=assignment_id)
        assignment = course.assignment(assignment_id)
        if assignment is None:
            raise UsageError(f"the course has no assignment {assignment_id!r}{_near(assignment_id, root)}")
        chosen = options.language or course.language
        chosen = chosen if chosen in LANGUAGES else LANGUAGES[0]
        course = dataclasses.replace(course, language=chosen)
        with speaking(chosen, catalogues(root, [assignment_id], chosen)), _telling(out):
            return _write(book, run, course, assignment, out, options)


def places(gradebook: str, folder: Path | None) -> tuple[str | Path, Path]:
    """Where the gradebook lies, and where files go. An empty gradebook is never made here. Raises UsageError."""
    place: str | Path = gradebook
    if not place:
        place = (folder or Path()) / _FILE
        if not place.is_file():
            where = "--out names the folder of a past run" if folder is None else "name one with --gradebook"
            raise UsageError(f"there is no gradebook {place}; {where}")
    file = _file_of(place)
    if file is not None and not file.is_file():
        raise UsageError(f"there is no gradebook {file}; `torchgrade grade` makes one")
    if folder is None and file is None:
        raise UsageError("--out is missing: where shall the reports of this gradebook go?")
    return place, folder or (file.parent if file else Path())


def _file_of(place: str | Path) -> Path | None:
    """The file of a gradebook that is one; None for a database server."""
    text = str(place)
    if "://" not in text:
        return Path(text)
    return Path(text.removeprefix("sqlite:///")) if text.startswith("sqlite:///") else None


def _choose(book: Gradebook, root: Path, options: ReportOptions) -> GradingRun:
    runs = [run for run in book.runs() if run.verdicts]
    if not runs:
        raise UsageError(f"gradebook {book.name}: holds no verdict yet; `torchgrade grade` makes some")
    course = course_name(load_course(root, only=""))
    mine = [run for run in runs if run.course in (course, "")]
    if not mine:
        others = ", ".join(sorted({run.course for run in runs}))
        raise UsageError(f"gradebook {book.name}: holds no run of the course {course!r}, but of: {others}")
    if options.run:
        return _run_of_id(book, mine, options)
    ids = sorted({run.assignment for run in mine})
    wanted = options.assignment or (ids[0] if len(ids) == 1 else "")
    if not wanted:
        raise UsageError(f"gradebook {book.name}: holds several assignments; choose one: --assignment {ids[0]}, …")
    found = [run for run in mine if run.assignment == wanted]
    if not found:
        near = difflib.get_close_matches(wanted, ids, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(ids)}"
        raise UsageError(f"gradebook {book.name}: holds no verdict of the assignment {wanted!r}; {hint}")
    return found[-1]


def _run_of_id(book: Gradebook, runs: Sequence[GradingRun], options: ReportOptions) -> GradingRun:
    fitting = [run for run in runs if options.assignment in (run.assignment, "")]
    for run in fitting:
        if run.id == options.run:
            return run
    newest = f"; the newest is {fitting[-1].id}" if fitting else ""
    raise UsageError(f"gradebook {book.name}: there is no run {options.run!r} with verdicts{newest}")


def _near(wanted: str, root: Path) -> str:
    near = difflib.get_close_matches(wanted, assignment_ids(root), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _write(
    book: Gradebook, run: GradingRun, course: Course, assignment: Assignment, out: Path, options: ReportOptions
) -> ReportSummary:
    from torchgrade.feedback import FeedbackWriter  # Jinja2 and Pygments
    from torchgrade.feedback.similar import code_of
    from torchgrade.gradebook import Decisions

    hints = load_hints(assignment)
    found = Decisions(book, course_name(course)).of(assignment.id)

    def told(verdict: Verdict) -> Verdict:
        return final_verdict(with_hints(verdict, hints), found.get(verdict.student, {}))

    machine = book.verdicts(run.id, with_notebooks=False)
    verdicts = [told(v) for v in machine]
    groups = _groups(options.roster)
    names = [v.student for v in verdicts]
    out.mkdir(parents=True, exist_ok=True)
    writer = FeedbackWriter(course, assignment, out, names, groups=groups, generated_at=datetime.now(UTC))
    codes: dict[str, str] = {}
    for verdict in book.each_verdict(run.id):
        # The key is no verdict's: a later `grade` writes its own pages, by the hints of then.
        writer.student(f"report {run.id} {verdict.student}", told(verdict))
        if options.similar and verdict.notebook is not None:
            codes[verdict.student] = code_of(verdict.notebook)
    pairs = _similar(codes, assignment) if options.similar else None
    writer.cohort(verdicts, pairs)
    _add_decisions(out / "results.json", assignment, verdicts, machine, found)
    return ReportSummary(writer.index, run, len(verdicts), None if pairs is None else len(pairs))


def _add_decisions(
    path: Path,
    assignment: Assignment,
    verdicts: Sequence[Verdict],
    machine: Sequence[Verdict],
    found: Mapping[str, Mapping[str, Decision]],
) -> None:
    """Put beside the final points of results.json what they were made of, where a teacher decided something."""
    from torchgrade.feedback import results_document, results_json
    from torchgrade.feedback.files import write_whole

    if not found:
        return
    document = results_document(assignment, verdicts)
    beside = {v.student: decided(v, found.get(v.student, {})) for v in machine}
    for submission in document["submissions"]:
        submission.update(beside.get(submission["student"], {}))
    write_whole(path, results_json(document))


def with_hints(verdict: Verdict, hints: Mapping[tuple[str, str], Hint]) -> Verdict:
    """With hints that were written since: what is wrong is known, only the words were not."""
    results = tuple(
        dataclasses.replace(r, hint=_(entry.hint), mistake=entry.key)
        if (entry := hints.get((r.id, r.fingerprint)))
        else r
        for r in verdict.criteria
    )
    return dataclasses.replace(verdict, criteria=results)


def _groups(roster: Path | None) -> dict[str, str]:
    if roster is None:
        return {}
    return {student: fields.get(GROUP, "") for student, fields in read_roster(roster).fields.items()}


def _similar(codes: Mapping[str, str], assignment: Assignment) -> list[Pair]:
    from torchgrade.feedback.similar import code_of, similar_pairs

    handout = code_of(read_trusted(assignment.handout)) if assignment.handout.is_file() else ""
    return similar_pairs(codes, handout)


@contextlib.contextmanager
def _telling(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = error.filename2 or error.filename or out
        raise UsageError(f"{place}: the reports cannot be written ({error.strerror})") from None
