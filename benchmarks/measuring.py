"""What the benchmarks share: the line about the machine, tables, and the memory of a tree of processes."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_BUSY = 1.0  # load average of one minute from which timings are not worth much


def about(*packages: str) -> str:
    """The machine, versions and the commit, in one line; and a warning where the machine is busy."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    load = os.getloadavg()[0]
    line = f"{platform.platform()}, {os.cpu_count()} cores, {versions}, commit {commit or 'unknown'}"
    busy = "\nOthers are at work on this machine: the times are too long, and only ratios mean something."
    return f"{line}, load {load:.1f}{busy if load >= _BUSY else ''}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns side by side: the first to the left, the others to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.rjust(width) if n else cell.ljust(width)
        for n, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *others])


# --- memory --------------------------------------------------------------------------------------------------


def descendants(top: int, parents: Mapping[int, int]) -> set[int]:
    """``top`` and all processes below it. ``parents`` tells each process's parent."""
    children: dict[int, list[int]] = {}
    for process, parent in parents.items():
        children.setdefault(parent, []).append(process)
    found, waiting = set(), [top]
    while waiting:
        process = waiting.pop()
        if process not in found:
            found.add(process)
            waiting += children.get(process, [])
    return found


def all_parents(proc: Path = Path("/proc")) -> dict[int, int]:
    """The parent of every process that can be seen."""
    out = {}
    for entry in proc.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The name in brackets may hold anything, brackets too: the fields begin behind the last one.
                out[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return out


def pss_kb(rollup: str) -> int:
    """The proportional set size in ``smaps_rollup``: a page that n processes share counts as 1/n."""
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


_KINDS = {"torchgrade.grading.warmed": "examiners", "torchgrade.sandbox.zygote": "rooms and their parent"}


def kind_of(command: str, name: str = "") -> str:
    """What a process of ours is, by its command line, which forks inherit, and the name that rooms go by."""
    if name.strip() == "torchgrade-room":
        return "rooms and their parent"
    return next((kind for module, kind in _KINDS.items() if module in command), "harness and others")


@dataclass
class Memory:
    """The most that a tree of processes held at one moment. MiB."""

    peak_mb: float = 0.0
    processes: int = 0  # at that moment
    samples: int = 0
    parts: dict[str, float] = field(default_factory=dict)  # MiB at that moment by kind of process
    unread: set[int] = field(default_factory=set)  # processes that may not be looked at: the peak is too low

    def look(self, top: int) -> None:
        """Take one sample of the tree below ``top``."""
        parts: Counter[str] = Counter()
        count = 0
        for process in descendants(top, all_parents()):
            try:
                size = pss_kb(Path(f"/proc/{process}/smaps_rollup").read_text())
                command = Path(f"/proc/{process}/cmdline").read_text(errors="replace")
                parts[kind_of(command, Path(f"/proc/{process}/comm").read_text(errors="replace"))] += size
            except PermissionError:
                self.unread.add(process)
            except OSError:  # it has ended meanwhile
                continue
            count += 1
        self.samples += 1
        if parts.total() / 1024 > self.peak_mb:
            self.peak_mb, self.processes = parts.total() / 1024, count
            self.parts = {kind: size / 1024 for kind, size in parts.most_common()}


@contextlib.contextmanager
def watching(top: int, every: float = 0.05) -> Iterator[Memory]:
    """Samples of the tree below ``top``, each ``every`` seconds, while the block runs."""
    memory, over = Memory(), threading.Event()

    def watch() -> None:
        while not over.wait(every):
            memory.look(top)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield memory
    finally:
        over.set()
        watcher.join()
