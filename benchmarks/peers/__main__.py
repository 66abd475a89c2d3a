"""torchgrade beside nbgrader, Otter-Grader, a loop of fresh kernels, and the limit: the same notebooks, one table.

    python -m benchmarks.peers [--cells few] [--peer-notebooks 6 | --all] [--repeats 3] [--only NAME …]

Installs each peer into an environment of its own (torch as in constraints.txt; once, some minutes and, where pip
finds a torch for CUDA, gigabytes), builds the same assignment in each peer's form, and times in turn, as often as
`--repeats` says: torchgrade on the whole cohort (warm-up, hidden graders, gradebook and reports included), the
limit on the whole cohort, and every peer on a sample of it, because they take seconds for each notebook. One
notebook of every cohort is wrong; unless every grader gives it less and all others everything, this fails.

All hand in the course's own notebook of softmax, filled in: it loads digits and draws one. The limit's warm
process has imported all that it imports, as our rooms have. With `--cells few` they hand in six cells that do
little more than import torch.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from benchmarks.light import KINDS, Kind, points_of, time_fresh_kernels, torchgrade_command, write_cohort
from benchmarks.measuring import ROOT, Memory, about, table, watching
from benchmarks.peers import environments, with_nbgrader, with_otter
from benchmarks.peers.checks import BONUS, FULL

WRONG = frozenset({1})  # the number of the wrong notebook
#: At least so many times faster than each peer; the limit at most so many times faster than us.
PROMISED = {"nbgrader": 25.0, "otter-grader": 35.0, "fresh kernels": 15.0}
PROMISED_LIMIT, PROMISED_MEMORY_MB = 6.0, 700.0
PEERS = tuple(PROMISED)


class Course(Protocol):
    """The assignment in a peer's form, in a folder of its own."""

    def hand_in(self, numbers: Iterable[int], wrong: frozenset[int]) -> None:
        """Put the notebooks of these students where the peer finds them."""
        ...

    def time(self) -> float:
        """Grade them all; seconds."""
        ...

    def points(self) -> dict[str, float]:
        """What the peer says everyone got."""
        ...


@dataclass
class Timed:
    """Seconds of one way to grade, a figure for each round; over ``count`` notebooks, or put down to as many."""

    name: str
    how: str
    count: int
    measured: int  # on so many notebooks
    seconds: list[float] = field(default_factory=list)

    def each(self) -> list[float]:
        """Seconds of one notebook, by round."""
        return [s / self.count for s in self.seconds]


def whole(seconds: float, measured: int, one: float, count: int) -> float:
    """Seconds of ``count`` notebooks by those of a sample and of a single one: a command starts once for all."""
    if measured >= count:
        return seconds
    each = (seconds - one) / (measured - 1) if measured > 1 else seconds
    return one + each * (count - 1)


def ratios(theirs: Timed, ours: Timed) -> list[float]:
    """How many times longer a notebook takes them, round by round."""
    return [b / a for a, b in zip(ours.each(), theirs.each(), strict=True)]


def check_points(who: str, points: dict[str, float], count: int, full: float, bonus: float = 0.0) -> None:
    """Raises AssertionError unless all got everything but the one with the wrong notebook, who lost some.

    ``bonus``: points that may come on top.
    """
    assert len(points) == count, f"{who} graded {len(points)} notebooks, not {count}"
    for student, got in points.items():
        if int(student.removeprefix("student")) in WRONG:
            assert got < full, f"{who} gave the wrong notebook of {student} {got:g} of {full:g}"
        else:
            assert full <= got <= full + bonus, f"{who} gave the right notebook of {student} {got:g} of {full:g}"


# --- ours and the limit --------------------------------------------------------------------------------------


def time_ours(cohort: Path, count: int, jobs: int) -> float:
    """Seconds of ``torchgrade grade``, checked."""
    with tempfile.TemporaryDirectory() as out:
        command = torchgrade_command(cohort, Path(out), jobs)
        begin = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begin
        check_points("torchgrade", points_of(Path(out)), count, 1.0)
        assert sum(1 for _ in Path(out, "students").iterdir()) == count, "torchgrade left a page out"
    return seconds


def memory_of_ours(cohort: Path, jobs: int) -> Memory:
    """The largest sum of proportional set sizes of harness, examiners, zygote and rooms; in a run of its own."""
    with tempfile.TemporaryDirectory() as out:
        command = torchgrade_command(cohort, Path(out), jobs)
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        with watching(process.pid) as memory:
            assert process.wait() == 0, "torchgrade failed under observation"
    return memory


def time_limit(cohort: Path, jobs: int, kind: Kind = KINDS["few"]) -> float:
    """Seconds of the cells alone."""
    command = [sys.executable, "-m", "benchmarks.peers.limit", str(cohort), str(jobs)]
    command += [*{str(file.parent) for file in kind.files}, *kind.imports]
    environment = {**os.environ, "MPLBACKEND": "agg"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)


# --- the peers -----------------------------------------------------------------------------------------------


def time_peer(make: Callable[[Path], Course], name: str, count: int, sample: int, *, starts_once: bool) -> float:
    """Seconds that the whole cohort would take, by a sample; graded and checked.

    ``starts_once``: by one command for the whole cohort, whose start a cohort of one tells.
    """
    if sample >= count or not starts_once:
        return _graded(make, name, sample) * count / sample
    return whole(_graded(make, name, sample), sample, _graded(make, name, 1), count)


