"""``grade``: files → intake → attempt → room → probes ⇄ graders → verdict → gradebook → feedback."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from torchgrade.data import PreparedData
from torchgrade.errors import BrokenError, RoomError, UsageError
from torchgrade.feedback import write_feedback
from torchgrade.grading import warm
from torchgrade.grading.answers import read_trusted
from torchgrade.intake import collect
from torchgrade.model import (
    Assignment,
    Course,
    CriterionResult,
    Outcome,
    Status,
    Submission,
    Tier,
    Verdict,
)
from torchgrade.pipeline import datasets, keys
from torchgrade.pipeline.variants import with_roster
from torchgrade.spec import check_graders

#: Memory that a worker should find free before another is started beside it.
_MEMORY_PER_JOB_MB = 1500
_TRIES = 2


@dataclass(frozen=True)
class GradeOptions:
    """What a teacher chose on the command line."""

    jobs: int = 0  # 0: as many as the machine can hold
    device: str = "auto"
    tier: Tier = Tier.FULL
    gradebook: str = ""  # a path or an SQLAlchemy URL; empty: gradebook.sqlite in the output folder
    roster: Path | None = None
    scheduler: str = ""
    force: bool = False


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
    """What came of a run."""

    index: Path
    verdicts: list[Verdict] = field(default_factory=list)
    known: int = 0
    seconds: float = 0.0

    @property
    def broken(self) -> list[Verdict]:
        """Verdicts that are our fault."""
        return [v for v in self.verdicts if v.status == Status.BROKEN]


def grade(
    course: Course, assignment: Assignment, source: Path, out: Path, options: GradeOptions, progress: Progress
) -> GradeSummary:
    """Grade a cohort. Raises UsageError, SpecError or RoomError before the first submission is touched."""
    begin = time.monotonic()
    check_graders(assignment)
    read_trusted(assignment.solution)
    _refuse_overlap(source, out)
    submissions = with_roster(collect(source), options.roster, assignment.variant)
    device = choose_device(options.device, assignment)
    with _gradebook(options, out) as book:
        prepared = datasets.prepare_for(course, assignment, keys.course_secret(course.root), progress.preparing)
        plan = _Plan(course, assignment, submissions, device, options, prepared)
        run_id = book.start_run(
            assignment.id, {"source": str(source), "tier": str(options.tier), "device": device}
        )
        known = {} if options.force else book.finished(assignment.id, plan.keys, with_notebooks=False)
        for key in known:
            book.attach(run_id, key)
        progress.planned(len(submissions), len(known))
        todo = [(key, s) for key, s in zip(plan.keys, submissions, strict=True) if key not in known]
        numbers = {
            k: book.attempt_number(s.student, assignment.id, s.digest) if s.digest else 1 for k, s in todo
        }  # nothing handed in is no attempt
        for key, verdict in _verdicts(plan, todo, numbers, progress):
            book.record(verdict, key, run_id, replace=options.force)
            progress.finished(verdict)
        book.end_run(run_id)
        verdicts = book.verdicts(run_id)
    try:
        index = write_feedback(course, assignment, verdicts, out, generated_at=datetime.now(UTC))
    except OSError as error:
        raise UsageError(
            f"{error.filename2 or error.filename or out}: the reports cannot be written ({error.strerror}); "
            "the verdicts are kept: run the command again"
        ) from None
    return GradeSummary(index, verdicts, len(known), time.monotonic() - begin)


def _refuse_overlap(source: Path, out: Path) -> None:
    """Reports among the submissions would be taken for somebody's submission in the next run."""
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise UsageError(f"{out}: lies among the submissions in {source}; choose another folder for the reports")


@contextmanager
def _gradebook(options: GradeOptions, out: Path) -> Iterator[Any]:
    from torchgrade.gradebook import Gradebook  # SQLAlchemy takes 0.3 s to import

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out}: the output folder cannot be made ({error.strerror})") from None
    with Gradebook.open(options.gradebook or out / "gradebook.sqlite") as book:
        yield book


