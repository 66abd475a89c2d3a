"""The harness's handle on a warm examiner: a process (``grading.warmed``) that forks a child for each submission.

Where a process cannot fork safely (macOS, Windows), ``SpawnedExaminer`` runs one fresh process for each submission
instead.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any, Protocol

from torchgrade.errors import BrokenError, RoomError, TorchgradeError
from torchgrade.grading.ahead import Ahead
from torchgrade.grading.channel import receive, send
from torchgrade.model import Tier, Verdict, verdict_from_json
from torchgrade.sandbox.environment import HUGE_HEAP, library_caches

_READY_SECONDS = 180.0
#: Beyond all limits of a notebook and its examination, an examiner that says nothing is stuck.
STUCK_SECONDS = 60.0


@dataclass(frozen=True)
class Setup:
    """What an examiner prepares before the first submission."""

    course: str
    assignment: str
    tier: str = Tier.FULL
    public_only: bool = False
    plain: bool = False  # rooms are ordinary processes: a machine without a Linux sandbox
    data: str = ""  # the folder of the prepared data sets, where the assignment has any
    wanted: tuple[str, ...] = ()  # what rooms should have imported: words of ``sandbox.wanted``
    language: str = ""  # in which verdicts speak; empty: the course's


class Examiner(Protocol):
    """Examines submissions; safe to call from several threads."""

    def wait_ready(self) -> None:
        """Until submissions can be examined. Raises RoomError or BrokenError with what went wrong."""
        ...

    def examine(self, job: dict[str, Any], seconds: float) -> Verdict:
        """The verdict on one job. Raises BrokenError when the examiner itself failed."""
        ...

    def alive(self) -> bool:
        """Whether it can be asked again after it failed."""
        ...

    def close(self) -> None:
        """End it and everything that it started."""
        ...


def start(setup: Setup, ahead: Ahead | None = None) -> Examiner:
    """The best examiner for this machine; ``ahead``: a warm process that has begun."""
    return WarmExaminer.start(setup, ahead) if sys.platform == "linux" else SpawnedExaminer(setup)


class WarmExaminer:
    """Handle on the warm process."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket, assignment: str = "") -> None:
        self.process, self.control, self.assignment = process, control, assignment
        self._ready, self._lock = False, threading.Lock()

    @classmethod
    def start(cls, setup: Setup, ahead: Ahead | None = None) -> WarmExaminer:
        """Start warming up, or go on with what has begun; ``wait_ready`` waits for the end of it."""
        ahead = ahead or Ahead.begin()
        ahead.taken = True
        with contextlib.suppress(OSError):  # where it has died meanwhile, ``wait_ready`` tells
            send(ahead.control, {"flags": _flags(setup)})
            send(ahead.control, {"environment": _environment(), "setup": dataclasses.asdict(setup)})
        return cls(ahead.process, ahead.control, setup.assignment)

    def wait_ready(self) -> None:
        """Until submissions can be examined. Raises RoomError or BrokenError with what went wrong."""
        with self._lock:  # its answer comes once, whoever waits for it
            if self._ready:
                return
            answer = receive(self.control, _READY_SECONDS)
            if answer is None:
                raise BrokenError(f"the warm examiner did not start: {self._why_not()}")
            if answer.get("problem"):
                raise _fault(answer)
            self._ready = True

    def _why_not(self) -> str:
        """Where it said nothing: what it was doing, since the course's own code runs in it."""
        what = f"solution, graders and answers of {self.assignment!r}"
        try:
            code = self.process.wait(1)
        except subprocess.TimeoutExpired:
            return f"after {_READY_SECONDS:.0f} s it still ran {what}; does one of them never end?"
        return f"it ended with exit code {code} while it ran {what}; does one of them end the process?"

    def examine(self, job: dict[str, Any], seconds: float) -> Verdict:
        self.wait_ready()
        ours, theirs = socket.socketpair()
        try:
            with ours, theirs:
                socket.send_fds(self.control, [b"j"], [theirs.fileno()])
                theirs.close()
                return _verdict(_examined(ours, job, seconds))
        except OSError as error:
            raise BrokenError(f"the warm examiner is gone ({error.strerror})") from None

    def alive(self) -> bool:
        return self.process.poll() is None

    def close(self) -> None:
        self.control.close()
        if not self._ready:  # nothing is examined yet: no need to let it warm up first, nor its zygote
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class SpawnedExaminer:
    """One fresh process for each submission: slower, and works where there is no fork."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    def wait_ready(self) -> None:
        """Each submission starts its own process: there is nothing to wait for."""

    def examine(self, job: dict[str, Any], seconds: float) -> Verdict:
        request = json.dumps({"setup": dataclasses.asdict(self.setup), "job": job})
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "torchgrade.grading.warmed", "--once"],
                input=request.encode(),
                capture_output=True,
                env=_environment(),
                timeout=seconds + STUCK_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BrokenError("the examiner hung without a verdict") from None
        lines = done.stdout.splitlines()
        if done.returncode or not lines:
            raise BrokenError(f"the examiner failed: {done.stderr.decode(errors='replace')[-500:]}")
        return _verdict(json.loads(lines[-1]))

    def alive(self) -> bool:
        """Each submission has a process of its own."""
        return True

    def close(self) -> None:
        """Nothing is kept between submissions."""


def _examined(child: socket.socket, job: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What the forked examiner at the other end answers. Raises BrokenError, OSError."""
    started = receive(child, STUCK_SECONDS)
    if started is None:
        raise BrokenError("the examiner could not fork")
    send(child, job)
    answer = receive(child, seconds + STUCK_SECONDS)
    if answer is None:
        with contextlib.suppress(OSError):
            os.kill(started["pid"], signal.SIGKILL)
        raise BrokenError("the examiner ended or hung without a verdict")
    return answer


def _verdict(answer: dict[str, Any]) -> Verdict:
    if answer.get("problem"):
        raise _fault(answer)
    return verdict_from_json(answer["verdict"])


def _fault(answer: dict[str, Any]) -> TorchgradeError:
    return (RoomError if answer.get("kind") == "RoomError" else BrokenError)(str(answer["problem"]))


def _environment() -> dict[str, str]:
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # Only the harness needs the course's secret; a plain kernel would inherit it.
    kept = {name: value for name, value in os.environ.items() if name != "TORCHGRADE_SECRET"}
    return {
        **kept,
        **one_thread,
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",  # a solution that shows a plot must not open a window and wait
        # A process that has started CUDA cannot fork one that uses it: the solution sees no GPU here, an examiner
        # is given its own after the fork, and asking whether there is one must not start CUDA either.
        "CUDA_VISIBLE_DEVICES": "",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        **HUGE_HEAP,
        **library_caches(),
    }


def _flags(setup: Setup) -> list[str]:
    """What the warm process must know when it forks the parent of rooms: no more than this."""
    return ["--plain"] * setup.plain + list(setup.wanted)
