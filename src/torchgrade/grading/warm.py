"""A warm examiner: a process that has imported torch and pytest, and forks a child for each submission.

``python -m torchgrade.grading.warm DESCRIPTOR`` serves requests on an inherited socket. Where a process
cannot fork safely (macOS, Windows), ``SpawnedExaminer`` runs one fresh process for each submission instead.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import itertools
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torchgrade.errors import BrokenError, RoomError, TorchgradeError
from torchgrade.model import Limits, Tier, Verdict, verdict_from_json
from torchgrade.sandbox import pages
from torchgrade.sandbox.environment import clean_environment, library_caches
from torchgrade.sandbox.room import Zygote

_READY_SECONDS = 180.0
#: Beyond all limits of a notebook and its examination, an examiner that says nothing is stuck.
_STUCK_SECONDS = 60.0
_LEAVE_SECONDS = 0.5


@dataclass(frozen=True)
class Setup:
    """What an examiner prepares before the first submission."""

    course: str
    assignment: str
    tier: str = Tier.FULL
    public_only: bool = False
    plain: bool = False  # rooms are ordinary processes: a machine without a Linux sandbox
    data: str = ""  # the folder of the prepared data sets, where the assignment has any
    optimizers: bool = False  # notebooks will make some, and rooms should have what that imports


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


def start(setup: Setup) -> Examiner:
    """The best examiner for this machine."""
    return WarmExaminer.start(setup) if sys.platform == "linux" else SpawnedExaminer(setup)


# --- the harness's side ------------------------------------------------------------------------------------


class WarmExaminer:
    """Handle on the warm process."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self.process, self.control = process, control
        self._ready, self._lock = False, threading.Lock()

    @classmethod
    def start(cls, setup: Setup) -> WarmExaminer:
        """Start warming up; ``wait_ready`` waits for the end of it."""
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "torchgrade.grading.warm", str(theirs.fileno()), *_flags(setup)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=clean_environment(),  # the parent of all rooms is forked from this process
            start_new_session=True,  # Ctrl-C is for the harness, which then closes this
        )
        theirs.close()
        _send(ours, {"environment": _environment(), "setup": dataclasses.asdict(setup)})
        return cls(process, ours)

    def wait_ready(self) -> None:
        """Until submissions can be examined. Raises RoomError or BrokenError with what went wrong."""
        with self._lock:  # its answer comes once, whoever waits for it
            if self._ready:
                return
            answer = _receive(self.control, _READY_SECONDS)
            if answer is None:
                raise BrokenError("the warm examiner did not start")
            if answer.get("problem"):
                raise _fault(answer)
            self._ready = True

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
                [sys.executable, "-P", "-m", "torchgrade.grading.warm", "--once"],
                input=request.encode(),
                capture_output=True,
                env=_environment(),
                timeout=seconds + _STUCK_SECONDS,
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
    started = _receive(child, _STUCK_SECONDS)
    if started is None:
        raise BrokenError("the examiner could not fork")
    _send(child, job)
    answer = _receive(child, seconds + _STUCK_SECONDS)
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
        **pages.HUGE_HEAP,
        **library_caches(),
    }


# --- messages: u32 length and JSON -------------------------------------------------------------------------


def _send(stream: socket.socket, message: dict[str, Any]) -> None:
    data = json.dumps(message).encode()
    stream.sendall(struct.pack("<I", len(data)) + data)


def _receive(stream: socket.socket, seconds: float | None) -> dict[str, Any] | None:
    """One message; None at end of file or when it does not come in time. Both ends are ours."""
    deadline = None if seconds is None else time.monotonic() + seconds
    head = _exactly(stream, 4, deadline)
    body = _exactly(stream, struct.unpack("<I", head)[0], deadline) if head else None
    return dict(json.loads(body)) if body else None


def _exactly(stream: socket.socket, count: int, deadline: float | None) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([stream], [], [], left)[0]:
            return None
        try:
            part = stream.recv(min(1 << 20, count - len(data)))
        except OSError:
            return None
        if not part:
            return None
        data += part
    return bytes(data)


# --- the warm process --------------------------------------------------------------------------------------


def _flags(setup: Setup) -> list[str]:
    """What the warm process must know before it forks the parent of rooms: no more than this."""
    return ["--plain"] * setup.plain + ["--optimizers"] * setup.optimizers


def _fork_parent_of_rooms(flags: Sequence[str]) -> Zygote | None:
    """Import torch, then fork: both processes share what that takes. Nothing of a course is known here yet."""
    import torch

    torch.set_num_threads(1)  # a pool of threads would not survive the fork
    if "--plain" in flags:
        return None
    gc.collect()
    gc.freeze()  # a collection in either process would copy every page that it looks at
    return Zygote.fork(optimizers="--optimizers" in flags)


