"""The trusted side of a room: the warm zygote, and one handle for each room that it opened."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from torchgrade.errors import RoomError
from torchgrade.model import Limits, Tier
from torchgrade.sandbox import policy as policies
from torchgrade.sandbox import room_data
from torchgrade.sandbox.policy import CHANNELS, HOME, READY, REQUEST_BYTES, Policy, RoomRequest

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
    """How a room ended. ``why``: exit (by itself), asked, wall, memory."""

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


class Zygote:
    """The warm parent. Forked children of the process that started it may open rooms with it too."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self.process, self.control = process, control
        self._ready = False

    @classmethod
    def start(cls) -> Zygote:
        """Start the warm parent; it goes on warming up while this process does other things."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        process = subprocess.Popen(
            [sys.executable, "-E", "-P", "-m", "torchgrade.sandbox.zygote", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=_clean_environment(),
            cwd="/",
        )
        theirs.close()
        return cls(process, ours)

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


def _clean_environment() -> dict[str, str]:
    """What the interpreter needs to start; nothing of the harness's own environment goes in."""
    kept = {k: v for k in ("LD_LIBRARY_PATH", "SYSTEMROOT") if (v := os.environ.get(k))}
    return kept | {
        "PATH": _room_path(),
        "LANG": "C.UTF-8",
        # More than one thread of a maths library in the warm parent would hang every fork.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONDONTWRITEBYTECODE": "1",
        **library_caches(),
    }


def library_caches() -> dict[str, str]:
    """Where matplotlib keeps its list of fonts, which takes a second to make, and torch what it compiles.

    Left to themselves both would write into the home and the temporary folder of whoever grades. Rooms inherit
    the fonts in memory.
    """
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torchgrade"
        places = {"MPLCONFIGDIR": folder / "matplotlib", "TORCHINDUCTOR_CACHE_DIR": folder / "torchinductor"}
        for place in places.values():
            place.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return {}  # the libraries then make temporary ones
    return {name: str(place) for name, place in places.items() if os.access(place, os.W_OK)}


def _room_path() -> str:
    return f"{Path(sys.prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin"


def room_environment(
    home: str, temporary: str, threads: int, *, data: str = "", tools: str = ""
) -> dict[str, str]:
    """The environment of the student's process; ``data`` and ``tools`` are where it finds ours."""
    return {
        **({room_data.VARIABLE: data} if data else {}),
        "HOME": home,
        "USER": "student",
        "PATH": f"{tools}:{_room_path()}" if tools else _room_path(),
        "LANG": "C.UTF-8",
        "TMPDIR": temporary,
        "TERM": "dumb",
        "IPYTHONDIR": f"{home}/.ipython",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": str(threads),
        # There is no network: `!pip install` should say so at once.
        "PIP_RETRIES": "0",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "TORCHGRADE_ROOM": "1",
    }


def make_request(
    policy: Policy,
    limits: Limits,
    *,
    wall_seconds: float,
    threads: int = 1,
    gpu: bool = False,
    hidden: tuple[str, ...] = (),
    data_root: str = "",
) -> RoomRequest:
    """A request for a room with these limits; ``hidden`` folders are covered where they would be visible."""
    name = f"{os.getpid()}-{secrets.token_hex(6)}"
    return RoomRequest(
        name=name,
        key=secrets.token_hex(16),
        policy=policy,
        limits=limits,
        wall_seconds=wall_seconds,
        threads=threads,
        gpu=gpu,
        uid=policies.FIRST_UID + secrets.randbelow(policies.UIDS),
        read_only=policies.readable_paths(),
        hidden=hidden,
        data_root=data_root,
        tools=policies.OWN_TOOLS,
        environment=room_environment(
            HOME, "/tmp", threads, data=policies.DATA if data_root else "", tools=policies.TOOLS
        ),
    )