def _graded(make: Callable[[Path], Course], name: str, size: int) -> float:
    with tempfile.TemporaryDirectory() as place:
        course = make(Path(place, "course"))
        course.hand_in(range(size), WRONG)
        seconds = course.time()
        check_points(name, course.points(), size, FULL, BONUS)
    return seconds


def peers(options: argparse.Namespace, paths: list[Path]) -> list[tuple[Timed, Callable[[], float]]]:
    """What is to be compared with, and how to time each once."""
    count, kind = options.notebooks, KINDS[options.cells]
    sample = count if options.all else min(count, options.peer_notebooks)
    found: list[tuple[Timed, Callable[[], float]]] = []
    forms: dict[str, Any] = {"nbgrader": with_nbgrader, "otter-grader": with_otter}
    for name in options.only:
        if name == "fresh kernels":
            how = "NotebookClient(…).execute() for each, grades nothing"
            timed = Timed(name, how, sample, sample)
            found.append((timed, lambda: time_fresh_kernels(paths[:sample])))
            continue
        programs, form = environments.prepare(name, options.cache), forms[name]
        title = f"{name} {environments.version(programs, name)}"
        print(f"{title}: {'; '.join(form.COMMANDS)}", flush=True)
        timed = Timed(name, title, count, sample)

        make = partial(form.Course, programs, kind=kind)
        once = partial(time_peer, make, name, count, sample, starts_once=form.STARTS_ONCE)
        found.append((timed, once))
    return found


# --- the table -----------------------------------------------------------------------------------------------


def report(ours: Timed, limit: Timed, others: list[Timed]) -> str:
    """The table and what became of the promises."""
    rows = []
    for timed in (ours, *others, limit):
        times = statistics.median(ratios(timed, ours))
        rows.append(
            (
                timed.name,
                str(timed.measured),
                f"{1000 * statistics.median(timed.each()):.0f} ms",
                f"{times:.1f}" if times >= 1 else f"1/{1 / times:.1f}",
                f"{1000 * min(timed.each()):.0f}–{1000 * max(timed.each()):.0f}",
            )
        )
    lines = [table(("", "measured on", "each (median)", "times ours", "lowest–highest"), rows)]
    for timed in others:
        reached = statistics.median(ratios(timed, ours))
        lines.append(_kept(f"{reached:.1f} times faster than {timed.name}", PROMISED[timed.name], reached))
    reached = 1 / statistics.median(ratios(limit, ours))
    kept = "kept" if reached <= PROMISED_LIMIT else "NOT kept"
    lines.append(f"{reached:.1f} times the limit; promised at most {PROMISED_LIMIT:g}: {kept}")
    return "\n".join(lines)


def _kept(what: str, promised: float, reached: float) -> str:
    return f"{what}; promised {promised:g}: {'kept' if reached >= promised else 'NOT kept'}"


def report_memory(memory: Memory, jobs: int) -> str:
    """The peak in words."""
    unread = f" (without {len(memory.unread)} processes that may not be looked at)" if memory.unread else ""
    kept = "kept" if memory.peak_mb < PROMISED_MEMORY_MB and not memory.unread else "NOT kept"
    parts = ", ".join(f"{kind} {size:.0f}" for kind, size in memory.parts.items())
    return (
        f"peak proportional memory with {jobs} jobs: {memory.peak_mb:.0f} MB in {memory.processes} processes"
        f"{unread}, {memory.samples} samples; promised under {PROMISED_MEMORY_MB:g} MB: {kept}"
        f"\nat that moment, in MB: {parts}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--notebooks", type=int, default=48, help="in the cohort of ours and of the limit")
    parser.add_argument("--peer-notebooks", type=int, default=6, help="of them, for each peer")
    parser.add_argument("--all", action="store_true", help="the whole cohort for each peer (many minutes)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--only", nargs="*", choices=PEERS, default=list(PEERS), help="these peers; none: ours alone"
    )
    parser.add_argument("--cells", choices=tuple(KINDS), default="own", help="what is handed in")
    parser.add_argument("--cache", type=Path, default=environments.CACHE, help="where peers are installed")
    options = parser.parse_args()
    print(about("torch", "nbclient", "ipykernel"))
    with tempfile.TemporaryDirectory() as place:
        kind = KINDS[options.cells]
        paths = write_cohort(Path(place), options.notebooks, WRONG, kind)
        count = len(paths)
        compared = peers(options, paths)
        ours = Timed("torchgrade", "", count, count)
        limit = Timed("the limit", "", count, count)
        time_ours(Path(place), count, options.jobs)  # does not count: fills the disk cache
        for number in range(1, options.repeats + 1):
            ours.seconds.append(time_ours(Path(place), count, options.jobs))
            limit.seconds.append(time_limit(Path(place), options.jobs, kind))
            for timed, once in compared:
                timed.seconds.append(once())
            print(f"round {number} of {options.repeats} is over", flush=True)
        memory = memory_of_ours(Path(place), options.jobs)
    others = [timed for timed, _ in compared]
    print(f"\n{count} notebooks; torchgrade grade softmax … --jobs {options.jobs}, everything included")
    if any(timed.measured < count for timed in others):
        print(f"peers on a sample: their time for {count} is put down from that of the sample and of one notebook")
    print(report(ours, limit, others))
    print(report_memory(memory, options.jobs))


if __name__ == "__main__":
    main()
