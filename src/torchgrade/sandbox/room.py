"""The trusted side of a room: the warm zygote, and one handle for each room that it opened."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from torchgrade.errors import RoomError
from torchgrade.model import Tier
from torchgrade.sandbox import folders, zygote
from torchgrade.sandbox.environment import clean_environment, library_caches, room_environment
from torchgrade.sandbox.folders import Folder
from torchgrade.sandbox.policy import CHANNELS, READY, REQUEST_BYTES, RoomRequest
from torchgrade.sandbox.request import make_request, require_way, with_own_home

__all__ = [
    "Connection", "Ended", "Room", "SealedRoom", "Zygote", "library_caches", "make_request", "room_environment",
    "wait_gone",
]  # fmt: skip

_START_SECONDS = 120.0
_SEAL_SECONDS = 30.0
_END_SECONDS = 10.0


@dataclass(frozen=True)
class Connection:
    """Where a Jupyter client finds the kernel."""

    transport: str
    ip: str
    ports: dict[str, int]
    key: str


@dataclass(frozen=True)
class Ended:
    """How a room ended. ``why``: exit (by itself), asked, wall, memory, disk, gpu memory."""

    code: int
    why: str
    out_of_memory: bool = False
    peak_memory_mb: float = 0.0
    problem: str = ""


class Room(Protocol):
    """What the runner and the probes need of a room, sealed or plain."""

    tier: Tier
    connection: Connection
    probes: socket.socket

    def fileno(self) -> int:
        """A descriptor that becomes readable when the room has ended; -1 where there is none."""
        ...

    def poll(self) -> Ended | None:
        """How it ended, or None while it lives."""
        ...

    def interrupt(self) -> None:
        """SIGINT to the student's code."""
        ...

    def kill(self) -> None:
        """Ask for its end without waiting for it."""
        ...

    def end(self) -> Ended:
        """End it, with everything in it, and wait until it is gone."""
        ...


