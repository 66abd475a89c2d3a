"""What a room uses, measured from outside: memory where no control group counts it, disk where no quota does."""

from __future__ import annotations

import contextlib
import os
import resource
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from torchgrade.sandbox.cgroup import Cgroup
from torchgrade.sandbox.policy import RoomRequest, most_files

#: How often a warden looks.
SECONDS = 0.2
#: A look at the disk that took long is not repeated soon: this many times as long passes.
_REST = 20
#: What one socket may hold for its reader: the kernel's default, net.core.wmem_default.
_SOCKET_BYTES = 212_992
#: Nobody honest nests folders so deep; a path that is longer cannot be looked at.
_DEPTH = 64


@dataclass
class Watch:
    """Looks at one room. ``group`` bounds its memory, where there is one; a process that it killed is the end of
    the room, or which one the kernel chose would decide how the notebook goes on."""

    request: RoomRequest
    init: int
    group: Cgroup | None
    but: frozenset[str] = frozenset()  # pids below the warden that are not the room's
    _next_look: float = field(default=0.0, init=False)

    @property
    def memory(self) -> bool:
        """Whether memory is to be watched."""
        return self.request.policy.watchdog and self.group is None

    @property
    def disk(self) -> bool:
        """Whether the folder that can be written is to be watched: a room of its own root has a quota."""
        return self.request.policy.watchdog and not self.request.policy.mount_namespace

    def over(self) -> str:
        """Which limit the room is over: memory, disk, or nothing."""
        if self.group and self.group.out_of_memory():
            return "memory"
        limits = self.request.limits
        pids = room_pids(self.request) if self.memory or self.disk else []
        pids = [p for p in pids if p not in self.but]
        if self.memory and sum(map(proportional_bytes, pids)) + socket_bytes(pids) > limits.memory_mb << 20:
            return "memory"
        if self.disk and time.monotonic() >= self._next_look:
            began = time.monotonic()
            used = Usage.of(self.request.home, pids)
            ended = time.monotonic()
            self._next_look = ended + _REST * (ended - began)
            if used.bytes > limits.disk_mb << 20 or used.files > most_files(limits) or used.hidden:
                return "disk"
        return ""


@dataclass
class Usage:
    """What lies below a folder, and what was deleted there but is still open."""

    bytes: int = 0
    files: int = 0
    hidden: bool = False  # something lies so deep or is so closed that it cannot be looked at
    _seen: set[tuple[int, int]] = field(default_factory=set)

    @classmethod
    def of(cls, folder: str, pids: Iterable[str]) -> Usage:
        """Measure the folder, and the open files of these processes."""
        usage = cls()
        usage._walk(folder)
        for pid in pids:
            usage._deleted(pid)
        return usage

    def _walk(self, folder: str) -> None:
        waiting = [(folder, 0)]
        while waiting:
            path, depth = waiting.pop()
            try:
                with os.scandir(path) as entries:
                    for entry in entries:
                        with contextlib.suppress(FileNotFoundError):
                            self._count(entry.stat(follow_symlinks=False))
                            if entry.is_dir(follow_symlinks=False):
                                waiting.append((entry.path, depth + 1))
            except FileNotFoundError:
                continue
            except OSError:  # a path too long, or a folder that its owner closed
                self.hidden = True
            self.hidden = self.hidden or depth > _DEPTH
            if self.hidden:
                return

    def _deleted(self, pid: str) -> None:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    found = os.stat(f"/proc/{pid}/fd/{name}")
                    if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
                        self._count(found)

    def _count(self, found: os.stat_result) -> None:
        if (found.st_dev, found.st_ino) not in self._seen:
            self._seen.add((found.st_dev, found.st_ino))
            self.files += 1
            self.bytes += 512 * found.st_blocks


def room_pids(request: RoomRequest) -> list[str]:
    """Pids of the room's processes, for the warden that calls this."""
    if request.policy.pid_namespace and request.policy.mount_namespace:
        with contextlib.suppress(OSError):  # the room's own /proc lists the room alone
            return [name for name in os.listdir("/proc") if name.isdigit()]
    return descendants(os.getpid())


def descendants(pid: int | str) -> list[str]:
    """Pids of all processes below ``pid``."""
    out: list[str] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                for child in file.read().split():
                    out += [child, *descendants(child)]
    return out


def proportional_bytes(pid: str) -> int:
    """A process's memory, its part of what it shares; all that is resident where it shut its /proc to others."""
    with contextlib.suppress(OSError):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                shares = [int(line.split()[1]) << 10 for line in file if line.startswith("Pss:")]
            return shares[0] if shares else 0
        except PermissionError:
            with open(f"/proc/{pid}/statm") as file:
                return int(file.read().split()[1]) * resource.getpagesize()
    return 0


def socket_bytes(pids: Iterable[str]) -> int:
    """What the open sockets of these processes may hold in the kernel, where nothing counts it."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(f"/proc/{pid}/fd/{name}")
                    if target.startswith("socket:"):
                        found.add(target)
    return len(found) * _SOCKET_BYTES


def is_zombie(pid: str | int) -> bool:
    """Whether a process has ended, or is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
