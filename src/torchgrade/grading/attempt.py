"""One attempt in its rooms: the notebook is run, and a living room is kept ready for questions."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from torchgrade.errors import RoomError
from torchgrade.grading.retelling import retell
from torchgrade.i18n import _
from torchgrade.model import CellReport, Limits
from torchgrade.sandbox.probes import Questioner
from torchgrade.sandbox.room import Ended, Room
from torchgrade.sandbox.runner import BAD_MESSAGES, OUTPUT_LIMIT, TIME_LIMIT, KernelDied, Run, run_notebook
from torchgrade.testing.outcomes import Died, OutOfMemory, ProbeFailure, TimedOut

#: A notebook is run again without a cell that killed its kernel, this many times.
_RUNS_WITHOUT_KILLERS = 3
#: A room that a question ended is opened anew, this many times.
_REOPENINGS = 6
#: After so many questions that ran out of time or ended the process, a name is not asked again.
_FATAL_PER_NAME = 2

OpenRoom = Callable[[], Room]


class Attempt:
    """Runs one notebook and answers for it.

    ``notebook`` (nbformat 4, executed), ``cells``, ``peak_memory_mb`` and ``reason`` say how it went.
    """

    def __init__(
        self, open_room: OpenRoom, notebook: dict[str, Any], limits: Limits, files: tuple[Path, ...] = ()
    ) -> None:
        self._open_room, self._source, self.limits, self._files = open_room, notebook, limits, files
        self._questioner: Questioner | None = None
        self._room: Room | None = None
        self._killed: dict[int, CellReport] = {}
        self._reopened = 0
        self._fatal: dict[str, list[ProbeFailure]] = {}
        self._left = 2 * limits.notebook_seconds  # all runs of the notebook together
        self._asking_left = limits.asking_seconds
        self._training_left = limits.training_seconds
        self._dead: ProbeFailure | None = None
        self.notebook = notebook
        self.cells: list[CellReport] = []
        self.peak_memory_mb = 0.0
        self.out_of_memory = False
        self._ended_for: set[str] = set()
        self.outputs_cut = False
        self.questions = 0  # put so far
        self.tier = ""

    def run(self) -> None:
        """Run the notebook; where a cell kills the kernel, run again without it. Raises RoomError."""
        run = self._run_once()
        while run.died_in is not None and len(self._killed) < _RUNS_WITHOUT_KILLERS and self._left > 0:
            self._killed[run.died_in] = next(c for c in run.cells if c.index == run.died_in)
            run = self._run_once()
        self.notebook, self.outputs_cut = run.notebook, run.cut
        self.cells = [self._killed.get(c.index, c) for c in run.cells]
        if run.died_in is not None:
            self._dead = self._cause_of_death(run.died_in)

    def _run_once(self) -> Run:
        self._close_room()
        self._room = room = self._open_room()
        self.tier = str(room.tier)
        self._questioner = Questioner(room, self.limits.probe_seconds)
        self._hand_out_files(self._questioner)
        seconds = min(self.limits.notebook_seconds, self._left)
        begin = time.monotonic()
        try:
            run = run_notebook(room, self._source, self.limits, skip=self._killed.keys(), seconds=seconds)
        except KernelDied:  # none of the student's code has run
            raise RoomError("the notebook's Python process ended before the first cell") from None
        self._left -= time.monotonic() - begin
        if run.died_in is not None:
            self._note_end(room.end())
        return run

    def _hand_out_files(self, questioner: Questioner) -> None:
        for path in self._files:
            content = torch.from_numpy(np.frombuffer(path.read_bytes(), np.uint8).copy())
            questioner.ask(path.name, "file", {"name": path.name}, {"content": content})

    def _cause_of_death(self, index: int) -> ProbeFailure:
        kind = OutOfMemory if self.out_of_memory else Died
        said = _("the notebook ended its own Python process in cell {cell}, each time it was run")
        return kind(said.format(cell=index + 1))

    def ask(
        self, subject: str, op: str, fields: dict[str, Any], values: dict[str, Any], training: float | None = None
    ) -> Any:
        """Put one question to the submission. Raises one of ``torchgrade.testing.outcomes``.

        ``training`` is how many seconds it may take instead of the usual limit; it counts against the
        assignment's training time, not against the time for questions.
        """
        self.questions += 1
        fatal = self._fatal.setdefault(subject, [])
        if len(fatal) >= _FATAL_PER_NAME:
            raise type(fatal[-1])(_not_again(fatal[-1]).format(subject=subject))
        if (self._asking_left if training is None else self._training_left) <= 0:
            raise TimedOut(_("the time for this examination is used up"))
        begin = time.monotonic()
        try:
            seconds = None if training is None else min(training, self._training_left)
            questioner = self._living_questioner()
            try:
                return questioner.ask(subject, op, fields, values, seconds)
            except ProbeFailure as failure:
                retell(failure)
                if isinstance(failure, TimedOut) or questioner.closed is not None:
                    fatal.append(failure)
                raise
        finally:
            if training is None:
                self._asking_left -= time.monotonic() - begin
            else:
                self._training_left -= time.monotonic() - begin

    def _living_questioner(self) -> Questioner:
        """The room's questioner; a room that ended meanwhile is opened anew and the notebook run in it."""
        if self._dead is not None:
            raise self._dead
        if self._questioner is None or self._questioner.closed or (self._room and self._room.poll() is not None):
            if self._reopened >= _REOPENINGS or self._left <= 0:
                raise Died(_("the notebook's Python process ended too often to be asked again"))
            self._reopened += 1
            run = self._run_once()
            if run.died_in is not None:
                self._dead = self._cause_of_death(run.died_in)
                raise self._dead
        assert self._questioner is not None
        return self._questioner

    def handles_lost(self) -> int:
        """Changes when objects that a grader holds are gone, because the room was opened anew."""
        return self._reopened

    def close(self) -> None:
        """End the room; everything in it is gone when this returns."""
        self._close_room()

    def _close_room(self) -> None:
        if self._room is not None:
            self._note_end(self._room.end())
            self._room, self._questioner = None, None

    def _note_end(self, ended: Ended) -> None:
        self.peak_memory_mb = max(self.peak_memory_mb, ended.peak_memory_mb)
        self.out_of_memory = self.out_of_memory or ended.out_of_memory
        self._ended_for.add(ended.why)

    @property
    def limit_hit(self) -> str:
        """Which limit the notebook itself hit, in words; empty if none."""
        killed = [c for c in self.cells if c.status == "killed"]
        stopped = [c for c in self.cells if c.status == "interrupted"]
        if killed and "gpu memory" in self._ended_for:
            return _("the notebook needed more memory of the GPU than its share")
        if killed and "disk" in self._ended_for:
            said = _("the notebook wrote more than {size} MiB, or too many files")
            return said.format(size=self.limits.disk_mb)
        if self.out_of_memory and killed:
            return _("the notebook needed more than {size} MiB of memory").format(size=self.limits.memory_mb)
        if self._dead is not None:
            return str(self._dead)
        if flooded := [c for c in self.cells if c.error_name == OUTPUT_LIMIT]:
            said = _("cell {cell} put out far more than is kept, and was stopped")
            return said.format(cell=flooded[0].index + 1)
        if any(c.status == "skipped" for c in self.cells):
            said = _("the notebook ran longer than {seconds} s; what came later was not run")
            return said.format(seconds=f"{self.limits.notebook_seconds:g}")
        if stopped:
            return self._stopped(stopped[0])
        return self._killed_by(killed[0]) if killed else ""

    def _killed_by(self, cell: CellReport) -> str:
        """Why the notebook was run without this cell."""
        if cell.error_name == TIME_LIMIT:
            said = _(
                "cell {cell} ran longer than {seconds} s and could not be interrupted; "
                "the notebook was run without it"
            )
        elif cell.error_name == BAD_MESSAGES:
            said = _("cell {cell} upset the notebook's kernel; the notebook was run without it")
        else:
            said = _("cell {cell} ended the whole Python process; the notebook was run without it")
        return said.format(cell=cell.index + 1, seconds=f"{self.limits.cell_seconds:g}")

    def _stopped(self, cell: CellReport) -> str:
        """A cell has its own time, or what is left of the notebook's."""
        if cell.seconds < self.limits.cell_seconds:
            said = _("the notebook ran longer than {seconds} s; cell {cell} was interrupted")
            return said.format(seconds=f"{self.limits.notebook_seconds:g}", cell=cell.index + 1)
        said = _("cell {cell} ran longer than {seconds} s and was interrupted")
        return said.format(seconds=f"{self.limits.cell_seconds:g}", cell=cell.index + 1)


def _not_again(failure: ProbeFailure) -> str:
    if isinstance(failure, TimedOut):
        return _("`{subject}` did not answer in time before, so it is not asked again")
    if isinstance(failure, OutOfMemory):
        return _("`{subject}` needed more memory than there is before, so it is not asked again")
    return _("`{subject}` ended the whole Python process before, so it is not asked again")