@dataclass(frozen=True)
class Forked:
    """A child that was forked, as far as its end is concerned."""

    pid: int

    def wait(self, timeout: float | None = None) -> None:
        """Until it has ended. Raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with contextlib.suppress(ChildProcessError):  # reaped already
            while os.waitpid(self.pid, 0 if deadline is None else os.WNOHANG) == (0, 0):
                if deadline is not None and time.monotonic() > deadline:
                    raise subprocess.TimeoutExpired("the warm parent", timeout or 0.0)
                time.sleep(0.005)


class Zygote:
    """The warm parent. Forked children of the process that started it may open rooms with it too."""

    def __init__(self, process: subprocess.Popen[bytes] | Forked, control: socket.socket) -> None:
        self.process, self.control = process, control
        self._ready = False

    @classmethod
    def start(cls, wanted: Sequence[str] = ()) -> Zygote:
        """Start the warm parent; it goes on warming up while this process does other things.

        ``wanted``: the words of ``sandbox.wanted`` for what rooms should have imported.
        """
        folders.sweep()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        process = subprocess.Popen(
            [
                *(sys.executable, "-E", "-P", "-m", "torchgrade.sandbox.zygote", str(theirs.fileno())),
                *wanted,
            ],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=clean_environment(),
            cwd="/",
        )
        theirs.close()
        return cls(process, ours)

    @classmethod
    def fork(cls, wanted: Sequence[str] = ()) -> Zygote:
        """As ``start``, from a process that has imported torch and holds nothing else: one with the environment of
        ``clean_environment``, which has not been told yet what it is for. What it imported is shared.
        """
        folders.sweep()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            zygote.be(theirs, wanted)
        theirs.close()
        return cls(Forked(pid), ours)

    def wait_ready(self) -> None:
        """Wait until the warm parent can fork. Raises RoomError."""
        if self._ready:
            return
        self.control.settimeout(_START_SECONDS)
        try:
            answer = self.control.recv(64)
        except OSError:
            answer = b""
        self.control.settimeout(None)
        if answer != READY:
            raise RoomError("the warm process did not start; `torchgrade doctor` says what is missing")
        self._ready = True

    def open(self, request: RoomRequest) -> SealedRoom:
        """Open one room and wait until it is sealed. Raises RoomError, with the reason, when it cannot be."""
        self.wait_ready()
        return SealedRoom.open(self.control, request)

    def close(self) -> None:
        """End the warm parent."""
        self.control.close()
        self.process.wait()


class SealedRoom:
    """A room forked from the zygote."""

    def __init__(
        self, tier: Tier, link: socket.socket, probes: socket.socket, connection: Connection, folder: Folder
    ) -> None:
        self.tier, self.link, self.probes, self.connection = tier, link, probes, connection
        self._folder: Folder | None = folder
        self._ended: Ended | None = None

    @classmethod
    def open(cls, control: socket.socket, request: RoomRequest) -> SealedRoom:
        """Ask the zygote for a room. Raises RoomError."""
        with contextlib.ExitStack() as stack:
            folder = Folder.make()
            stack.callback(folder.remove)
            request = replace(request, folder=folder.path.name)
            if not request.policy.mount_namespace:
                require_way(request)
                request = with_own_home(request, folder)
            listeners = [_listen(folder.path / f"k-{n}") for n, _ in enumerate(CHANNELS, 1)]
            link, their_link = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            probes, their_probes = socket.socketpair()
            for each in (*listeners, link, their_link, probes, their_probes):
                stack.enter_context(each)
            inherited = [their_link, *listeners, their_probes]
            _send_request(control, request, [*(s.fileno() for s in inherited), folder.parent, folder.lock])
            for each in inherited:
                each.close()
            ports = {name: number for number, name in enumerate(CHANNELS, 1)}
            connection = Connection("ipc", str(folder.path / "k"), ports, request.key)
            room = cls(request.policy.tier, link, probes, connection, folder)
            stack.pop_all()
            room._wait_sealed()
            return room

    def _wait_sealed(self) -> None:
        message = self._receive(_SEAL_SECONDS)
        if message is not None and message.get("started"):
            return
        self.link.close()
        self.probes.close()
        self._remove_folder()
        problem = str((message or {}).get("problem") or "no answer from the warm process").strip()
        raise RoomError(f"the room could not be sealed: {problem.splitlines()[-1]}")

    def hide_sockets(self) -> None:
        """Remove the kernel sockets' paths, once a client is connected: then nobody else can be."""
        if self._folder:
            for number, _ in enumerate(CHANNELS, 1):
                (self._folder.path / f"k-{number}").unlink(missing_ok=True)

    def fileno(self) -> int:
        return self.link.fileno()

    def poll(self) -> Ended | None:
        if self._ended is None and _readable(self.link, 0.0):
            self._take_end(self._receive(0.0))
        return self._ended

    def interrupt(self) -> None:
        with contextlib.suppress(OSError):
            self.link.send(b"i")

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self.link.send(b"k")

    def end(self) -> Ended:
        if self._ended is None:
            self.kill()
            self._take_end(self._receive(_END_SECONDS))
        self.probes.close()
        self.link.close()
        self._remove_folder()
        assert self._ended is not None
        return self._ended

    def _take_end(self, message: dict[str, Any] | None) -> None:
        message = message or {}
        self._ended = Ended(
            code=int(message.get("ended", -1)),
            why=str(message.get("why", "exit")),
            out_of_memory=bool(message.get("out_of_memory", False)),
            peak_memory_mb=float(message.get("peak_memory_bytes", 0)) / 2**20,
            problem=str(message.get("problem", "")),
        )

    def _receive(self, timeout: float) -> dict[str, Any] | None:
        """One message of the warden, which is trusted; None at end of file or when none comes in time."""
        if not _readable(self.link, timeout):
            return None
        try:
            data = self.link.recv(1 << 16)
        except OSError:
            return None
        return dict(json.loads(data)) if data else None

    def _remove_folder(self) -> None:
        if self._folder:
            self._folder.remove()
            self._folder = None


def _readable(stream: socket.socket, seconds: float) -> bool:
    """Whether something can be read in time. select(2) would refuse descriptors above 1023."""
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    return bool(poll.poll(1000 * seconds))


def _send_request(control: socket.socket, request: RoomRequest, descriptors: list[int]) -> None:
    data = request.to_json()
    if len(data) > REQUEST_BYTES:
        raise RoomError("the room could not be sealed: too many or too long paths")
    try:
        socket.send_fds(control, [data], descriptors)
    except OSError as error:
        raise RoomError(f"the warm process has ended: {error}") from None


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(16)
    return listener


def wait_gone(room: Room, seconds: float) -> bool:
    """Whether the room ended by itself within ``seconds``."""
    deadline = time.monotonic() + seconds
    while room.poll() is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
