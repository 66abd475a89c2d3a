"""Student code in a real room, and what the host sees of it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torchgrade.model import Limits
from torchgrade.sandbox.policy import FULL, Policy
from torchgrade.sandbox.probes import Questioner
from torchgrade.sandbox.room import Room, Zygote, make_request
from torchgrade.sandbox.runner import Run, run_notebook

#: The argument of a `sleep` by which these tests find it on the host; another run of them has another.
MARK = str(8_000_000 + os.getpid())
#: In the environment of these tests, and so in that of the harness: no room may see it.
SECRET = "CANARY-environment-58eb1c90"

LIMITS = Limits(
    cell_seconds=20.0,
    notebook_seconds=60.0,
    probe_seconds=20.0,
    memory_mb=1024,
    processes=64,
    disk_mb=32,
    output_kb=256,
)

_PRELUDE = '''
import ctypes as _ctypes, errno as _errno, os as _os

_libc = _ctypes.CDLL(None, use_errno=True)

def syscall(number, *args):
    """A raw system call of the student's. Raises OSError."""
    words = [_ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    value = _libc.syscall(_ctypes.c_long(number), *words)
    if value < 0:
        raise OSError(_ctypes.get_errno(), _os.strerror(_ctypes.get_errno()))
    return value

def attempt(source):
    space = {"result": None, "syscall": syscall, "libc": _libc}
    try:
        exec(source, space)
    except BaseException as error:
        return [type(error).__name__, getattr(error, "errno", None), str(error)[:500]]
    return ["", None, space["result"]]
'''


@dataclass(frozen=True)
class Tried:
    """How code ended. ``error`` is the exception's name, empty when there was none."""

    error: str
    errno: int | None
    result: Any

    @property
    def refused(self) -> bool:
        """Whether the system said no."""
        return self.error in ("PermissionError", "OSError", "FileNotFoundError", "ConnectionRefusedError")


def cell(source: str) -> dict[str, Any]:
    """A code cell, nbformat 4."""
    return {
        "cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None, "id": "c",
    }  # fmt: skip


def notebook(*sources: str) -> dict[str, Any]:
    """A notebook of these code cells."""
    cells = [{**cell(s), "id": f"c{n}"} for n, s in enumerate(sources)]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


def text_of(run: Run) -> str:
    """All that the run printed, and the errors' names and values."""
    parts = []
    for c in run.notebook["cells"]:
        for output in c["outputs"]:
            parts += [output.get("text", ""), str(output.get("ename", "")), str(output.get("evalue", ""))]
            parts.append(str(output.get("data", {}).get("text/plain", "")))
    return "".join(parts)


@dataclass
class Inside:
    """A room in which a notebook has run; ``tries`` runs more code in its namespace's process."""

    room: Room
    run: Run
    questioner: Questioner
    limits: Limits = field(default_factory=lambda: LIMITS)

    def tries(self, source: str) -> Tried:
        """Run code in the room."""
        return Tried(
            *self.questioner.ask("attempt", "call", {"name": "attempt"}, {"args": (source,), "kwargs": {}})
        )

    def gets(self, source: str) -> Any:
        """The ``result`` of code that must not fail."""
        tried = self.tries(source)
        assert not tried.error, tried
        return tried.result


@contextlib.contextmanager
def inside(
    zygote: Zygote,
    *sources: str,
    policy: Policy = FULL,
    limits: Limits = LIMITS,
    room: Room | None = None,
    **request: Any,
) -> Iterator[Inside]:
    """A room in which these cells have run after the prelude; it is ended on the way out."""
    room = room or zygote.open(make_request(policy, limits, **{"wall_seconds": 120.0, **request}))
    try:
        run = run_notebook(room, notebook(_PRELUDE, *sources), limits)
        assert run.cells and run.cells[0].status == "ok", run
        yield Inside(room, run, Questioner(room, limits.probe_seconds), limits)
    finally:
        room.end()


def run_cells(
    zygote: Zygote, *sources: str, policy: Policy = FULL, limits: Limits = LIMITS, skip: tuple[int, ...] = ()
) -> Run:
    """A notebook of these cells, run in a room of its own which is then ended."""
    room = zygote.open(make_request(policy, limits, wall_seconds=120.0))
    try:
        return run_notebook(room, notebook(*sources), limits, skip=skip)
    finally:
        room.end()


# --- what the host sees ------------------------------------------------------------------------------------


def sleepers(mark: str = MARK) -> list[int]:
    """Pids on the host that run `sleep` with this mark."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if Path("/proc", name, "cmdline").read_bytes() == f"sleep\0{mark}\0".encode():
                found.append(int(name))
    return found


def warden_of(zygote: Zygote, before: set[int]) -> int:
    """The warden that this zygote has and had not before."""
    (pid,) = children_of(zygote.process.pid) - before
    return pid


def children_of(pid: int) -> set[int]:
    """Pids of a process's children."""
    return {int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def alive(pid: int) -> bool:
    """Whether a process runs: a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(condition: Any, seconds: float) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
