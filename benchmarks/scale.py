"""A year's exam on many GPUs, on paper: how long ten thousand submissions take, by a simulation of the queue.

    python -m benchmarks.scale [--submissions 10000] [--gpus 8] [--jobs 16,32,64] [--gradebook FILE]
    python -m benchmarks.scale --record lenet5 [--every 1]

The first simulates: slots on GPUs as the pipeline lays them out, submissions in the order in which they come,
times drawn from recorded ones, a harness that records verdicts one after another. Then it puts the simulation to
the proof: the real scheduler runs a few hundred submissions through an examiner that sleeps recorded times, scaled
down, and both tell how long that took. The second records: it grades the assignment's known answers, right and
wrong, and keeps the seconds of each verdict. docs/scale.md says what of this is measured and what is assumed.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cohort import Quiet
from benchmarks.measuring import ROOT, about, table

RECORDED = ROOT / "benchmarks" / "recorded"
#: An H100's, in MiB: room for 20 slots.
_GPU_MEMORY_MB = 81_559
_WINDOW = 2  # futures held for each slot, as pipeline/workers.py has it
_SEEDS = 5


# --- the simulation ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """Seconds from the first submission to the last record, and the share of the slots' time that was used."""

    makespan: float
    used: float


def simulate(durations: Sequence[float], slots: int, record: float = 0.0, window: int | None = None) -> Outcome:
    """The queue of ``pipeline.workers``: the first free slot takes the next submission.

    The harness hands out at most ``window`` at once (two for each slot), waits until some are done, and takes
    ``record`` seconds for each of these before it hands out more.
    """
    window = _WINDOW * slots if window is None else window
    free = [0.0] * slots
    held: list[float] = []  # when those handed out will be done
    now, handed = 0.0, 0
    while handed < len(durations) or held:
        while handed < len(durations) and len(held) < window:
            end = max(now, heapq.heappop(free)) + durations[handed]
            heapq.heappush(free, end)
            heapq.heappush(held, end)
            handed += 1
        now = max(now, held[0])
        done = 0
        while held and held[0] <= now:
            heapq.heappop(held)
            done += 1
        now += record * done
    return Outcome(now, sum(durations) / (now * slots) if now else 0.0)


def drawn(recorded: Sequence[float], count: int, seed: int) -> list[float]:
    """``count`` of the recorded seconds, with replacement."""
    return random.Random(seed).choices(recorded, k=count)


def layout(gpus: int, jobs: int) -> list[Any]:
    """The slots that the pipeline would make on so many GPUs of 80 GB."""
    from torchgrade.pipeline.gpus import Gpu, slots_on

    slots: list[Any] = slots_on([Gpu(n, f"GPU-{n}", "simulated", _GPU_MEMORY_MB) for n in range(gpus)], jobs)
    return slots


# --- the proof -----------------------------------------------------------------------------------------------


class SleepingExaminer:
    """Implements ``torchgrade.grading.warm.Examiner``: sleeps as long as the notebook's one cell says."""

    def __init__(self, setup: Any) -> None:
        self.setup = setup

    def wait_ready(self) -> None:
        """At once."""

    def close(self) -> None:
        """Nothing was started."""

    def examine(self, job: dict[str, Any], seconds: float) -> Any:
        """A verdict without criteria, after the time."""
        from torchgrade.model import Status, Verdict

        time.sleep(float(job["notebook"]["cells"][0]["source"]))
        return Verdict(job["student"], job["assignment"], Status.GRADED, 0.0, 0.0, 0.0, ())


def real_scheduler(durations: Sequence[float], gpus: int, jobs: int) -> float:
    """Seconds that ``pipeline.workers.verdicts`` takes for these, on slots of GPUs that are not there."""
    from torchgrade.grading import warm
    from torchgrade.model import Submission
    from torchgrade.pipeline import GradeOptions, workers
    from torchgrade.pipeline.gpus import Gpu
    from torchgrade.pipeline.machine import Place
    from torchgrade.pipeline.plan import Plan
    from torchgrade.spec import load_course

    course = load_course(ROOT, only="softmax")
    assignment = course.assignment("softmax")
    assert assignment is not None
    place = Place("cuda", tuple(Gpu(n, f"GPU-{n}", "simulated", _GPU_MEMORY_MB) for n in range(gpus)))
    plan = Plan.make(course, assignment, place, GradeOptions(jobs=jobs))
    todo = [
        (str(n), Submission(str(n), None, {"cells": [{"source": str(d)}]}, str(n)), 1)
        for n, d in enumerate(durations)
    ]
    kept, warm.start = warm.start, SleepingExaminer
    try:
        warm_up = workers.WarmUp(plan.setup)
        begin = time.perf_counter()
        count = sum(1 for _ in workers.verdicts(plan, todo, lambda _: None, warm_up))
        seconds = time.perf_counter() - begin
    finally:
        warm.start = kept
    assert count == len(durations), "the scheduler lost a submission"
    return seconds


