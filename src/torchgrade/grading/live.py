"""An examination of a kernel that is running already: the student's own, which called ``torchgrade.check``.

The same graders and questions as for a notebook in a room. Nothing is sealed: the machine is the student's.
"""

from __future__ import annotations

import dataclasses
import math
import os
import socket
import time
from typing import Any, NoReturn

from torchgrade.grading.attempt import Attempt
from torchgrade.grading.desk import Desk
from torchgrade.grading.examiner import Job, results_of, verdict_of
from torchgrade.grading.judge import public_part
from torchgrade.i18n import _
from torchgrade.model import Limits, Tier, Verdict
from torchgrade.sandbox.probes import Questioner
from torchgrade.sandbox.room import Connection, Ended
from torchgrade.testing.outcomes import TimedOut
from torchgrade.wire import Frame

#: The kernel keeps the time of a question itself: while its student sits at a breakpoint, none passes.
_PATIENCE_SECONDS = 7 * 24 * 3600.0


def examine_live(desk: Desk, job: Job, stream: socket.socket) -> Verdict:
    """The verdict on the kernel at the other end of the stream. Call it inside ``desk.open``."""
    begin = time.monotonic()
    assignment = dataclasses.replace(desk.assignment, criteria=public_part(desk.assignment))
    attempt = LiveAttempt(stream, job.notebook, assignment.limits)
    verdict = verdict_of(assignment, job, attempt, results_of(desk, assignment, job, attempt))
    return dataclasses.replace(verdict, seconds=round(time.monotonic() - begin, 4), sandbox=str(Tier.NONE))


class LiveAttempt(Attempt):
    """The cells were run by the student's own hand; what is left are the questions."""

    def __init__(self, stream: socket.socket, notebook: dict[str, Any], limits: Limits) -> None:
        room = LiveRoom(stream)
        super().__init__(lambda: room, notebook, limits)
        self._room, self._questioner = room, LiveQuestioner(room, limits.probe_seconds)
        self._asking_left = self._training_left = math.inf
        self.tier = str(room.tier)

    def run(self) -> None:
        """It has run."""

    def close(self) -> None:
        """The kernel is its student's."""


class LiveRoom:
    """The kernel as far as a questioner is concerned; implements ``torchgrade.sandbox.room.Room``."""

    tier = Tier.NONE
    connection = Connection("", "", {}, "")

    def __init__(self, probes: socket.socket) -> None:
        self.probes = probes

    def fileno(self) -> int:
        return -1

    def poll(self) -> Ended | None:
        """It lives; once it does not, nothing is left to be done here."""
        return None

    def interrupt(self) -> None:
        """The kernel does that by its own clock."""

    def kill(self) -> None:
        """It is the student's."""

    def end(self) -> NoReturn:
        """The kernel has ended, or its student has stopped the check: nobody waits for a verdict."""
        os._exit(0)


class LiveQuestioner(Questioner):
    """Each question says how long it may take; the kernel stops what takes longer, and says so."""

    def ask(
        self, subject: str, op: str, fields: dict[str, Any], values: dict[str, Any], seconds: float | None = None
    ) -> Any:
        """As ``Questioner.ask``."""
        self._limit = self.seconds if seconds is None else seconds
        return super().ask(subject, op, {**fields, "seconds": self._limit}, values, _PATIENCE_SECONDS)

    def _read(self, subject: str, frame: Frame) -> Any:
        if frame.fields.get("kind") == "timed_out":
            said = _("`{subject}` did not answer within {seconds} s")
            raise TimedOut(said.format(subject=subject, seconds=f"{self._limit:g}"))
        return super()._read(subject, frame)