def choose_device(wanted: str, assignment: Assignment) -> str:
    """``cpu`` or ``cuda``. Raises UsageError when a GPU is asked for and there is none."""
    there = Path("/dev/nvidia0").exists() or Path("/dev/nvidiactl").exists()
    if wanted == "cuda" and not there:
        raise UsageError("--device cuda: there is no NVIDIA GPU on this machine; try --device auto")
    if wanted == "auto":
        wanted = "cpu" if assignment.device == "cpu" else "cuda" if there else "cpu"
    return wanted


class _Plan:
    """One run: the course's side of every job."""

    def __init__(
        self,
        course: Course,
        assignment: Assignment,
        submissions: list[Submission],
        device: str,
        options: GradeOptions,
        prepared: PreparedData | None = None,
    ) -> None:
        self.prepared = prepared
        self.course, self.assignment, self.device, self.options = course, assignment, device, options
        self.secret = keys.course_secret(course.root)
        self.digests = {**keys.assignment_digests(assignment), **datasets.digests_of(prepared)}
        self.keys = [
            keys.verdict_key(assignment, s, self.digests, tier=options.tier, device=device, secret=self.secret)
            for s in submissions
        ]
        self.jobs = options.jobs or default_jobs()
        self.threads = max(1, processors() // self.jobs)

    @property
    def setup(self) -> warm.Setup:
        """What an examiner must know."""
        return warm.Setup(
            str(self.course.root),
            self.assignment.id,
            tier=self.options.tier,
            data=datasets.folder_of(self.prepared),
        )

    def notes(self, submission: Submission) -> tuple[str, ...]:
        """What a verdict must tell beside its criteria."""
        return (*submission.notes, *(self.prepared.notes if self.prepared else ()))

    def job(self, submission: Submission, attempt: int) -> dict[str, Any]:
        """One submission as an examiner wants it."""
        return {
            "student": submission.student,
            "assignment": self.assignment.id,
            "notebook": submission.notebook,
            "digest": submission.digest,
            "attempt": attempt,
            "seed": keys.attempt_seed(self.secret, self.assignment.id, submission),
            "tier": str(self.options.tier),
            "device": self.device,
            "threads": self.threads,
            "notes": list(self.notes(submission)),
            "fields": submission.fields,
            "digests": {**self.digests, "notebook": submission.digest},
            "versions": keys.versions(),
        }


def default_jobs() -> int:
    """As many submissions at once as there are processors, and memory for."""
    return max(1, min(processors(), available_mb() // _MEMORY_PER_JOB_MB))


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux: a batch system gives a job some of them
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_mb(meminfo: Path = Path("/proc/meminfo")) -> int:
    """MiB that programs can still have; what only caches files counts, since the system gives it up."""
    with contextlib.suppress(OSError, ValueError):
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) >> 10
    return _MEMORY_PER_JOB_MB


def _verdicts(
    plan: _Plan, todo: list[tuple[str, Submission]], numbers: dict[str, int], progress: Progress
) -> Iterator[tuple[str, Verdict]]:
    """Verdicts as they are reached; those on unreadable submissions first, since they cost nothing."""
    readable = []
    for key, submission in todo:
        if submission.notebook is None:
            yield key, unreadable(plan.assignment, submission, numbers[key], plan)
        else:
            readable.append((key, submission))
    if readable:
        yield from _examined(plan, readable, numbers, progress)


def _examined(
    plan: _Plan, todo: list[tuple[str, Submission]], numbers: dict[str, int], progress: Progress
) -> Iterator[tuple[str, Verdict]]:
    with _workers(plan) as (executor, examine):

        def one(key: str, submission: Submission) -> tuple[str, Verdict]:
            progress.started(submission.student)
            return key, _with_retry(examine, plan, submission, numbers[key])

        yield from _as_completed(executor, [(one, key, s) for key, s in todo], 2 * plan.jobs)


Examine = Callable[[dict[str, Any], float], Verdict]


@contextmanager
def _workers(plan: _Plan) -> Iterator[tuple[concurrent.futures.Executor, Examine]]:
    """The executor seam: local warm workers, or a dask cluster behind the same interface."""
    examiner: warm.Examiner
    if plan.options.scheduler:
        from torchgrade.pipeline.cluster import ClusterExaminer

        examiner = cluster = ClusterExaminer.connect(plan.options.scheduler, plan.setup, plan.digests)
        plan.jobs, plan.threads = plan.options.jobs or cluster.slots(), 1  # its processors count, not ours
    else:
        examiner = warm.start(plan.setup)
    executor = concurrent.futures.ThreadPoolExecutor(plan.jobs, thread_name_prefix="grade")
    try:
        _wait_ready(examiner, plan.options.tier)
        yield executor, examiner.examine
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        examiner.close()  # ends what is still examined, so that no thread waits for it
        executor.shutdown(wait=True)


def _wait_ready(examiner: warm.Examiner, tier: Tier) -> None:
    """Raises RoomError with what a teacher can do about it: a cohort is not graded in a weaker room unasked."""
    try:
        examiner.wait_ready()
    except RoomError as error:
        weaker = {Tier.FULL: "--sandbox landlock", Tier.LANDLOCK: "--sandbox none"}.get(tier)
        advice = f"; `torchgrade doctor` says why, {weaker} grades in a weaker room" if weaker else ""
        raise RoomError(f"{error}{advice}") from None


def _as_completed(
    executor: concurrent.futures.Executor, calls: Iterable[tuple[Any, ...]], window: int
) -> Iterator[tuple[str, Verdict]]:
    """Results as they come; only a window of futures is held, so that ten thousand submissions stay cheap."""
    waiting = iter(calls)
    running: set[concurrent.futures.Future[tuple[str, Verdict]]] = set()
    while True:
        for function, *arguments in waiting:
            running.add(executor.submit(function, *arguments))
            if len(running) >= window:
                break
        if not running:
            return
        done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
        for future in done:
            yield future.result()


def _with_retry(examine: Examine, plan: _Plan, submission: Submission, attempt: int) -> Verdict:
    """A broken verdict is our fault: it is tried again before anybody hears of it."""
    seconds = plan.assignment.limits.examination_seconds
    job = plan.job(submission, attempt)
    verdict = None
    for _ in range(_TRIES):
        try:
            verdict = examine(job, seconds)
        except (BrokenError, RoomError) as error:
            verdict = _broken(plan, submission, attempt, str(error))
        if verdict.status != Status.BROKEN:
            return verdict
    assert verdict is not None
    return verdict


def unreadable(assignment: Assignment, submission: Submission, attempt: int, plan: _Plan) -> Verdict:
    """The verdict on a submission in which there is no notebook to run."""
    return _without_examination(plan, submission, attempt, Status.UNREADABLE, Outcome.FAILED, submission.problem)


def _broken(plan: _Plan, submission: Submission, attempt: int, reason: str) -> Verdict:
    last = reason.strip().splitlines()[-1] if reason.strip() else "the engine failed"
    return _without_examination(plan, submission, attempt, Status.BROKEN, Outcome.BROKEN, last)


def _without_examination(
    plan: _Plan, submission: Submission, attempt: int, status: Status, outcome: Outcome, reason: str
) -> Verdict:
    said = "could not be examined; that is not the student's fault" if outcome == Outcome.BROKEN else reason
    results = tuple(
        CriterionResult(
            c.id, c.title, Outcome.MANUAL if c.manual else outcome, 0.0, c.points, c.bonus, c.visibility, said
        )
        for c in plan.assignment.criteria
    )
    return Verdict(
        student=submission.student,
        assignment=plan.assignment.id,
        status=status,
        points=0.0,
        max_points=0.0 if status == Status.BROKEN else plan.assignment.max_points,
        bonus=0.0,
        criteria=results,
        reason=reason,
        notes=plan.notes(submission),
        device=plan.device,
        sandbox=str(plan.options.tier),
        attempt=attempt,
        digests={**plan.digests, "notebook": submission.digest},
        versions=keys.versions(),
        limits=plan.assignment.limits,
    )
