"""The warm examiner's process: it has imported torch and pytest, and forks a child for each submission.

``python -m torchgrade.grading.warmed DESCRIPTOR`` imports torch and serves requests on an inherited socket. The
first message has flags for the parent of rooms: ``--plain``, or words for what rooms should have imported
(``sandbox.wanted``); the second says what to examine. ``--once`` examines one submission from standard input.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchgrade.errors import BrokenError, TorchgradeError
from torchgrade.grading.channel import receive, send
from torchgrade.grading.warm import STUCK_SECONDS, Setup
from torchgrade.model import Limits, Tier

if TYPE_CHECKING:
    from torchgrade.sandbox.room import Zygote

_LEAVE_SECONDS = 0.5
_LOOK_SECONDS = 2.0


def _import_torch() -> None:
    gc.disable()  # modules are not garbage: looking for some takes a third of the time of importing them
    import torch

    torch.set_num_threads(1)  # a pool of threads would not survive the fork
    import_module("torchgrade.sandbox.room")


def _fork_parent_of_rooms(flags: Sequence[str]) -> Zygote | None:
    """Both processes share what torch takes. Nothing of a course is known here yet."""
    from torchgrade.sandbox.room import Zygote
    from torchgrade.sandbox.wanted import OPTIMIZERS, bring

    if OPTIMIZERS in flags:  # graders make some too
        bring([OPTIMIZERS])
    if "--plain" in flags:
        return None
    gc.freeze()  # a collection in either process would copy every page that it looks at
    return Zygote.fork(flags)


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
    from torchgrade.grading.desk import Desk
    from torchgrade.spec import load_course, speak

    import_module("torchgrade.grading.examiner")  # for those that are forked
    course = load_course(Path(setup.course), only=setup.assignment)
    assignment = course.assignment(setup.assignment)
    if assignment is None:
        raise BrokenError(f"there is no assignment {setup.assignment!r} in {course.root}")
    speak(course, setup.language)  # before the graders are collected: they may say something as they are imported
    data = PreparedData.open(Path(setup.data)) if setup.data else None
    with concurrent.futures.ThreadPoolExecutor(1) as aside:  # its thread is gone when this process forks
        sealed = aside.submit(_try_to_seal, zygote, Tier(setup.tier), str(data.room_root) if data else "")
        desk = Desk(assignment, hidden=(str(course.root),), public_only=setup.public_only, data=data)
        sealed.result()
    return desk


def _try_to_seal(zygote: Any, tier: Tier, data_root: str) -> None:
    """Refuse before the first submission, not once for each. Raises RoomError."""
    if zygote is None:
        return
    from torchgrade.sandbox.policy import OF_TIER
    from torchgrade.sandbox.room import make_request

    zygote.open(make_request(OF_TIER[tier], Limits(), wall_seconds=30.0, data_root=data_root)).end()


def serve(descriptor: int) -> None:
    """Serve requests until the harness closes the socket."""
    control, harness = socket.socket(fileno=descriptor), os.getppid()
    _import_torch()
    rooms = receive(control, None)
    if rooms is None:
        return
    zygote = _fork_parent_of_rooms(rooms["flags"])
    settings = receive(control, None)
    if settings is None:
        return
    _take_environment(settings["environment"])
    _end_with(harness)
    try:
        desk = _prepare(_setup(settings["setup"]), zygote)
        desk.open(lambda: _fork_for_each(control, desk, zygote))
    except TorchgradeError as error:
        send(control, {"problem": str(error), "kind": type(error).__name__})
        return
    except Exception:
        send(control, {"problem": traceback.format_exc(), "kind": "BrokenError"})
        return
    if zygote is not None:
        _leave(zygote)
    os._exit(0)  # an interpreter with torch takes 0.2 s to take itself apart


def _setup(fields: dict[str, Any]) -> Setup:
    return Setup(**{**fields, "wanted": tuple(fields["wanted"])})


def _end_with(harness: int) -> None:
    """Until submissions are served: a grader that never ends would keep this process for ever, should the harness
    be killed. Afterwards the socket tells. (A signal at the parent's death would come at that of its thread.)"""

    def look(*_: Any) -> None:
        if os.getppid() != harness:
            os._exit(1)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _LOOK_SECONDS, _LOOK_SECONDS)


def _fork_for_each(control: socket.socket, desk: Any, zygote: Any) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    send(control, {"ready": True})
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not data:
            return
        if os.fork() == 0:
            _child(control, descriptors[0], desk, zygote)
        os.close(descriptors[0])


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
        send(stream, {"pid": os.getpid()})
        job = receive(stream, STUCK_SECONDS)
        if job is not None:
            send(stream, _examine(desk, job, zygote))
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
    answers: list[dict[str, Any]] = []
    from torchgrade.sandbox.room import Zygote

    try:
        setup = _setup(request["setup"])
        zygote = None if setup.plain else Zygote.start(setup.wanted)
        desk = _prepare(setup, zygote)
        desk.open(lambda: answers.append(_examine(desk, request["job"], zygote)))
        if zygote is not None:
            zygote.close()
    except TorchgradeError as error:
        answers = [{"problem": str(error), "kind": type(error).__name__}]
    sys.stdout.write("\n" + json.dumps(answers[-1]) + "\n")


if __name__ == "__main__":
    once() if sys.argv[1] == "--once" else serve(int(sys.argv[1]))
