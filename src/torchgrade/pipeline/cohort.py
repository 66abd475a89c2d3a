"""``grade``: files → intake → attempt → room → probes ⇄ graders → verdict → gradebook → feedback."""

from __future__ import annotations

import contextlib
import difflib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from torchgrade.errors import UsageError
from torchgrade.grading.ahead import Ahead, examines_for_sure
from torchgrade.grading.answers import read_trusted
from torchgrade.intake import Choice, collect, moment
from torchgrade.intake.roster import read_roster
from torchgrade.model import Assignment, Course, Status, Submission, Verdict
from torchgrade.pipeline import datasets, keys, standing, workers
from torchgrade.pipeline.machine import choose_place
from torchgrade.pipeline.plan import GradeOptions, Plan, setup_for
from torchgrade.pipeline.reporting import GROUP, course_name
from torchgrade.pipeline.variants import with_roster
from torchgrade.spec import check_graders

if TYPE_CHECKING:
    from torchgrade.feedback import FeedbackWriter
    from torchgrade.gradebook import Decision
    from torchgrade.policy import Standing


class Progress(Protocol):
    """Hears how the work goes on."""

    def planned(self, total: int, known: int) -> None:
        """``total`` submissions, of which ``known`` have a verdict from before."""
        ...

    def preparing(self, what: str) -> None:
        """Something that takes a while before the first submission, as a sentence."""
        ...

    def started(self, student: str) -> None:
        """A submission is being examined."""
        ...

    def finished(self, verdict: Verdict) -> None:
        """A verdict is in the gradebook."""
        ...


@dataclass
class GradeSummary:
    """What came of a run. ``left_out``: how many submissions ``only`` passed over that have no verdict yet."""

    index: Path
    verdicts: list[Verdict] = field(default_factory=list)  # without their notebooks
    known: int = 0
    left_out: int = 0
    seconds: float = 0.0
    told: list[str] = field(default_factory=list)  # what a teacher should know of the hand-ins, a line each

    @property
    def broken(self) -> list[Verdict]:
        """Verdicts that are our fault."""
        return [v for v in self.verdicts if v.status == Status.BROKEN]


@dataclass(frozen=True)
class Planned:
    """What a run would do with one submission: nothing (``known``), or examine it, and why."""

    student: str
    known: bool
    why: str


def grade(
    course: Course,
    assignment: Assignment,
    source: Path,
    out: Path,
    options: GradeOptions,
    progress: Progress,
    ahead: Ahead | None = None,
) -> GradeSummary:
    """Grade a cohort. Raises UsageError, SpecError or RoomError before the first submission is touched.

    ``ahead``: a warm process that has begun already, where one will be needed; whoever began it ends it where this
    did not come to take it.
    """
    begin = time.monotonic()
    with contextlib.closing(_Cohort(course, assignment, source, out, options, progress, ahead=ahead)) as cohort:
        summary = cohort.grade()
        summary.told = cohort.told
    summary.seconds = time.monotonic() - begin
    return summary


def survey(
    course: Course, assignment: Assignment, source: Path, out: Path, options: GradeOptions, progress: Progress
) -> list[Planned]:
    """What ``grade`` would do; nothing is examined, no gradebook and no report is made. Raises as ``grade``."""
    cohort = _Cohort(course, assignment, source, out, options, progress, may_warm=False)
    for line in cohort.told:
        progress.preparing(line)
    place = options.gradebook or out / "gradebook.sqlite"
    if "://" not in str(place) and not Path(place).exists():
        return cohort.survey(None)
    with _gradebook(place) as book:
        return cohort.survey(book)