def _take_environment(environment: dict[str, str]) -> None:
    """The harness's own, which rooms must not see."""
    os.environ.clear()
    os.environ.update(environment)
    sys.path.extend(p for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p and p not in sys.path)


def _prepare(setup: Setup, zygote: Zygote | None) -> Any:
    """The desk, once a room could be sealed. Raises RoomError, SpecError, BrokenError."""
    import warnings

    import torch

    warnings.simplefilter("ignore")  # of replayed wrong answers, say: nobody could act on them
    torch.set_num_threads(1)
    from torchgrade.data import PreparedData
    from torchgrade.grading.examiner import Desk
    from torchgrade.spec import load_course

    course = load_course(Path(setup.course), only=setup.assignment)
    assignment = course.assignment(setup.assignment)
    if assignment is None:
        raise BrokenError(f"there is no assignment {setup.assignment!r} in {course.root}")
    data = PreparedData.open(Path(setup.data)) if setup.data else None
    desk = Desk(assignment, hidden=(str(course.root),), public_only=setup.public_only, data=data)
    if zygote is not None:
        _try_to_seal(zygote, Tier(setup.tier), str(data.room_root) if data else "")
    return desk


def _try_to_seal(zygote: Any, tier: Tier, data_root: str) -> None:
    """Refuse before the first submission, not once for each. Raises RoomError."""
    from torchgrade.sandbox.policy import OF_TIER
    from torchgrade.sandbox.room import make_request

    zygote.open(make_request(OF_TIER[tier], Limits(), wall_seconds=30.0, data_root=data_root)).end()


def serve(descriptor: int, flags: Sequence[str] = ()) -> None:
    """Serve requests until the harness closes the socket."""
    control = socket.socket(fileno=descriptor)
    zygote = _fork_parent_of_rooms(flags)
    settings = _receive(control, None)
    if settings is None:
        return
    _take_environment(settings["environment"])
    try:
        desk = _prepare(Setup(**settings["setup"]), zygote)
    except TorchgradeError as error:
        _send(control, {"problem": str(error), "kind": type(error).__name__})
        return
    except Exception:
        _send(control, {"problem": traceback.format_exc(), "kind": "BrokenError"})
        return
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _send(control, {"ready": True})
    for number in itertools.count():
        if number == pages.WORTH_IT:
            pages.collapse_heap()
        data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not data:
            break
        if os.fork() == 0:
            _child(control, descriptors[0], desk, zygote)
        os.close(descriptors[0])
    if zygote is not None:
        _leave(zygote)
    os._exit(0)  # an interpreter with torch takes 0.2 s to take itself apart


def _leave(zygote: Any) -> None:
    """Let the zygote go. Where submissions are still being examined (Ctrl-C), their processes hold it open: they
    end when this one does, and their rooms and the zygote with them."""
    zygote.control.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        zygote.process.wait(_LEAVE_SECONDS)


def _child(control: socket.socket, descriptor: int, desk: Any, zygote: Any) -> None:
    from torchgrade.sandbox import syscalls

    code = 1
    try:
        control.close()
        syscalls.die_with_parent()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        stream = socket.socket(fileno=descriptor)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1):
            os.dup2(null, standard)
        _send(stream, {"pid": os.getpid()})
        job = _receive(stream, _STUCK_SECONDS)
        if job is not None:
            _send(stream, _examine(desk, job, zygote))
            code = 0
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def _examine(desk: Any, job: dict[str, Any], zygote: Any) -> dict[str, Any]:
    from torchgrade.grading.examiner import Job, examine

    try:
        fields = {**job, "notes": tuple(job.get("notes", ()))}
        return {"verdict": examine(desk, Job(**fields), zygote).to_json()}
    except Exception:
        return {"problem": traceback.format_exc()}


def once() -> None:
    """One setup and one job on standard input, one answer on standard output."""
    request = json.loads(sys.stdin.read())
    try:
        setup = Setup(**request["setup"])
        zygote = None if setup.plain else Zygote.start(optimizers=setup.optimizers)
        answer = _examine(_prepare(setup, zygote), request["job"], zygote)
        if zygote is not None:
            zygote.close()
    except TorchgradeError as error:
        answer = {"problem": str(error), "kind": type(error).__name__}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    once() if sys.argv[1] == "--once" else serve(int(sys.argv[1]), sys.argv[2:])
