"""What a submission costs beside its examination, from ten submissions to ten thousand.

    python -m benchmarks.cohort [--sizes 10,100,1000] [--full] [--profile 1000]

The real pipeline (intake, keys, gradebook, a page for each student, the cohort's report) with an instant examiner
in place of the warm one: it answers at once, with a verdict as long as softmax's. Each size is graded in a process
of its own, which tells its largest memory, and then again with nothing changed, in another one. `--full` adds
10 000 (minutes). `--profile N` prints where the time of a cohort of N goes, first and again (cProfile of the
harness).

What every run costs once (imports, reading the course) is measured on a single submission and taken away in the
column “beyond”: that is the one to be flat. Processor time tells the same on a busy machine.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import io
import json
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.light import write_cohort
from benchmarks.measuring import ROOT, about, table

LIMIT_MS = 5.0  # of a submission in a run in which nothing has changed
_LISTED = 25
_STARTS = 3
_SURE = 100  # in fewer submissions, a tenth of a second of the start is a millisecond of each


# --- an examiner that takes no time --------------------------------------------------------------------------


class InstantExaminer:
    """Implements ``torchgrade.grading.warm.Examiner``; its verdicts are as long as real ones."""

    def __init__(self, setup: Any) -> None:
        from torchgrade.spec import load_course

        self.assignment = load_course(Path(setup.course), only=setup.assignment).assignment(setup.assignment)

    def wait_ready(self) -> None:
        """At once."""

    def close(self) -> None:
        """Nothing was started."""

    def examine(self, job: dict[str, Any], seconds: float) -> Any:
        """A verdict in which every third criterion is failed, with what a report then shows."""
        from torchgrade.model import CellReport, Status, Verdict

        results = tuple(self._result(c, n) for n, c in enumerate(self.assignment.criteria))
        notebook = _executed(job["notebook"])
        return Verdict(
            student=job["student"], assignment=job["assignment"], status=Status.GRADED,
            points=sum(r.points for r in results if not r.bonus), max_points=self.assignment.max_points,
            bonus=sum(r.points for r in results if r.bonus), criteria=results,
            cells=tuple(CellReport(n, "ok", 0.01) for n in range(len(notebook["cells"]))),
            notes=tuple(job["notes"]), seconds=0.1, peak_memory_mb=300.0, device=job["device"],
            sandbox=job["tier"], attempt=job["attempt"], seed=job["seed"], digests=job["digests"],
            versions=job["versions"], limits=self.assignment.limits, notebook=notebook,
        )  # fmt: skip

    def _result(self, criterion: Any, number: int) -> Any:
        from torchgrade.model import CriterionResult, Evidence, Outcome

        right = CriterionResult(
            criterion.id, criterion.title, Outcome.PASSED, criterion.points, criterion.points, criterion.bonus,
            criterion.visibility, seconds=0.01,
        )  # fmt: skip
        if number % 3:
            return right
        rows = tuple(tuple(f"{r + c / 10:.4f}" for c in range(8)) for r in range(4))
        evidence = Evidence("what came back", (64, 10), "float32", rows, cut=True)
        said = "Row 3 of softmax(x) sums to 1.7, but every row should sum to 1."
        return replace(
            right, outcome=Outcome.FAILED, points=0.0, message=said, hint="Look at the dimension of the sum.",
            evidence=(evidence,), detail="AssertionError\n" * 20,
        )  # fmt: skip


def _executed(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with a line printed by every cell."""
    printed = {"output_type": "stream", "name": "stdout", "text": "torch.Size([64, 10])\n"}
    cells = [{**c, "execution_count": n, "outputs": [printed]} for n, c in enumerate(notebook["cells"], 1)]
    return {**notebook, "cells": cells}


@contextlib.contextmanager
def instant_examiner() -> Iterator[None]:
    """The pipeline's seam, ``torchgrade.grading.warm.start``, gives instant examiners."""
    from torchgrade.grading import warm

    kept, warm.start = warm.start, InstantExaminer
    try:
        yield
    finally:
        warm.start = kept


class Quiet:
    """Implements ``torchgrade.pipeline.Progress``, and says nothing."""

    def planned(self, total: int, known: int) -> None:
        """So many."""

    def preparing(self, what: str) -> None:
        """Before the first."""

    def started(self, student: str) -> None:
        """One begins."""

    def finished(self, verdict: Any) -> None:
        """One is done."""


# --- one run, in a process of its own ------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """Of one run: wall and processor seconds, imports included; the process's largest memory in MiB; verdicts."""

    seconds: float
    cpu_seconds: float
    memory_mb: float
    verdicts: int
    known: int


def grade_here(folder: Path, out: Path, jobs: int = 2) -> Cost:
    """Grade a cohort of softmax in this process, by the instant examiner."""
    begin = time.perf_counter()
    from torchgrade.pipeline import GradeOptions, grade
    from torchgrade.spec import load_course

    course = load_course(ROOT, only="softmax")
    assignment = course.assignment("softmax")
    with instant_examiner():
        summary = grade(course, assignment, folder, out, GradeOptions(jobs=jobs), Quiet())
    seconds = time.perf_counter() - begin
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime
    return Cost(seconds, cpu, used.ru_maxrss / 1024, len(summary.verdicts), summary.known)