class _Cohort:
    """One run over one cohort: everything is read and checked before anything is examined."""

    def __init__(
        self,
        course: Course,
        assignment: Assignment,
        source: Path,
        out: Path,
        options: GradeOptions,
        progress: Progress,
        *,
        may_warm: bool = True,
        ahead: Ahead | None = None,
    ) -> None:
        self.course, self.assignment, self.source, self.out = course, assignment, source, out
        self.options, self.progress = options, progress
        self.told: list[str] = []
        check_graders(assignment)
        _refuse_overlap(source, out)
        choice = _choice(options)
        place = choose_place(options.device, assignment, options.gpus, elsewhere=bool(options.scheduler))
        if place.note:
            progress.preparing(place.note)
        secret = keys.course_secret(course.root)
        prepared = datasets.prepare_for(course, assignment, secret, progress.preparing)
        self.warm_up = workers.WarmUp(setup_for(course, assignment, options.tier, prepared), ahead)
        if may_warm and self._must_examine():
            self.warm_up.begin()
        try:
            read_trusted(assignment.solution)
            self.submissions = with_roster(self._collected(choice), options.roster, assignment.variant)
            self.rules = standing.rules_for(course, assignment, options.roster)
            self._check_names()
            self.plan = Plan.make(course, assignment, place, options, prepared)
            self.keys = [self.plan.key(s) for s in self.submissions]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End an examiner that warmed up and was not needed."""
        self.warm_up.drop()

    @property
    def _course_name(self) -> str:
        """What a gradebook of several courses and years knows this one by."""
        return course_name(self.course)

    def _must_examine(self) -> bool:
        options = self.options
        return examines_for_sure(self.out, options.gradebook, options.scheduler, force=options.force)

    def _collected(self, choice: Choice) -> list[Submission]:
        """What was handed in, under the names of the roster."""
        roster = read_roster(self.options.roster) if self.options.roster else None
        wanted = self.assignment.id
        return collect(self.source, roster=roster, wanted=wanted, choice=choice, tell=self.told.append)

    def _check_names(self) -> None:
        students = {s.student for s in self.submissions}
        for name in self.options.only:
            if name not in students:
                near = difflib.get_close_matches(name, students, 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise UsageError(f"--only {name}: nobody of this name handed anything in{hint}")

    # What to do

    def _known(self, book: Any) -> set[str]:
        """Keys of verdicts that need not be reached again."""
        statuses = book.statuses(self.assignment.id, self.keys)
        students = {key: s.student for key, s in zip(self.keys, self.submissions, strict=True)}
        return {key for key, status in statuses.items() if not self._again(students[key], status)}

    def _again(self, student: str, status: str) -> bool:
        """Whether a verdict is to be reached again though nothing has changed."""
        if not self._is_chosen(student):
            return False
        return self.options.force or (self.options.failed and status == Status.LIMIT)

    def _is_chosen(self, student: str) -> bool:
        return not self.options.only or student in self.options.only

    def survey(self, book: Any | None) -> list[Planned]:
        """For each submission what would be done."""
        known = self._known(book) if book else set()
        before = book.last_digests(self.assignment.id, course=self._course_name) if book else {}
        return [
            Planned(s.student, key in known, _why(s, self.plan.digests, before.get(s.student)))
            for key, s in zip(self.keys, self.submissions, strict=True)
            if key in known or self._is_chosen(s.student)
        ]

    # Doing it

    def grade(self) -> GradeSummary:
        """Examine, record and report."""
        self._make_out()
        with _gradebook(self.options.gradebook or self.out / "gradebook.sqlite") as book:
            settings = {
                "source": str(self.source),
                "tier": str(self.options.tier),
                "device": self.plan.place.device,
                standing.SETTING: self.rules.columns,
            }
            run_id = book.start_run(self.assignment.id, settings, course=self._course_name)
            known = self._known(book)
            book.attach(run_id, known)
            here = list(zip(self.keys, self.submissions, strict=True))
            todo = [(key, s) for key, s in here if key not in known and self._is_chosen(s.student)]
            left_out = sum(key not in known for key in self.keys) - len(todo)
            self.progress.planned(len(known) + len(todo), len(known))
            writer = self._writer([s for key, s in here if key in known] + [s for _, s in todo])
            self._examine(book, run_id, todo, writer)
            book.end_run(run_id)
            verdicts = self._report(book, run_id, known, writer)
        return GradeSummary(writer.index, verdicts, len(known), left_out)

    def _make_out(self) -> None:
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self.out}: the output folder cannot be made ({error.strerror})") from None

    def _writer(self, submissions: Sequence[Submission]) -> FeedbackWriter:
        from torchgrade.feedback import FeedbackWriter  # Jinja2 and Pygments: while the examiner warms up

        names = [s.student for s in submissions]
        with _telling_of_reports(self.out):
            return FeedbackWriter(
                self.course,
                self.assignment,
                self.out,
                names,
                groups={s.student: s.fields.get(GROUP, "") for s in submissions},
                generated_at=datetime.now(UTC),
            )

    def _examine(self, book: Any, run_id: str, todo: list[tuple[str, Submission]], writer: FeedbackWriter) -> None:
        handed_in = [(s.student, s.digest) for _, s in todo if s.digest]
        numbers = iter(book.attempt_numbers(self.assignment.id, handed_in, course=self._course_name))
        work = [(key, s, next(numbers) if s.digest else 1) for key, s in todo]  # nothing handed in is no attempt
        with _telling_of_reports(self.out):
            writer.forget(key for key, _ in todo)
        again = self.options.force or self.options.failed
        told = self.progress
        for key, verdict in workers.verdicts(self.plan, work, told.started, self.warm_up, told.preparing):
            book.record(verdict, key, run_id, replace=again)
            self.progress.finished(verdict)
            with _telling_of_reports(self.out):
                writer.student(key, verdict)

    def _report(self, book: Any, run_id: str, known: set[str], writer: FeedbackWriter) -> list[Verdict]:
        """Pages of verdicts from before where they are not there or tell of other points that count, and the
        cohort's; the run's verdicts."""
        verdicts: list[Verdict] = book.verdicts(run_id, with_notebooks=False)
        final = self._final(book, verdicts)
        counted = writer.standings = self._standings(book, run_id, final)
        here = {s.student: key for key, s in zip(self.keys, self.submissions, strict=True)}
        pages = {v.student: standing.page_key(here[v.student], counted[v.student]) for v in verdicts}
        with _telling_of_reports(self.out):
            for student, page in pages.items():
                if page == here[student] and page not in known:
                    continue  # written when the verdict was reached
                for verdict in () if writer.has(page) else self._found(book, here[student]):
                    writer.student(page, verdict)
            writer.cohort(final)
        return verdicts

    def _found(self, book: Any, key: str) -> list[Verdict]:
        """The verdict of this key with its notebook; none where it is broken."""
        return self._final(book, list(book.finished(self.assignment.id, [key]).values()))

    def _standings(self, book: Any, run_id: str, final: list[Verdict]) -> dict[str, Standing]:
        """What counts of the points; when everything was handed in is put down on the way."""
        course, options = self._course_name, self.options
        standing.keep_times(book, self.assignment, self.submissions, course=course, force=options.force)
        found = self._decisions(book)
        return standing.standings(book, run_id, self.assignment, self.rules, final, found, course=course)

    def _decisions(self, book: Any) -> dict[str, dict[str, Decision]]:
        from torchgrade.gradebook import Decisions

        return Decisions(book, self._course_name).of(self.assignment.id)

    def _final(self, book: Any, verdicts: list[Verdict]) -> list[Verdict]:
        """With what a teacher has decided since: grades are never the machine's alone again."""
        from torchgrade.pipeline.final import final_verdict

        found = self._decisions(book)
        return [final_verdict(v, found.get(v.student, {})) for v in verdicts]


