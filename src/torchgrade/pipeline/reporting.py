"""``report``: the pages and files of a past run again, from the gradebook. Nothing is graded."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchgrade.errors import UsageError
from torchgrade.grading.answers import read_trusted
from torchgrade.i18n import LANGUAGES, _, speaking
from torchgrade.intake.roster import read_roster
from torchgrade.model import Assignment, Course, Verdict
from torchgrade.pipeline.final import decided, final_verdict
from torchgrade.pipeline.standing import rules_of_run, standings
from torchgrade.spec import Hint, assignment_ids, catalogues, load_course, load_hints

if TYPE_CHECKING:
    from torchgrade.feedback.similar import Pair
    from torchgrade.gradebook import Decision, Gradebook, GradingRun
    from torchgrade.policy import Standing

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
    with Gradebook.open(place) as book, past_run(book, root, options) as past, _telling(out):
        return _write(book, past, out, options)


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


@dataclass(frozen=True)
class PastRun:
    """A run that was chosen from a gradebook, and all that turns its verdicts into what is told."""

    run: GradingRun
    course: Course  # speaks the language that was chosen
    assignment: Assignment
    machine: list[Verdict]  # as they were reached, without notebooks
    decisions: Mapping[str, Mapping[str, Decision]]
    verdicts: list[Verdict]  # as they are told
    standings: Mapping[str, Standing]  # what counts of the points, by student
    excused: frozenset[str]  # by the roster, those of whom there is no verdict included
    hints: Mapping[tuple[str, str], Hint]

    def told(self, verdict: Verdict) -> Verdict:
        """With the hints of now, and with what teachers decided."""
        return final_verdict(with_hints(verdict, self.hints), self.decisions.get(verdict.student, {}))


@contextlib.contextmanager
def past_run(book: Gradebook, root: Path, options: ReportOptions) -> Iterator[PastRun]:
    """The run that the options choose; its language is spoken inside. Raises UsageError, SpecError."""
    from torchgrade.gradebook import Decisions

    run = _choose(book, root, options)
    course = load_course(root, only=run.assignment)
    assignment = course.assignment(run.assignment)
    if assignment is None:
        raise UsageError(f"the course has no assignment {run.assignment!r}{_near(run.assignment, root)}")
    chosen = options.language or course.language
    chosen = chosen if chosen in LANGUAGES else LANGUAGES[0]
    course = dataclasses.replace(course, language=chosen)
    with speaking(chosen, catalogues(root, [assignment.id], chosen)):
        hints = load_hints(assignment)
        found = Decisions(book, course_name(course)).of(assignment.id)
        machine = book.verdicts(run.id, with_notebooks=False)
        told = [final_verdict(with_hints(v, hints), found.get(v.student, {})) for v in machine]
        rules = rules_of_run(course, assignment, run, options.roster)
        counted = standings(book, run.id, assignment, rules, told, found, course=course_name(course))
        excused = frozenset(name for name, excepted in rules.students.items() if excepted.excused)
        yield PastRun(run, course, assignment, machine, found, told, counted, excused, hints)


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


def _write(book: Gradebook, past: PastRun, out: Path, options: ReportOptions) -> ReportSummary:
    from torchgrade.feedback import FeedbackWriter  # Jinja2 and Pygments
    from torchgrade.feedback.similar import code_of

    run, verdicts = past.run, past.verdicts
    out.mkdir(parents=True, exist_ok=True)
    writer = FeedbackWriter(
        past.course,
        past.assignment,
        out,
        [v.student for v in verdicts],
        groups=_groups(options.roster),
        standings=past.standings,
        generated_at=datetime.now(UTC),
    )
    codes: dict[str, str] = {}
    for verdict in book.each_verdict(run.id):
        # The key is no verdict's: a later `grade` writes its own pages, by the hints of then.
        writer.student(f"report {run.id} {verdict.student}", past.told(verdict))
        if options.similar and verdict.notebook is not None:
            codes[verdict.student] = code_of(verdict.notebook)
    pairs = _similar(codes, past.assignment) if options.similar else None
    writer.cohort(verdicts, pairs)
    _add_decisions(out / "results.json", writer.document(verdicts), past)
    return ReportSummary(writer.index, run, len(verdicts), None if pairs is None else len(pairs))


def _add_decisions(path: Path, document: dict[str, Any], past: PastRun) -> None:
    """Put beside the final points of results.json what they were made of, where a teacher decided something."""
    from torchgrade.feedback import results_json
    from torchgrade.feedback.files import write_whole

    if not past.decisions:
        return
    beside = {v.student: decided(v, past.decisions.get(v.student, {})) for v in past.machine}
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
