"""A control group for one room, version 1 or 2, where this process may make one.

The files are opened while the host's tree is still in sight; the warden works through descriptors after it
has gone into the room's mount namespace.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


@dataclass
class Cgroup:
    """One directory for each controller. ``memory`` is where usage is read."""

    name: str
    parents: list[int] = field(default_factory=list)  # descriptors of the parent directories
    directories: list[int] = field(default_factory=list)
    memory: int | None = None
    unified: bool = False

    def add(self, pid: int) -> None:
        """Put a process, with all it will start, into the group."""
        for directory in self.directories:
            _write(directory, "cgroup.procs", str(pid))

    def peak_bytes(self) -> int | None:
        """The most memory that the group held at once."""
        if self.memory is None:
            return None
        text = _read(self.memory, "memory.peak" if self.unified else "memory.max_usage_in_bytes")
        return int(text) if text.strip().isdigit() else None

    def out_of_memory(self) -> bool:
        """Whether the kernel ended a process of the group for want of memory."""
        if self.memory is None:
            return False
        text = _read(self.memory, "memory.events" if self.unified else "memory.oom_control")
        counts = dict(line.split() for line in text.splitlines() if len(line.split()) == 2)
        return int(counts.get("oom_kill", 0)) > 0

    def remove(self) -> None:
        """Remove the directories; the kernel needs a moment after the last process has gone."""
        for directory in self.directories:
            os.close(directory)
        for parent in self.parents:
            for _ in range(200):
                try:
                    os.rmdir(self.name, dir_fd=parent)
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.005)
            os.close(parent)
        self.parents, self.directories, self.memory = [], [], None


def create(name: str, memory_bytes: int, processes: int) -> Cgroup | None:
    """A group with these limits, or None where none can be made whole. Leaves nothing behind on failure."""
    group = Cgroup(name)
    try:
        if (_ROOT / "cgroup.controllers").exists():
            _create_unified(group, memory_bytes, processes)
        else:
            _create_version_1(group, memory_bytes, processes)
    except OSError:
        group.remove()
        return None
    return group


def _create_unified(group: Cgroup, memory_bytes: int, processes: int) -> None:
    parent = _ROOT / _own_group("")
    directory = _make(group, parent)
    group.unified, group.memory = True, directory
    _write(directory, "memory.max", str(memory_bytes))
    with contextlib.suppress(OSError):  # absent where the kernel counts no swap
        _write(directory, "memory.swap.max", "0")
    _write(directory, "pids.max", str(processes))


def _create_version_1(group: Cgroup, memory_bytes: int, processes: int) -> None:
    memory = _make(group, _ROOT / "memory" / _own_group("memory"))
    group.memory = memory
    _write(memory, "memory.limit_in_bytes", str(memory_bytes))
    with contextlib.suppress(OSError):
        _write(memory, "memory.swappiness", "0")
    _write(_make(group, _ROOT / "pids" / _own_group("pids")), "pids.max", str(processes))
    # Each room has the same share of busy processors, however many processes and sessions it starts. Version 2
    # sees to it where the controller is handed down.
    with contextlib.suppress(OSError):
        _make(group, _ROOT / "cpu" / _own_group("cpu"))


def _own_group(controller: str) -> str:
    """The group that this process is in, relative to the controller's root; a room's group lies below it."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return path.lstrip("/")
    return ""


def _make(group: Cgroup, parent: Path) -> int:
    parent_descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    group.parents.append(parent_descriptor)
    _sweep(parent_descriptor)
    os.mkdir(group.name, dir_fd=parent_descriptor)
    descriptor = os.open(group.name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=parent_descriptor)
    group.directories.append(descriptor)
    return descriptor


def _sweep(parent: int) -> None:
    """Remove what is left of rooms whose warden and harness were both killed; the name holds the harness's pid."""
    for name in os.listdir(parent):
        found = re.fullmatch(r"torchgrade-(\d+)-[0-9a-f]+", name)
        if found and not os.path.exists(f"/proc/{found[1]}"):
            with contextlib.suppress(OSError):
                os.rmdir(name, dir_fd=parent)


def _write(directory: int, name: str, text: str) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=directory)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _read(directory: int, name: str) -> str:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 1 << 16).decode()
    finally:
        os.close(descriptor)
