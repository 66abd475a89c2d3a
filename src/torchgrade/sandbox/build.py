"""The root of a sealed room: read-only system folders, and one small tmpfs for all that can be written."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
from pathlib import Path

from torchgrade.sandbox import syscalls
from torchgrade.sandbox.policy import DATA, INNER_UID, TOOLS, RoomRequest, most_files
from torchgrade.sandbox.syscalls import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC

_OLD = "/.old"
_DEVICES = ("null", "zero", "full", "random", "urandom")
_TERMINALS = 32
_SHARED = ("tmp", "shm", "vartmp", "home")


def devices(*, gpu: bool) -> list[str]:
    """Device files that a room may open."""
    names = [f"/dev/{n}" for n in _DEVICES]
    return names + sorted(glob.glob("/dev/nvidia*") + glob.glob("/dev/nvidia-caps/*")) if gpu else names


def writable(home: str) -> list[str]:
    """Folders of a sealed room that the student may write."""
    return ["/tmp", "/var/tmp", "/dev/shm", "/dev/pts", home]


def room_root(request: RoomRequest) -> None:
    """Build the room's root and make it this process's. Must run in a mount namespace of its own.

    Sources are opened first and bound by descriptor, because the place where the root grows may hide them.
    """
    syscalls.mount(None, "/", None, MS_REC | MS_PRIVATE)
    sources = {path: _open(path) for path in request.read_only}
    device_sources = {path: _open(path) for path in devices(gpu=request.gpu)}
    own = {
        inside: _open(outside)
        for inside, outside in ((DATA, request.data_root), (TOOLS, request.tools))
        if outside
    }
    root = "/tmp"
    syscalls.mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=2m,nr_inodes=8192,mode=755")
    _make_scratch(root, request)  # first: an environment that lies below /tmp must be seen in the room's own
    for path, source in sources.items():
        _show(root, path, source)
    for path in request.hidden:
        if any(Path(path).is_relative_to(shown) for shown in request.read_only):
            _hide(root, path)
    _write_etc(root)
    for inside, source in own.items():
        os.makedirs(root + inside, exist_ok=True)
        syscalls.bind_read_only(f"/proc/self/fd/{source}", root + inside)
    _make_devices(root, device_sources)
    os.makedirs(root + "/proc", exist_ok=True)
    os.mkdir(root + _OLD)
    for descriptor in (*sources.values(), *device_sources.values(), *own.values()):
        if descriptor >= 0:
            os.close(descriptor)
    os.chdir(root)
    syscalls.pivot_root(".", _OLD[1:])
    os.chdir("/")


def finish_root() -> None:
    """Run by the first process of the room's PID namespace: its own /proc, then the host's tree goes.

    The kernel lets a new /proc be mounted only while a whole one is in sight, so the old tree stays until now.
    """
    syscalls.mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    syscalls.detach(_OLD)
    os.rmdir(_OLD)
    syscalls.mount(None, "/", None, syscalls.MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return -1


def _show(root: str, path: str, source: int) -> None:
    target = root + path
    os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    if os.path.lexists(target):
        return
    if os.path.islink(path):
        os.symlink(os.readlink(path), target)
    elif source >= 0:
        _mount_point(target, directory=stat.S_ISDIR(os.fstat(source).st_mode))
        syscalls.bind_read_only(f"/proc/self/fd/{source}", target)


def _mount_point(target: str, *, directory: bool) -> None:
    if directory:
        os.makedirs(target, mode=0o755, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))


def _hide(root: str, path: str) -> None:
    """Cover a folder that must not be seen though it lies below one that must."""
    if os.path.isdir(root + path):
        syscalls.mount("tmpfs", root + path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k,nr_inodes=2")


def _write_etc(root: str) -> None:
    """Names for the one user there is; the host's users are nobody's business."""
    os.makedirs(root + "/etc", exist_ok=True)
    home = "/home/student"
    for name, text in (
        ("passwd", f"student:x:{INNER_UID}:{INNER_UID}::{home}:/bin/sh\n"),
        ("group", f"student:x:{INNER_UID}:\n"),
        ("hosts", "127.0.0.1 localhost\n::1 localhost\n"),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    ):
        with open(f"{root}/etc/{name}", "w") as file:
            file.write(text)


def _make_devices(root: str, sources: dict[str, int]) -> None:
    for path, source in sources.items():
        if source < 0:
            continue
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        _mount_point(root + path, directory=False)
        syscalls.mount(f"/proc/self/fd/{source}", root + path, None, MS_BIND)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"{root}/dev/{name}")
    # Terminals of its own: IPython runs `!command` on one. Those of the whole machine are counted together.
    os.mkdir(root + "/dev/pts")
    options = f"newinstance,ptmxmode=0666,mode=666,max={_TERMINALS}"
    syscalls.mount("devpts", root + "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, options)
    os.symlink("pts/ptmx", root + "/dev/ptmx")


def _make_scratch(root: str, request: RoomRequest) -> None:
    """One tmpfs, so that one quota binds every place that can be written."""
    megabytes = request.limits.disk_mb
    scratch = root + "/.scratch"
    os.mkdir(scratch)
    options = f"size={megabytes}m,nr_inodes={most_files(request.limits)},mode=755"
    syscalls.mount("tmpfs", scratch, "tmpfs", MS_NOSUID | MS_NODEV, options)
    places = dict(zip(_SHARED, ("/tmp", "/dev/shm", "/var/tmp", request.home), strict=True))
    for name, place in places.items():
        os.mkdir(f"{scratch}/{name}")
        # Anybody may write: the room has one user, and who that is outside depends on who runs the harness.
        os.chmod(f"{scratch}/{name}", 0o1777)  # noqa: S103
        os.makedirs(root + place, exist_ok=True)
        syscalls.mount(f"{scratch}/{name}", root + place, None, MS_BIND)
    with contextlib.suppress(OSError):
        syscalls.detach(scratch)
        os.rmdir(scratch)
