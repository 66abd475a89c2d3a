"""Heavy notebooks: how much of the wall time is the student's own code, and whether data are held once.

    python -m benchmarks.heavy [--copies 4] [--jobs 2] [--assignment lenet5] [--variants]

Grades copies of the assignment's solution, each with a comment of its own, by the real pipeline under the
stopwatch of ``benchmarks.phases``; with `--variants` the right answers beside the graders instead, in turn. The
student's own code: the cells of the notebook, and the questions in which a grader lets it train; both in wall
time, as the examiner outside sees them. Meanwhile every mapping of the prepared data sets in every process is
looked at: each room should map them, and memory should hold them once.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import ROOT, about, all_parents, descendants, table
from benchmarks.phases import Profile, run_apart, told

PROMISED = 0.9
_EVERY = 0.5  # seconds between looks at all mappings


# --- the share -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Share:
    """Seconds of the student's own code in all slots together, beside what the slots had."""

    cells: float
    training: float
    other: float  # questions that do not train: the student's code too, but asked by us
    slots: float  # wall time of the whole command times the slots
    examined: float  # the same without warm-up and the end

    @classmethod
    def of(cls, profile: Profile) -> Share:
        """From a run under the stopwatch."""
        inside = profile.inside.values()
        return cls(
            sum(profile.cells.values()),
            sum(one.get("training", 0.0) for one in inside),
            sum(one.get("asking", 0.0) for one in inside),
            profile.wall * profile.jobs,
            profile.examined * profile.jobs,
        )

    @property
    def own(self) -> float:
        """The student's own code."""
        return self.cells + self.training


def write_copies(folder: Path, assignment: str, count: int, *, variants: bool = False) -> list[str]:
    """``count`` right hand-ins; what they are copies of."""
    from torchgrade.grading.answers import load_answers, read_trusted
    from torchgrade.notebook import dump
    from torchgrade.spec import load_assignment

    found = load_answers(ROOT / "graders" / assignment, "right") if variants else []
    right = [(answer.slug, answer.notebook) for answer in found]
    right = right or [("solution", read_trusted(load_assignment(ROOT, assignment).solution))]
    for number in range(count):
        _, notebook = right[number % len(right)]
        cells = [dict(cell) for cell in notebook["cells"]]
        first = next(cell for cell in cells if cell["cell_type"] == "code")
        first["source"] = f"# copy {number}\n{first['source']}"
        path = folder / f"student{number:03}.ipynb"
        path.write_text(dump({**notebook, "cells": cells}), encoding="utf-8")
    return [name for name, _ in right[:count]]


