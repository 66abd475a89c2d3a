"""Progress of a cohort: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from torchgrade.cli.checks import clean
from torchgrade.model import Assignment, Status, Verdict
from torchgrade.pipeline import Progress


class PlainProgress:
    """One line a verdict."""

    def __init__(self, console: Console) -> None:
        self.console, self.total, self.done = console, 0, 0

    def planned(self, total: int, known: int) -> None:
        self.total, self.done = total, known
        known_text = f", {known} with a verdict from before" if known else ""
        self.console.print(f"{total} submissions{known_text}")

    def preparing(self, what: str) -> None:
        self.console.print(what, markup=False, soft_wrap=True)

    def started(self, student: str) -> None:
        """A line for each verdict is enough."""

    def finished(self, verdict: Verdict) -> None:
        self.done += 1
        self.console.print(f"[{self.done}/{self.total}] {verdict_line(verdict)}", markup=False, soft_wrap=True)


class LiveProgress:
    """A bar with who is being examined now; what is not simply graded is told above it."""

    def __init__(self, bar: Bar, title: str) -> None:
        self.bar, self.task = bar, bar.add_task(escape(title), total=None, now="warming up")
        self.running: list[str] = []
        self.lock = threading.Lock()

    def planned(self, total: int, known: int) -> None:
        self.bar.update(self.task, total=total, completed=known)

    def preparing(self, what: str) -> None:
        self.bar.update(self.task, now=escape(clean(what)))

    def started(self, student: str) -> None:
        with self.lock:
            self.running.append(student)
        self._show()

    def finished(self, verdict: Verdict) -> None:
        with self.lock:
            if verdict.student in self.running:
                self.running.remove(verdict.student)
        self.bar.advance(self.task)
        if verdict.status != Status.GRADED:
            self.bar.console.print(verdict_line(verdict), markup=False, soft_wrap=True)
        self._show()

    def _show(self) -> None:
        with self.lock:
            now = ", ".join(self.running[:3])
        self.bar.update(self.task, now=escape(clean(now)))


def verdict_line(verdict: Verdict) -> str:
    """One verdict in a line."""
    bonus = f" + {verdict.bonus:g} bonus" if verdict.bonus else ""
    status = "" if verdict.status == Status.GRADED else f"  {verdict.status}: {verdict.reason}"
    points = f"{verdict.points:g} of {verdict.max_points:g}{bonus}"
    return clean(f"{verdict.student}: {points} ({verdict.seconds:.1f} s){status}").replace("\n", " ")


@contextmanager
def live_progress(assignment: Assignment) -> Iterator[Progress]:
    """The right kind of progress for where the output goes."""
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        yield PlainProgress(console)
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[now]}"),
    )  # fmt: skip
    with Bar(*columns, console=console) as bar:
        yield LiveProgress(bar, assignment.title)
