"""Progress of a cohort: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console as RichConsole
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from torchgrade.feedback.terminal import clean
from torchgrade.feedback.words import count
from torchgrade.model import Assignment, Status, Verdict
from torchgrade.pipeline import Progress


class Console(RichConsole):
    """Goes on where nobody reads any more: `grade … | head` must not leave half of a cohort ungraded."""

    def on_broken_pipe(self) -> None:
        """From now on what is printed, by whomever, goes nowhere."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


class PlainProgress:
    """One line a verdict."""

    def __init__(self, console: Console) -> None:
        self.console, self.total, self.done = console, 0, 0

    def planned(self, total: int, known: int) -> None:
        self.total, self.done = total, known
        known_text = f", {known} with a verdict from before" if known else ""
        self.console.print(f"{count(total, 'submission')}{known_text}")

    def preparing(self, what: str) -> None:
        self.console.print(what, markup=False, soft_wrap=True)

    def started(self, student: str) -> None:
        """A line for each verdict is enough."""

    def finished(self, verdict: Verdict) -> None:
        self.done += 1
        self.console.print(f"[{self.done}/{self.total}] {verdict_line(verdict)}", markup=False, soft_wrap=True)


class Tally:
    """What has come of a run so far: how many of each status, and the fewest points."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.worst: Verdict | None = None

    def add(self, verdict: Verdict) -> None:
        """Count one verdict; an unreadable or broken one is no measure of the worst work."""
        self.statuses[str(verdict.status)] += 1
        judged = verdict.status not in (Status.UNREADABLE, Status.BROKEN)
        if judged and (self.worst is None or verdict.points < self.worst.points):
            self.worst = verdict

    def __str__(self) -> str:
        parts = [f"{many} {status}" for status, many in self.statuses.most_common()]
        if self.worst is not None:
            parts.append(f"fewest points: {self.worst.points:g} ({self.worst.student})")
        return clean(", ".join(parts)).replace("\n", " ")


class RateColumn(ProgressColumn):
    """Verdicts each second, or seconds for each verdict where that says more."""

    def render(self, task: Task) -> Text:
        """The rate of the last half minute."""
        speed = task.speed or 0.0
        return Text("" if not speed else f"{speed:.1f}/s" if speed >= 1 else f"{1 / speed:.0f} s each")


class LiveProgress:
    """A bar, below it what came so far and who is examined now; what is not simply graded is told above it."""

    def __init__(self, bar: Bar, title: str) -> None:
        self.bar, self.task = bar, bar.add_task(escape(title), total=None, now="warming up")
        self.running: list[str] = []
        self.tally = Tally()
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
            self.tally.add(verdict)
        self.bar.advance(self.task)
        if verdict.status != Status.GRADED:
            self.bar.console.print(verdict_line(verdict), markup=False, soft_wrap=True)
        self._show()

    def _show(self) -> None:
        with self.lock:
            names = ", ".join(self.running[:3])
            so_far = str(self.tally)
        now = "; ".join(part for part in (so_far, f"now {names}" if names else "") if part)
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
    with live_bar(console) as bar:
        yield LiveProgress(bar, assignment.title)


def live_bar(console: Console) -> Bar:
    """The bar with its columns."""
    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[now]}"),
        console=console,
    )
