"""Examinations side by side: the executor seam, retries, and verdicts as they come."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from torchgrade.errors import BrokenError, RoomError
from torchgrade.grading import warm
from torchgrade.grading.ahead import Ahead
from torchgrade.model import Status, Submission, Tier, Verdict
from torchgrade.pipeline import keys
from torchgrade.pipeline.datasets import Tell, silent
from torchgrade.pipeline.gpus import Slots
from torchgrade.pipeline.machine import on_slot
from torchgrade.pipeline.on_worker import Wanted
from torchgrade.pipeline.plan import Plan

_TRIES = 2

#: Examines one job, wherever a slot is free.
Examine = Callable[[dict[str, Any]], Verdict]
Todo = list[tuple[str, Submission, int]]  # key, submission, number of the attempt


class WarmUp:
    """An examiner that may begin to warm up before it is known whether it is needed."""

    def __init__(self, setup: warm.Setup, ahead: Ahead | None = None) -> None:
        self.setup = setup
        self._examiner: warm.Examiner | None = warm.start(setup, ahead) if ahead else None

    def begin(self) -> None:
        """Start warming up in the background."""
        if self._examiner is None:
            self._examiner = warm.start(self.setup)

    def take(self) -> warm.Examiner:
        """The examiner; whoever takes it closes it."""
        examiner, self._examiner = self._examiner, None
        return examiner or warm.start(self.setup)

    def drop(self) -> None:
        """End it where nobody has taken it."""
        if self._examiner is not None:
            self._examiner.close()
            self._examiner = None


class _Examiners(Protocol):
    """What examines, wherever it is."""

    def wait_ready(self) -> None:
        """Until the first job can be examined."""
        ...

    def close(self) -> None:
        """End all that was started."""
        ...


class Revived:
    """An examiner of this machine; one that has died (the system was out of memory, say) is started anew."""

    def __init__(self, warm_up: WarmUp) -> None:
        self._warm_up, self._lock = warm_up, threading.Lock()
        self._examiner, self._closed = warm_up.take(), False

    def wait_ready(self) -> None:
        """Raises RoomError or BrokenError."""
        self._examiner.wait_ready()

    def examine(self, job: dict[str, Any], seconds: float) -> Verdict:
        """The verdict on one job. Raises BrokenError; the next job then has a living examiner."""
        examiner = self._examiner
        try:
            return examiner.examine(job, seconds)
        except BrokenError:
            if not examiner.alive():
                self._replace(examiner)
            raise

    def close(self) -> None:
        """End it; nothing is started after this."""
        with self._lock:
            self._closed = True
            self._examiner.close()

    def _replace(self, dead: warm.Examiner) -> None:
        with self._lock:  # the first of its jobs to notice starts the next one
            if self._examiner is dead and not self._closed:
                dead.close()
                self._examiner = self._warm_up.take()


def verdicts(
    plan: Plan, todo: Todo, started: Callable[[str], None], warm_up: WarmUp, tell: Tell = silent
) -> Iterator[tuple[str, Verdict]]:
    """(key, verdict) as they are reached; those on unreadable submissions first, since they cost nothing.

    ``started`` hears each student's name, ``tell`` what a teacher should know of a cluster. Raises RoomError
    before the first examination where no room of this tier can be sealed, UsageError where a cluster cannot help.
    """
    readable: Todo = []
    for key, submission, attempt in todo:
        if submission.notebook is None:
            yield key, plan.unreadable(submission, attempt)
        else:
            readable.append((key, submission, attempt))
    if readable:
        yield from _examined(plan, readable, started, warm_up, tell)


def _examined(
    plan: Plan, todo: Todo, started: Callable[[str], None], warm_up: WarmUp, tell: Tell
) -> Iterator[tuple[str, Verdict]]:
    with _workers(plan, warm_up, tell) as (executor, jobs, examine):

        def one(key: str, submission: Submission, attempt: int) -> tuple[str, Verdict]:
            started(submission.student)
            return key, _with_retry(examine, plan, submission, attempt)

        yield from as_completed(executor, ((one, *item) for item in todo), 2 * jobs)


@contextmanager
def _workers(
    plan: Plan, warm_up: WarmUp, tell: Tell
) -> Iterator[tuple[concurrent.futures.Executor, int, Examine]]:
    """Local warm workers, or a dask cluster behind the same interface; how many submissions at once."""
    examiner: _Examiners
    seconds = plan.assignment.limits.examination_seconds
    if plan.options.scheduler:
        from torchgrade.pipeline.cluster import ClusterExaminer

        examiner = cluster = ClusterExaminer.connect(plan.options.scheduler, _wanted(plan), tell)
        jobs = plan.options.jobs or cluster.slots()  # its processors count, not ours

        def examine(job: dict[str, Any]) -> Verdict:
            return cluster.examine(job, seconds)
    else:
        local = examiner = Revived(warm_up)
        slots = Slots(plan.slots)
        jobs = slots.count

        def examine(job: dict[str, Any]) -> Verdict:
            with slots.lent() as slot:
                return local.examine({**job, **on_slot(slot, slots.count)}, seconds)

    executor = concurrent.futures.ThreadPoolExecutor(jobs, thread_name_prefix="grade")
    try:
        _wait_ready(examiner, plan.options.tier)
        yield executor, jobs, examine
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        examiner.close()  # ends what is still examined, so that no thread waits for it
        executor.shutdown(wait=True)


def _wanted(plan: Plan) -> Wanted:
    limits = dataclasses.asdict(plan.assignment.limits)
    return Wanted(plan.setup, plan.digests, limits, keys.versions(), gpu=plan.place.device == "cuda")


def _wait_ready(examiner: _Examiners, tier: Tier) -> None:
    """Raises RoomError with what a teacher can do about it: a cohort is not graded in a weaker room unasked."""
    try:
        examiner.wait_ready()
    except RoomError as error:
        weaker = {Tier.FULL: "--sandbox landlock", Tier.LANDLOCK: "--sandbox none"}.get(tier)
        advice = f"; `torchgrade doctor` says why, {weaker} grades in a weaker room" if weaker else ""
        raise RoomError(f"{error}{advice}") from None


def as_completed(
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
        for future in sorted(done, key=lambda one: one.exception() is not None):  # no verdict is lost to a fault
            yield future.result()


def _with_retry(examine: Examine, plan: Plan, submission: Submission, attempt: int) -> Verdict:
    """A broken verdict is our fault: it is tried again before anybody hears of it."""
    job = plan.job(submission, attempt)
    verdict = None
    for _ in range(_TRIES):
        try:
            verdict = examine(job)
        except (BrokenError, RoomError) as error:
            verdict = plan.broken(submission, attempt, str(error))
        if verdict.status != Status.BROKEN:
            return verdict
    assert verdict is not None
    return verdict
