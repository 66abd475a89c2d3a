"""The resource limits that a room's kernel process sets itself, for good."""

from __future__ import annotations

import contextlib
import os
import resource

from torchgrade.sandbox import syscalls
from torchgrade.sandbox.policy import RoomRequest


def apply(request: RoomRequest) -> None:
    """Set them. Never above what is in force already."""
    limits = request.limits
    syscalls.limit(resource.RLIMIT_CORE, 0)
    if not request.gpu:  # CUDA reserves far more addresses than it uses
        syscalls.limit(resource.RLIMIT_DATA, _data_bytes() + (limits.memory_mb << 20))
    others = 0 if request.policy.user_namespace else _threads_of(os.getuid())
    syscalls.limit(resource.RLIMIT_NPROC, others + limits.processes)
    syscalls.limit(resource.RLIMIT_FSIZE, limits.disk_mb << 20)
    syscalls.limit(resource.RLIMIT_NOFILE, 1024)
    syscalls.limit(resource.RLIMIT_MEMLOCK, (256 << 20) if request.gpu else (64 << 10))
    syscalls.limit(resource.RLIMIT_MSGQUEUE, 0)


def _threads_of(uid: int) -> int:
    """How many threads the user has already: outside a user namespace they count against the room's limit."""
    count = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{name}").st_uid == uid:
                count += len(os.listdir(f"/proc/{name}/task"))
    return count


def _data_bytes() -> int:
    """What the warm parent already maps as data; the student's share comes on top of it."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmData:"):
                return int(line.split()[1]) << 10
    return 0
