"""The host around a run: what is planted in it, what listens, what changed, what stayed behind."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SETTLE_SECONDS = 2.0
PUBLIC_PLACES = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))
CGROUPS = Path("/sys/fs/cgroup")
_SET_CHILD_SUBREAPER = 36  # prctl(2)


def canary(where: str) -> str:
    """A string that is nowhere else, so wherever it turns up it was carried there."""
    return f"CANARY-{where}-{secrets.token_hex(12)}"


def plant_course(source: Path, course: Path, assignment: str) -> dict[str, str]:
    """Copy a course with canaries in its hidden tests and its solution; canary by place."""
    course.mkdir(parents=True)
    shutil.copy2(source / "course.yaml", course)
    for folder in ("assignments", "solutions", "graders"):
        shutil.copytree(source / folder, course / folder, ignore=shutil.ignore_patterns("__pycache__"))
    hidden, comment, solution = canary("hidden"), canary("comment"), canary("solution")
    with (course / "graders" / assignment / "test_hidden.py").open("a", encoding="utf-8") as grader:
        grader.write(f'\n\n# {comment}\nPLANTED = "{hidden}"\n')
    for path in (course / "solutions" / assignment).glob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
        cell |= {"id": "planted", "source": f'# {solution}\nPLANTED = "{solution}"'}
        notebook["cells"].append(cell)
        path.write_text(json.dumps(notebook), encoding="utf-8")
    return {"hidden test": hidden, "hidden test's comment": comment, "solution": solution}


def plant_home(home: Path) -> str:
    """A home folder with a canary where thieves look; the canary."""
    planted = canary("home")
    for name in ("CANARY.txt", ".netrc", ".bash_history", ".ssh/id_ed25519", ".cache/torchgrade-token"):
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(planted + "\n")
    return planted


class Sinks:
    """Loopback ports, a name server's among them, and sockets by path and by name: they take and count all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.taken: list[str] = []
        self.watched: list[str] = []
        self._sockets: list[socket.socket] = []
        self._closed = False
        self._datagrams = path.with_suffix(".dgram")
        stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
        for family, kind, address in (
            (socket.AF_INET, stream, ("127.0.0.1", 8000)),
            (socket.AF_INET6, stream, ("::1", 8000)),
            (socket.AF_INET, stream, ("127.0.0.1", 0)),
            (socket.AF_INET, stream, ("127.0.0.1", 53)),
            (socket.AF_INET, datagram, ("127.0.0.1", 53)),
            (socket.AF_INET, datagram, ("127.0.0.53", 53)),
            (socket.AF_INET6, datagram, ("::1", 53)),
            (socket.AF_INET, datagram, ("127.0.0.1", 0)),
            (socket.AF_UNIX, stream, str(path)),
            (socket.AF_UNIX, stream, "\0" + path.name),
            (socket.AF_UNIX, datagram, str(self._datagrams)),
            (socket.AF_UNIX, datagram, "\0" + self._datagrams.name),
        ):
            with contextlib.suppress(OSError):  # no IPv6 here, or the port is another program's or root's
                self._listen(family, kind, address)

    def _listen(
        self, family: socket.AddressFamily, kind: socket.SocketKind, address: tuple[str, int] | str
    ) -> None:
        listener = socket.socket(family, kind)
        self._sockets.append(listener)
        listener.bind(address)
        if family == socket.AF_UNIX and isinstance(address, str) and not address.startswith("\0"):
            os.chmod(address, 0o777)  # a room's user must be able to, if it can reach it
        if kind == socket.SOCK_STREAM:
            listener.listen()
        self.watched.append(f"{kind.name} {listener.getsockname()!r}")
        take = self._take if kind == socket.SOCK_STREAM else self._receive
        threading.Thread(target=take, args=(listener,), daemon=True).start()

    def _receive(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed
            while not self._closed:
                listener.recv(1 << 16)
                if not self._closed:
                    self.taken.append(f"datagram {listener.getsockname()!r}")

    def _take(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = listener.accept()
                self.taken.append(repr(listener.getsockname()))
                connection.close()

    def close(self) -> None:
        """Stop to listen, and leave no socket behind."""
        self._closed = True
        self._path.unlink(missing_ok=True)
        self._datagrams.unlink(missing_ok=True)
        for listener in self._sockets:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@dataclass(frozen=True)
class Snapshot:
    """What of the host must be the same after a run."""

    files: dict[str, str]
    mounts: frozenset[str]
    segments: frozenset[str]
    cgroups: frozenset[str]

    def differences(self, after: Snapshot) -> list[str]:
        """What came, went or changed, in words."""
        paths = sorted(self.files.keys() | after.files.keys())
        told = [f"file changed: {p}" for p in paths if self.files.get(p) != after.files.get(p)]
        for word in ("mounts", "segments", "cgroups"):
            told += [f"{word} left: {one}" for one in sorted(getattr(after, word) - getattr(self, word))]
        return told


def snapshot(*trees: Path) -> Snapshot:
    """The host now; every file below ``trees`` by its digest."""
    return Snapshot(
        files={str(p): _digest(p) for tree in trees for p in _files(tree)},
        mounts=frozenset(Path("/proc/self/mounts").read_text().splitlines()),
        segments=frozenset(_segments()),
        cgroups=frozenset(_cgroups()),
    )


def _cgroups() -> Iterator[str]:
    """Control groups that a room might have left: below our own, or of a room's name anywhere."""
    own = {line.split(":", 2)[2].strip("/") for line in Path("/proc/self/cgroup").read_text().splitlines()}
    for folder in CGROUPS.rglob("*"):
        inside = any(group and f"/{group}/" in f"{folder.parent}/" for group in own)
        ours = inside or folder.name.startswith("torchgrade-")
        if ours and folder.is_dir() and not _of_another_grading(folder.name):
            yield str(folder)


def _of_another_grading(name: str) -> bool:
    """A room's group is named for its harness; one that lives and is no descendant of ours is somebody else's."""
    found = re.fullmatch(r"torchgrade-(\d+)-[0-9a-f]+", name)
    return bool(found) and Path("/proc", found[1]).exists() and int(found[1]) not in descendants(os.getpid())


def settled(before: Snapshot, *trees: Path) -> list[str]:
    """Differences that stay for ``SETTLE_SECONDS``; what comes and goes meanwhile is another program's."""
    until = time.monotonic() + SETTLE_SECONDS
    told = before.differences(snapshot(*trees))
    while told and time.monotonic() < until:
        time.sleep(0.1)
        now = before.differences(snapshot(*trees))
        told = [one for one in told if one in now]
    return told


def _files(tree: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(tree):
        # Our own: the course's secret and data, and what libraries keep between runs (~/.cache/torchgrade).
        own = ("__pycache__", ".torchgrade", *(("torchgrade",) if Path(folder).name == ".cache" else ()))
        folders[:] = [f for f in folders if f not in own]
        yield from (Path(folder, name) for name in names + folders)


def _digest(path: Path) -> str:
    """What a path is: digest and mode of a file, target of a link, kind of anything else."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            return f"{mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        return f"{mode:o} {path.readlink() if stat.S_ISLNK(mode) else ''}"
    except OSError as error:
        return type(error).__name__


def _segments() -> Iterator[str]:
    for kind in ("shm", "sem", "msg"):
        with contextlib.suppress(OSError):
            lines = Path("/proc/sysvipc", kind).read_text().splitlines()[1:]
            yield from (f"{kind} {' '.join(line.split()[:2])}" for line in lines)
    for folder in (Path("/dev/shm"), Path("/dev/mqueue")):
        with contextlib.suppress(OSError):
            yield from (str(path) for path in folder.iterdir())


def markers(words: set[str], *trees: Path) -> set[str]:
    """Paths named with one of the words that attacks leave behind where they got out."""
    found = {str(p) for tree in trees for p in _files(tree)}
    for place in PUBLIC_PLACES:
        with contextlib.suppress(OSError):
            found |= {str(path) for path in place.iterdir()}
    return {path for path in found if any(word in Path(path).name for word in words)}


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that none gets lost from sight."""
    ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(of: int) -> dict[int, str]:
    """Living processes below a process: name by id."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                head, _, tail = (entry / "stat").read_text(errors="replace").rpartition(")")
                state, parent = tail.split()[:2]
                if state != "Z":
                    parents[int(entry.name)] = (int(parent), head.partition("(")[2])
    found: dict[int, str] = {}
    wave = {of}
    while wave := {pid for pid, (parent, _) in parents.items() if parent in wave and pid not in found}:
        found |= {pid: parents[pid][1] for pid in wave}
    return found


@dataclass
class Watch:
    """The most memory that any process outside a room held, in MiB, while the watch goes on."""

    peak_mb: float = 0.0
    name: str = ""
    _over: threading.Event = field(default_factory=threading.Event)

    def start(self, pid: int) -> threading.Thread:
        """Watch a process and all below it that see the same process ids as we do: rooms have their own."""
        thread = threading.Thread(target=self._look, args=(pid,), daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """End the watch."""
        self._over.set()

    def _look(self, pid: int) -> None:
        ours = os.readlink("/proc/self/ns/pid")
        while True:
            for each in (pid, *descendants(pid)):
                with contextlib.suppress(OSError, StopIteration, ValueError):  # it ended under our eyes
                    if os.readlink(f"/proc/{each}/ns/pid") == ours:
                        self._note(each)
            if self._over.wait(0.25):
                return

    def _note(self, pid: int) -> None:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
        if peak > self.peak_mb:
            self.peak_mb, self.name = peak, lines[0].split(maxsplit=1)[1]
