"""Where the time of a cohort goes: the real pipeline with a stopwatch over its parts.

    python -m benchmarks.phases [ASSIGNMENT FOLDER] [--notebooks 48] [--jobs 2]

Without a folder: the light cohort of ``benchmarks.light``. The times of rooms are means over the notebooks, and
exclude each other; what the harness does itself (records, pages) goes on beside them, on the same processors.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.light import write_cohort
from benchmarks.measuring import ROOT, about, table
from benchmarks.spied import FILE, Stopwatch

_DEAREST = 4


@dataclass(frozen=True)
class Profile:
    """One run. Seconds of wall time; ``inside`` and ``cells`` by student, as the examiners measured them."""

    wall: float
    ready: float  # from the beginning until submissions could be examined
    examined: float  # from then until the last examination was over
    jobs: int
    harness: dict[str, float]
    inside: dict[str, dict[str, float]]
    cells: dict[str, float]  # of the notebook's own cells
    points: dict[str, float] = field(default_factory=dict)  # as shares
    criteria: dict[str, float] = field(default_factory=dict)  # mean seconds of each, in the room and outside

    def mean(self, phase: str) -> float:
        """Seconds of a phase in one notebook."""
        return sum(one.get(phase, 0.0) for one in self.inside.values()) / len(self.inside)

    @property
    def mean_cells(self) -> float:
        """Seconds of one notebook's cells."""
        return sum(self.cells.values()) / len(self.cells)


def of_one(profile: Profile) -> dict[str, float]:
    """Mean seconds of one notebook in its slot, by parts that exclude each other."""
    mean, count = profile.mean, len(profile.inside)
    answers = mean("asking") + mean("training")
    parts = {
        "the notebook's cells": profile.mean_cells,
        "messages around the cells": mean("notebook") - profile.mean_cells,
        "questions that train": mean("training"),
        "other questions": mean("asking"),
        "graders outside": mean("pytest") - (answers - mean("files")),  # files are handed out before, by asking
        "judging, known mistakes replayed": mean("examination") - mean("pytest"),
        "opening the room": mean("room opened"),
        "closing the room": mean("room closed"),
        "the verdict": mean("verdict"),
    }
    parts["the rest in the examiner"] = mean("all") - sum(parts.values())
    parts["fork and messages to the harness"] = profile.harness["examine"] / count - mean("all")
    return parts


# --- the run, in a process of its own ------------------------------------------------------------------------