def grade_apart(folder: Path, out: Path) -> Cost:
    """The same in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.cohort", "--one", str(folder), str(out)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def profile(folder: Path, out: Path) -> str:
    """Where the harness's main thread spends its time, in a fresh process, the dearest functions first."""
    command = [sys.executable, "-m", "benchmarks.cohort", "--one", str(folder), str(out), "--profiled"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def _one(folder: Path, out: Path, profiled: bool) -> None:
    if not profiled:
        print(json.dumps(vars(grade_here(folder, out))))
        return
    profiler = cProfile.Profile()
    cost = profiler.runcall(grade_here, folder, out)
    said = io.StringIO()
    pstats.Stats(profiler, stream=said).sort_stats("cumulative").print_stats(r"torchgrade|sqlite|fsync", _LISTED)
    print(f"{cost.verdicts} verdicts, {cost.known} of them known before\n{said.getvalue()}")


# --- sizes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Each:
    """Milliseconds of one submission: all in all, and beyond a run with but one (wall, processor)."""

    whole: float
    wall: float
    cpu: float

    @classmethod
    def of(cls, cost: Cost, start: Cost, count: int) -> Each:
        """``start``: the cost of a run with one submission."""
        more = max(1, count - 1)
        return cls(
            1000 * cost.seconds / count,
            1000 * (cost.seconds - start.seconds) / more,
            1000 * (cost.cpu_seconds - start.cpu_seconds) / more,
        )

    def cells(self) -> list[str]:
        """For a table."""
        return [f"{self.whole:.1f}", f"{self.wall:.2f}", f"{self.cpu:.2f}"]


def measure(count: int) -> tuple[Cost, Cost]:
    """A cohort of ``count`` for the first time, and once more. Raises AssertionError where it was not so."""
    with tempfile.TemporaryDirectory() as place:
        folder, out = Path(place, "cohort"), Path(place, "out")
        folder.mkdir()
        write_cohort(folder, count)
        first = grade_apart(folder, out)
        assert (first.verdicts, first.known) == (count, 0), f"not a first run: {first}"
        assert sum(1 for _ in (out / "students").iterdir()) == count, "a page is missing"
        second = grade_apart(folder, out)
        assert (second.verdicts, second.known) == (count, count), (
            f"{second}: has the engine been edited meanwhile?"
        )
        return first, second


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--sizes", default="10,100,1000", help="numbers with commas between")
    parser.add_argument("--full", action="store_true", help="10 000 as well (minutes)")
    parser.add_argument("--profile", type=int, default=0, metavar="N", help="profile a cohort of N; no table")
    parser.add_argument("--one", nargs=2, metavar=("FOLDER", "OUT"), help=argparse.SUPPRESS)
    parser.add_argument("--profiled", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        _one(Path(options.one[0]), Path(options.one[1]), options.profiled)
        return
    if options.profile:
        with tempfile.TemporaryDirectory() as place:
            folder, out = Path(place, "cohort"), Path(place, "out")
            folder.mkdir()
            write_cohort(folder, options.profile)
            for which in ("first", "again"):
                print(f"--- {which}\n{profile(folder, out)}")
        return
    print(about("torch", "sqlalchemy", "jinja2"))
    sizes = [int(size) for size in options.sizes.split(",")] + ([10_000] if options.full else [])
    report(sizes)


def report(sizes: list[int]) -> None:
    """A line for each size as it is known, and what became of the promises."""
    measure(1)  # does not count: fills the disk cache
    starts = [measure(1) for _ in range(_STARTS)]
    first_start, again_start = (min(column, key=lambda c: c.seconds) for column in zip(*starts, strict=True))
    print(f"a run with one submission: {first_start.seconds:.2f} s, again {again_start.seconds:.2f} s")
    rows, firsts, agains = [], [], []
    for count in sizes:
        first, again = measure(count)
        print(f"  {count} graded in {first.seconds:.1f} s, again in {again.seconds:.1f} s", flush=True)
        firsts.append(Each.of(first, first_start, count))
        agains.append(Each.of(again, again_start, count))
        memory = f"{max(first.memory_mb, again.memory_mb):.0f} MB"
        rows.append([str(count), *firsts[-1].cells(), *agains[-1].cells(), memory])
    head = ["submissions", "ms each", "beyond", "CPU", "again, ms each", "beyond", "CPU", "memory"]
    print(table(head, rows))
    print("beyond: beyond a run with one submission, wall time; CPU: the same in processor time of the harness")
    sure = [n for n, count in enumerate(sizes) if count >= _SURE] or range(len(sizes))
    wall, cpu = ([getattr(firsts[n], name) for n in sure] for name in ("wall", "cpu"))
    print(
        f"from {sizes[sure[0]]} on, the dearest size costs {max(wall) / min(wall):.2f} times the cheapest "
        f"(in processor time {max(cpu) / min(cpu):.2f} times)"
    )
    dearest = max((agains[n] for n in sure), key=lambda each: each.wall)
    said = "under" if dearest.wall < LIMIT_MS else "NOT under"
    print(
        f"a submission with nothing changed: {dearest.wall:.2f} ms, {said} {LIMIT_MS:g} ms "
        f"({dearest.cpu:.2f} ms of processor time)"
    )


if __name__ == "__main__":
    main()