class SealedRoom:
    """A room forked from the zygote."""

    def __init__(
        self, tier: Tier, link: socket.socket, probes: socket.socket, connection: Connection, folder: Path | None
    ) -> None:
        self.tier, self.link, self.probes, self.connection = tier, link, probes, connection
        self._folder = folder  # the home of a room that has no mount namespace
        self._ended: Ended | None = None

    @classmethod
    def open(cls, control: socket.socket, request: RoomRequest) -> SealedRoom:
        """Ask the zygote for a room. Raises RoomError."""
        with contextlib.ExitStack() as stack:
            sockets = _socket_folder()
            stack.callback(shutil.rmtree, sockets, ignore_errors=True)
            listeners = [_listen(sockets / f"k-{n}") for n, _ in enumerate(CHANNELS, 1)]
            for listener in listeners:
                stack.enter_context(listener)
            folder = None
            if not request.policy.mount_namespace:
                _require_way(request)
                folder = _own_home(request)
                request = replace(
                    request,
                    home=str(folder),
                    environment=room_environment(
                        str(folder), str(folder), request.threads, data=request.data_root, tools=request.tools
                    ),
                )
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
            link, their_link = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            probes, their_probes = socket.socketpair()
            for pair in (link, their_link, probes, their_probes):
                stack.enter_context(pair)
            _send_request(control, request, [their_link, *listeners, their_probes])
            for inherited in (their_link, their_probes, *listeners):
                inherited.close()
            ports = {name: number for number, name in enumerate(CHANNELS, 1)}
            connection = Connection("ipc", str(sockets / "k"), ports, request.key)
            room = cls(request.policy.tier, link, probes, connection, folder)
            stack.pop_all()
            room._sockets = sockets
            room._wait_sealed()
            return room

    _sockets: Path | None = None

    def _wait_sealed(self) -> None:
        message = self._receive(_SEAL_SECONDS)
        if message is not None and message.get("started"):
            return
        self.link.close()
        self.probes.close()
        self._remove_folders()
        problem = str((message or {}).get("problem") or "no answer from the warm process").strip()
        raise RoomError(f"the room could not be sealed: {problem.splitlines()[-1]}")

    def hide_sockets(self) -> None:
        """Remove the kernel sockets' paths, once a client is connected: then nobody else can be."""
        if self._sockets:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None

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
        self._remove_folders()
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

    def _remove_folders(self) -> None:
        self.hide_sockets()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)  # does not follow links
            self._folder = None


def _socket_folder() -> Path:
    """A folder of its own whose path leaves room for a name: a socket's path has 107 bytes at most."""
    usual = os.fsencode(tempfile.gettempdir())
    return Path(tempfile.mkdtemp(prefix="torchgrade-", dir="/tmp" if len(usual) > 80 else None))


def _readable(stream: socket.socket, seconds: float) -> bool:
    """Whether something can be read in time. select(2) would refuse descriptors above 1023."""
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    return bool(poll.poll(1000 * seconds))


def _send_request(control: socket.socket, request: RoomRequest, sockets: list[socket.socket]) -> None:
    data = request.to_json()
    if len(data) > REQUEST_BYTES:
        raise RoomError("the room could not be sealed: too many or too long paths")
    try:
        socket.send_fds(control, [data], [s.fileno() for s in sockets])
    except OSError as error:
        raise RoomError(f"the warm process has ended: {error}") from None


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(16)
    return listener


def _own_home(request: RoomRequest) -> Path:
    home = Path(tempfile.mkdtemp(prefix="torchgrade-home-"))
    if os.geteuid() == 0 and request.policy.drop_privileges:
        os.chown(home, request.uid, request.uid)
    return home


def _require_way(request: RoomRequest) -> None:
    """A room without a root of its own reaches its data by the host's folders. Raises RoomError if it cannot."""
    if not request.data_root or os.geteuid() != 0 or not request.policy.drop_privileges:
        return
    for folder in (Path(request.data_root), *Path(request.data_root).parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            raise RoomError(
                f"the room's user may not pass through {folder} to the data sets in {request.data_root}; "
                f"`chmod o+x {folder}`, or run as an ordinary user"
            )


def wait_gone(room: Room, seconds: float) -> bool:
    """Whether the room ended by itself within ``seconds``."""
    deadline = time.monotonic() + seconds
    while room.poll() is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