def run_here(assignment_id: str, folder: Path, out: Path, jobs: int) -> Profile:
    """Grade with stopwatches. The clock begins before the first import of the engine."""
    begin = time.monotonic()
    watch, ends, ready = Stopwatch(), [0.0], [0.0]
    from torchgrade.grading import ahead

    os.environ[FILE] = str(out.with_suffix(".stopwatch"))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    ahead.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": _spied})  # type: ignore[attr-defined]
    begun = ahead.Ahead.begin()  # as the command does
    from torchgrade.grading import warm
    from torchgrade.pipeline import GradeOptions, grade, workers
    from torchgrade.spec import load_course

    def noting(moments: list[float], function: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            finally:
                moments.append(time.monotonic())

        return noted

    begin_warming = workers.WarmUp.begin

    def begin_and_fit(self: Any) -> None:
        begin_warming(self)
        _fit_harness(watch)  # imports half a second's worth, as the pipeline does meanwhile

    workers.WarmUp.begin = begin_and_fit
    workers._wait_ready = noting(ready, watch.over("waiting for the warm examiner", workers._wait_ready))
    warm.WarmExaminer.examine = noting(ends, watch.over("examine", warm.WarmExaminer.examine))
    course = load_course(ROOT, only=assignment_id)
    assignment = course.assignment(assignment_id)
    assert assignment is not None, f"there is no assignment {assignment_id}"
    summary = grade(course, assignment, folder, out, GradeOptions(jobs=jobs), _Quiet(), begun)
    wall = time.monotonic() - begin
    lines = [json.loads(line) for line in Path(os.environ[FILE]).read_text(encoding="utf-8").splitlines()]
    return Profile(
        wall,
        ready[-1] - begin,
        ends[-1] - ready[-1],
        jobs,
        dict(watch.seconds),
        {line.pop("student"): line for line in lines},
        {v.student: sum(c.seconds for c in v.cells) for v in summary.verdicts},
        {v.student: v.points / v.max_points for v in summary.verdicts if v.max_points},
        {c.id: statistics.mean(_seconds(summary.verdicts, c.id)) for c in assignment.criteria},
    )


def _seconds(verdicts: list[Any], criterion: str) -> list[float]:
    return [c.seconds for v in verdicts for c in v.criteria if c.id == criterion]


def _fit_harness(watch: Stopwatch) -> None:
    from torchgrade.feedback import FeedbackWriter
    from torchgrade.gradebook import Gradebook

    Gradebook.record = watch.over("records", Gradebook.record)
    FeedbackWriter.student = watch.over("pages", FeedbackWriter.student)
    FeedbackWriter.cohort = watch.over("the cohort's report", FeedbackWriter.cohort)


def _spied(command: list[str], **kwargs: Any) -> subprocess.Popen[bytes]:
    """The warm examiner is started with a stopwatch; all else as it is."""
    command = ["benchmarks.spied" if part == "torchgrade.grading.warmed" else part for part in command]
    assert "benchmarks.spied" in command, "the engine starts its warm examiner in another way now"
    kwargs["env"] = {**kwargs["env"], "PYTHONPATH": str(ROOT), FILE: os.environ[FILE]}
    return subprocess.Popen(command, **kwargs)


class _Quiet:
    def planned(self, total: int, known: int) -> None: ...
    def preparing(self, what: str) -> None: ...
    def started(self, student: str) -> None: ...
    def finished(self, verdict: Any) -> None: ...


def run_apart(
    assignment: str, folder: Path, jobs: int, while_running: Callable[[int], None] | None = None
) -> Profile:
    """The same in a fresh process; ``while_running`` is called with its id."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "benchmarks.phases", assignment, str(folder)]
        command += ["--jobs", str(jobs), "--here", str(Path(place, "out"))]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        if while_running:
            while_running(process.pid)
        said = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"the run under the stopwatch failed with exit code {process.returncode}")
    return Profile(**json.loads(said.splitlines()[-1]))


# --- words ---------------------------------------------------------------------------------------------------


def told(profile: Profile) -> str:
    """The profile as two tables."""
    count, harness = len(profile.inside), profile.harness
    rest = profile.wall - profile.ready - profile.examined
    whole = [
        ("until submissions can be examined (imports, course, warm-up)", profile.ready),
        ("  of which only waiting for the warm examiner", harness["waiting for the warm examiner"]),
        (f"examining {count} notebooks, {profile.jobs} at a time", profile.examined),
        ("last records, pages, the cohort's report, the end", rest),
        ("wall time", profile.wall),
    ]
    beside = [
        ("records in the gradebook", harness["records"]),
        ("students' pages", harness["pages"]),
        ("the cohort's report", harness["the cohort's report"]),
    ]
    parts = of_one(profile)
    slot = sum(parts.values())
    busy = slot * count / (profile.examined * profile.jobs) if profile.examined else 0.0
    lines = [(name, f"{1000 * s:.1f} ms", f"{s / slot:.0%}") for name, s in parts.items()]
    lines.append(("one notebook in its slot", f"{1000 * slot:.1f} ms", f"slots busy {busy:.0%}"))
    dearest = sorted(profile.criteria.items(), key=lambda item: -item[1])[:_DEAREST]
    named = ", ".join(f"{id} {1000 * s:.0f} ms" for id, s in dearest)
    return "\n".join(
        (
            table(
                ("the run", "seconds", "of all"), [(n, f"{s:.2f}", f"{s / profile.wall:.0%}") for n, s in whole]
            ),
            "",
            table(
                ("beside the slots, in the harness", "each"),
                [(n, f"{1000 * s / count:.1f} ms") for n, s in beside],
            ),
            "",
            table(("one notebook, on average", "time", "share"), lines),
            f"the dearest criteria, room and graders together: {named}",
        )
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("assignment", nargs="?", default="softmax")
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--notebooks", type=int, default=48)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--here", type=Path, metavar="OUT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(vars(run_here(options.assignment, options.folder, options.here, options.jobs))))
        return
    print(about("torch", "ipykernel", "pytest"))
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        if not options.folder:
            write_cohort(folder, options.notebooks)
        run_apart(options.assignment, folder, options.jobs)  # does not count: fills the disk cache
        print(told(run_apart(options.assignment, folder, options.jobs)))


if __name__ == "__main__":
    main()