@contextlib.contextmanager
def _telling_of_reports(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{error.filename2 or error.filename or out}: the reports cannot be written ({error.strerror}); "
            "the verdicts are kept: run the command again"
        ) from None


def _refuse_overlap(source: Path, out: Path) -> None:
    """Reports among the submissions would be taken for somebody's submission in the next run."""
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise UsageError(f"{out}: lies among the submissions in {source}; choose another folder for the reports")


def _choice(options: GradeOptions) -> Choice:
    """Which commit of git repositories counts. Raises UsageError."""
    if options.tag and options.until:
        raise UsageError("--tag and --until each choose a commit: give one of them")
    return Choice(options.tag, moment(options.until, "--until") if options.until else None)


@contextlib.contextmanager
def _gradebook(place: str | Path) -> Iterator[Any]:
    from torchgrade.gradebook import Gradebook  # SQLAlchemy takes 0.3 s to import

    with Gradebook.open(place) as book:
        yield book


_CHANGES = {
    "notebook": "another notebook",
    "spec": "the rubric has changed",
    "files": "files handed out have changed",
    "graders": "the graders have changed",
    "solution": "the solution has changed",
    "engine": "torchgrade has changed",
    "data": "the data sets have changed",
}


def _why(submission: Submission, digests: dict[str, str], before: dict[str, str] | None) -> str:
    """Why there is no verdict yet for this notebook by these graders, as far as an older verdict tells."""
    if submission.notebook is None:
        return submission.problem
    if before is None:
        return "no verdict yet"
    now = {**digests, "notebook": submission.digest}
    changed = [words for name, words in _CHANGES.items() if before.get(name) != now.get(name)]
    return ", ".join(changed) or "versions, limits, device, tier, roster or secret have changed, or it was broken"


def tally(planned: Sequence[Planned]) -> list[tuple[str, int]]:
    """Reasons to examine, the most frequent first."""
    return Counter(p.why for p in planned if not p.known).most_common()
