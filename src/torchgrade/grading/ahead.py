"""A warm process that is started before anything of a course is known: it imports torch in the meantime.

Importing this costs nothing much, so that a command can begin with it and read the course afterwards.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from torchgrade.sandbox.environment import clean_environment


class Ahead:
    """A process of ``grading.warmed`` that nobody has told what to examine yet, and our end of its socket."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self.process, self.control = process, control
        self.taken = False  # by an examiner, which then ends it

    @classmethod
    def begin(cls) -> Ahead:
        """Start it. Only where processes can fork safely."""
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "torchgrade.grading.warmed", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=clean_environment(),  # the parent of all rooms is forked from this process
            start_new_session=True,  # Ctrl-C is for the harness, which then closes this
        )
        theirs.close()
        return cls(process, ours)

    def kill(self) -> None:
        """End it and what it has forked, at once: nothing is examined yet."""
        self.control.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def examines_for_sure(out: Path, gradebook: str, scheduler: str, *, force: bool) -> bool:
    """Whether a run will certainly examine somebody here, so that it pays to begin before all is read."""
    first_time = not gradebook and not (out / "gradebook.sqlite").exists()
    return not scheduler and (first_time or force)


@contextlib.contextmanager
def begun(sure: bool) -> Iterator[Ahead | None]:
    """A process that has begun, where it is ``sure`` to be needed; ended where nobody has taken it after all."""
    ahead = Ahead.begin() if sure and sys.platform == "linux" else None
    try:
        yield ahead
    finally:
        if ahead is not None and not ahead.taken:
            ahead.kill()
