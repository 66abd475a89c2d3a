"""A room's folder outside it: made and held by a lock, removed whatever lies in it, swept up when nobody holds it.

The lock belongs to an open directory that harness and warden share: it is let go when both have ended, by
whatever means, and the next harness that starts removes the folder.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is swept there
    fcntl = None  # type: ignore[assignment]

PREFIX = "torchgrade-room-"
#: A folder is made a moment before it is locked; none younger than this is swept.
_YOUNG_SECONDS = 60.0
#: A UNIX socket's path has 107 bytes at most.
_LONG_PATH = 80


@dataclass
class Folder:
    """A folder of one room. ``parent`` and ``lock`` are descriptors, -1 where there are none."""

    path: Path
    parent: int = -1
    lock: int = -1

    @classmethod
    def make(cls) -> Folder:
        """Make one in the temporary folder, empty and locked. Raises OSError."""
        usual = os.fsencode(tempfile.gettempdir())
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp" if len(usual) > _LONG_PATH else None))
        if fcntl is None:
            return cls(path)
        lock = os.open(path, _DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_SH)
        return cls(path, os.open(path.parent, _DIRECTORY), lock)

    def remove(self) -> None:
        """Remove it with all that is in it, and let go of it. May be called twice."""
        if fcntl is None:
            shutil.rmtree(self.path, ignore_errors=True)
            return
        if self.parent >= 0:
            remove(self.path.name, self.parent)
        for descriptor in (self.parent, self.lock):
            if descriptor >= 0:
                os.close(descriptor)
        self.parent = self.lock = -1


_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)


def remove(name: str, parent: int) -> None:
    """Remove the folder ``name`` of the open directory ``parent``, however deep, whatever the modes in it.

    Follows no link. What cannot be removed stays.
    """
    with contextlib.suppress(OSError):
        top = _open(name, parent)
        try:
            _empty(top)
        finally:
            os.close(top)
        os.rmdir(name, dir_fd=parent)


def _empty(top: int) -> None:
    """Level by level: folders of the second level are lifted to the first, so that no path and no stack grows."""
    word, number = secrets.token_hex(8), 0
    before: set[str] = set()
    while (names := set(os.listdir(top))) and names != before:
        before = names
        for name in names:
            if _unlink(name, top):
                continue
            with contextlib.suppress(OSError):
                child = _open(name, top)
                try:
                    for inner in os.listdir(child):
                        if not _unlink(inner, child):
                            number += 1
                            _make_writable(inner, child)
                            os.rename(inner, f"{word}-{number}", src_dir_fd=child, dst_dir_fd=top)
                finally:
                    os.close(child)
                os.rmdir(name, dir_fd=top)


def _unlink(name: str, folder: int) -> bool:
    """Remove anything but a folder that holds something; False where it is one."""
    try:
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            os.rmdir(name, dir_fd=folder)
        else:
            os.unlink(name, dir_fd=folder)
    except OSError:
        return False
    return True


def _open(name: str, parent: int) -> int:
    _make_writable(name, parent)
    return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)


def _make_writable(name: str, parent: int) -> None:
    """A student may take every right from a folder; root needs none."""
    if os.geteuid() == 0 or not hasattr(os, "O_PATH"):
        return
    with contextlib.suppress(OSError):
        found = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=parent)
        try:
            os.chmod(f"/proc/self/fd/{found}", 0o700)
        finally:
            os.close(found)


def sweep() -> None:
    """Remove the folders of rooms whose harness and warden were both killed."""
    if fcntl is None:
        return
    for place in {tempfile.gettempdir(), "/tmp"}:
        with contextlib.suppress(OSError):
            parent = os.open(place, _DIRECTORY)
            try:
                for name in os.listdir(parent):
                    if name.startswith(PREFIX):
                        _sweep_one(name, parent)
            finally:
                os.close(parent)


def _sweep_one(name: str, parent: int) -> None:
    with contextlib.suppress(OSError):
        folder = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        try:
            made = os.fstat(folder)
            if made.st_uid != os.geteuid() or time.time() - made.st_mtime < _YOUNG_SECONDS:
                return
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while anybody holds it
            remove(name, parent)
        finally:
            os.close(folder)