# --- who maps the data ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mapped:
    """How processes hold a set of files at one moment. KiB."""

    processes: int = 0
    rooms: int = 0  # of them, those in a process namespace of their own
    rss: int = 0
    pss: int = 0
    private_dirty: int = 0  # written to: a copy of one's own

    def __add__(self, other: Mapped) -> Mapped:
        """Of several processes together."""
        return Mapped(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


def mapped(smaps: str, inodes: set[int], *, room: bool = False) -> Mapped:
    """What one process holds of the files with these inodes, by its ``smaps``."""
    sizes = {"Rss": 0, "Pss": 0, "Private_Dirty": 0}
    is_ours = seen = False
    for line in smaps.splitlines():
        key, _, rest = line.partition(":")
        if " " in key:  # a mapping begins: addresses, rights, offset, device, inode, path
            fields = line.split(None, 5)
            is_ours = len(fields) > 4 and fields[4].isdigit() and int(fields[4]) in inodes
            seen = seen or is_ours
        elif is_ours and key in sizes:
            sizes[key] += int(rest.split()[0])
    return Mapped(int(seen), int(seen and room), sizes["Rss"], sizes["Pss"], sizes["Private_Dirty"])


def look(top: int, inodes: set[int]) -> Mapped:
    """What all processes below ``top`` hold of these files."""
    total, ours = Mapped(), os.readlink("/proc/self/ns/pid")
    for process in descendants(top, all_parents()):
        try:
            room = os.readlink(f"/proc/{process}/ns/pid") != ours
            total += mapped(Path(f"/proc/{process}/smaps").read_text(errors="replace"), inodes, room=room)
        except OSError:
            continue
    return total


def data_files() -> dict[int, int]:
    """Bytes of all prepared files of data sets, by inode."""
    found = (ROOT / ".torchgrade" / "data").glob("*/room/**/*")
    return {p.stat().st_ino: p.stat().st_size for p in found if p.is_file()}


class DataWatcher:
    """Looks at the mappings of a tree of processes now and then; keeps the look that saw most."""

    def __init__(self, inodes: Iterable[int]) -> None:
        self.inodes, self.most, self.over = set(inodes), Mapped(), threading.Event()
        self.thread = threading.Thread(target=lambda: None)

    def __call__(self, top: int) -> None:
        """Begin, in the background."""
        self.thread = threading.Thread(target=self._watch, args=(top,), daemon=True)
        self.thread.start()

    def _watch(self, top: int) -> None:
        while not self.over.wait(_EVERY):
            self.most = max(self.most, look(top, self.inodes), key=lambda m: (m.rooms, m.processes, m.rss))

    def end(self) -> Mapped:
        """The look that saw most."""
        self.over.set()
        self.thread.join()
        return self.most


# --- words ---------------------------------------------------------------------------------------------------


def told_share(share: Share) -> str:
    """The share as a table and a verdict on the promise."""
    lines = [
        ("cells of the notebooks", share.cells),
        ("questions that train", share.training),
        ("the student's own code", share.own),
        ("other questions", share.other),
    ]
    rows = [(name, f"{s:.1f} s", f"{s / share.slots:.1%}", f"{s / share.examined:.1%}") for name, s in lines]
    kept = "kept" if share.own / share.slots >= PROMISED else "NOT kept"
    return "\n".join(
        (
            table(("in all slots together", "time", "of wall x slots", "without warm-up and end"), rows),
            f"own code is {share.own / share.slots:.1%} of wall x slots; promised {PROMISED:.0%}: {kept}",
        )
    )


def told_data(most: Mapped, size_kb: int, jobs: int) -> str:
    """How the data sets were held, in words. ``size_kb``: of all prepared files."""
    once = most.pss <= size_kb and most.private_dirty == 0
    held = (
        f"{most.processes} processes map {most.rss >> 10} MB of the prepared files, which memory holds once as "
        f"{most.pss >> 10} MB"
        if once
        else f"{most.processes} processes map the prepared files, and hold {most.private_dirty >> 10} MB of copies"
    )
    if most.rooms >= jobs:
        return f"data sets: {held}; {most.rooms} of them are rooms"
    rooms = "no room does" if not most.rooms else f"{most.rooms} of them are rooms"
    return f"data sets: {held}; but {rooms}: notebooks read them into memory of their own"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--assignment", default="lenet5")
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--variants", action="store_true", help="the right answers beside the graders, in turn")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep the seconds of each examination, as JSON")
    options = parser.parse_args()
    print(about("torch", "torchvision"))
    with tempfile.TemporaryDirectory() as place:
        used = write_copies(Path(place), options.assignment, options.copies, variants=options.variants)
        print(f"{options.assignment}: {options.copies} hand-ins ({', '.join(used)}), {options.jobs} at a time")
        files = data_files()
        watcher = DataWatcher(files)
        profile = run_apart(options.assignment, Path(place), options.jobs, watcher)
        most = watcher.end()
    lost = {student: share for student, share in profile.points.items() if share < 1}
    assert not lost, f"right answers lost points: {lost}"
    print(told_share(Share.of(profile)))
    print(told_data(most, sum(files.values()) >> 10, options.jobs))
    print(f"\n{told(profile)}")
    if options.save:
        options.save.write_text(json.dumps([round(one["all"], 3) for one in profile.inside.values()]) + "\n")


if __name__ == "__main__":
    main()