def prove(recorded: Sequence[float], gpus: int, jobs: int, count: int, seconds: float) -> str:
    """Simulated and real makespan of the same submissions in the same order, as a sentence.

    The times are scaled down so that it takes about so many ``seconds``.
    """
    slots, order = len(layout(gpus, jobs)), drawn(recorded, count, seed=0)
    factor = min(1.0, seconds / simulate(order, slots).makespan)
    durations = [d * factor for d in order]
    real, simulated = real_scheduler(durations, gpus, jobs), simulate(durations, slots).makespan
    error = abs(simulated - real) / real
    return (
        f"the real scheduler on {count} submissions that sleep {factor:.2g} times the recorded seconds, {slots} "
        f"slots on {gpus} GPUs: {real:.2f} s, simulated {simulated:.2f} s, off by {error:.1%}"
    )


# --- recorded times ------------------------------------------------------------------------------------------


def from_gradebook(place: str, assignment: str) -> list[float]:
    """Seconds of the verdicts of the newest run over an assignment. Raises SystemExit where there is none."""
    from torchgrade.gradebook import Gradebook

    with Gradebook.open(place) as book:
        runs = [run.id for run in book.runs() if run.assignment == assignment]
        verdicts = book.verdicts(runs[-1], with_notebooks=False) if runs else []
    found = [v.seconds for v in verdicts if v.seconds > 0]
    if not found:
        raise SystemExit(f"{place} holds no verdict on {assignment}")
    return found


def record(assignment_id: str, every: int, jobs: int) -> Path:
    """Grade each ``every``-th of the assignment's known answers, and keep the seconds of the verdicts."""
    from torchgrade.grading.answers import load_answers
    from torchgrade.notebook import dump
    from torchgrade.pipeline import GradeOptions, grade
    from torchgrade.spec import load_course

    course = load_course(ROOT, only=assignment_id)
    assignment = course.assignment(assignment_id)
    if assignment is None:
        raise SystemExit(f"there is no assignment {assignment_id}")
    answers = [a for kind in ("right", "wrong") for a in load_answers(assignment.graders, kind)][::every]
    said = about("torch").splitlines()[0]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "cohort")
        folder.mkdir()
        for answer in answers:
            path = folder / f"{answer.path.parent.name}-{answer.slug}.ipynb"
            path.write_text(dump(answer.notebook), encoding="utf-8")
        summary = grade(course, assignment, folder, Path(place, "out"), GradeOptions(jobs=jobs), Quiet())
    assert not summary.broken, "some verdicts are broken"
    RECORDED.mkdir(exist_ok=True)
    out = RECORDED / f"{assignment_id}.json"
    seconds = sorted(round(v.seconds, 2) for v in summary.verdicts)
    kept = {"about": f"{len(seconds)} known answers, {jobs} at a time; {said}", "seconds": seconds}
    out.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return out


# --- the table -----------------------------------------------------------------------------------------------


def hours(seconds: float) -> str:
    """In the unit that a person would use."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def report(recorded: Sequence[float], options: argparse.Namespace) -> str:
    """Makespans for each number of jobs: lowest and highest of some drawings."""
    rows = []
    for jobs in (int(j) for j in options.jobs.split(",")):
        slots = len(layout(options.gpus, jobs))
        outcomes = [
            simulate(drawn(recorded, options.submissions, seed), slots, options.record_ms / 1000)
            for seed in range(_SEEDS)
        ]
        spans = [o.makespan for o in outcomes]
        rows.append(
            (
                str(jobs),
                str(slots),
                f"{hours(min(spans))} – {hours(max(spans))}",
                f"{statistics.mean(o.used for o in outcomes):.1%}",
            )
        )
    return table(("--jobs", "slots", f"{options.submissions} submissions", "slots used"), rows)


def main() -> None:
    """Simulate, put to the proof, print; or record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--submissions", type=int, default=10_000)
    parser.add_argument("--gpus", type=int, default=8)
    parser.add_argument("--jobs", default="8,16,32,64", help="numbers with commas between")
    parser.add_argument("--record-ms", type=float, default=10.0, help="the harness's own time for each verdict")
    parser.add_argument("--recorded", type=Path, default=RECORDED / "lenet5.json")
    parser.add_argument("--gradebook", default="", help="take the times of its verdicts instead")
    parser.add_argument("--assignment", default="lenet5", help="which verdicts of the gradebook")
    parser.add_argument("--proof-seconds", type=float, default=6.0, help="how long the proof may take, about")
    parser.add_argument("--proof", type=int, default=400, help="submissions in the proof")
    parser.add_argument("--record", default="", metavar="ID", help="record the times of an assignment's answers")
    parser.add_argument("--every", type=int, default=1, help="record every N-th answer", metavar="N")
    options = parser.parse_args()
    if options.record:
        print(f"kept in {record(options.record, options.every, 2)}")
        return
    if options.gradebook:
        recorded, source = from_gradebook(options.gradebook, options.assignment), options.gradebook
    else:
        said = json.loads(options.recorded.read_text(encoding="utf-8"))
        recorded, source = said["seconds"], said["about"]
    print(about("torch"))
    quartiles = statistics.quantiles(recorded, n=4)
    print(
        f"{len(recorded)} recorded times ({source}):\n{min(recorded):.1f} to {max(recorded):.1f} s, quartiles "
        f"{', '.join(f'{q:.1f}' for q in quartiles)}, mean {statistics.mean(recorded):.1f} s"
    )
    print(report(recorded, options))
    for jobs in options.jobs.split(",")[:2]:
        print(prove(recorded, options.gpus, int(jobs), options.proof, options.proof_seconds), flush=True)


if __name__ == "__main__":
    main()
