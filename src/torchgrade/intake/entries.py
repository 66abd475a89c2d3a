"""Files in a folder: listed without following links, opened only if regular, read only up to a size."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from torchgrade.intake.names import shown

_MAX_DEPTH = 8
_MAX_FILES = 5000  # in one student's folder

# Windows has none of these but O_BINARY; there a link is refused when the folder is listed.
_OPEN_FLAGS = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):
    _OPEN_FLAGS |= getattr(os, _flag, 0)


class Refused(Exception):
    """This submission cannot be read; ``str()`` says why in words for the student."""


@dataclass(frozen=True)
class Entry:
    """One thing that was handed in, in a folder or a zip.

    ``parts`` is its path below the folder. ``load(limit)`` gives its bytes, at most ``limit`` of them, or raises
    Refused; where ``refusal`` says why it cannot be read, loading raises just that. ``path`` is where it lies as a
    file of its own.
    """

    parts: tuple[str, ...]
    load: Callable[[int], bytes]
    folder: bool = False
    size: int = 0
    refusal: str = ""
    path: Path | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.parts[-1]


def refused_entry(parts: tuple[str, ...], problem: str) -> Entry:
    """An entry that is there and must not be opened."""

    def load(limit: int) -> bytes:
        raise Refused(problem)

    return Entry(parts, load, refusal=problem)


def file_entry(parts: tuple[str, ...], path: Path, size: int = 0) -> Entry:
    """An entry for a file that looked regular when it was listed; it is looked at again when opened."""
    return Entry(parts, lambda limit: read_regular(path, limit), size=size, path=path)


def list_folder(root: Path) -> list[Entry]:
    """All that lies in ``root`` and in its folders, sorted by path. Links are listed, never followed."""
    entries: list[Entry] = []
    for found in _sorted_scan(root):
        parts = (found.name,)
        if found.is_dir(follow_symlinks=False):
            entries.append(Entry(parts, lambda limit: b"", folder=True))
            entries += _student_folder(Path(found.path), parts)
        else:
            entries.append(_entry(found, parts))
    return entries


def read_regular(path: Path, limit: int) -> bytes:
    """The bytes of a regular file. Raises Refused for anything else, and beyond ``limit`` bytes."""
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as e:
        raise Refused(_why_not_opened(path.name, e)) from e
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):  # before Python opens it: of a folder it would not
        os.close(descriptor)
        raise Refused(_special(path.name))
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > limit:
            raise Refused(too_large(path.name, limit))
        try:
            data = file.read(status.st_size + 1)  # not limit: Python would set that much memory aside
        except OSError as e:
            raise Refused(f"'{shown(path.name)}' could not be read: {e.strerror}.") from e
    if len(data) > status.st_size:
        raise Refused(f"'{shown(path.name)}' grew while it was read. Hand it in again.")
    return data


def too_large(name: str, limit: int) -> str:
    """The sentence for a file that is over the limit."""
    size = f"{limit // 2**20} MiB" if limit >= 2**20 else f"{limit} bytes"
    return f"'{shown(name)}' is larger than {size}. Clear the notebook's outputs and hand it in again."


def _student_folder(folder: Path, parts: tuple[str, ...]) -> list[Entry]:
    """Everything below one student's folder, or one refusal if it is beyond all measure."""
    entries: list[Entry] = []
    try:
        for entry in _walk(folder, parts):
            entries.append(entry)
            if len(entries) > _MAX_FILES:
                problem = f"The folder holds more than {_MAX_FILES} files. Hand in the notebook alone."
                return [refused_entry((*parts, ".ipynb"), problem)]
    except OSError as e:
        return [refused_entry((*parts, ".ipynb"), _why_not_opened(e.filename or folder.name, e))]
    return entries


def _walk(folder: Path, parts: tuple[str, ...]) -> Iterator[Entry]:
    for found in _sorted_scan(folder):
        here = (*parts, found.name)
        if not found.is_dir(follow_symlinks=False):
            yield _entry(found, here)
        elif len(here) <= _MAX_DEPTH:
            yield from _walk(Path(found.path), here)


def _sorted_scan(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as scan:
        return sorted(scan, key=lambda found: found.name)


def _entry(found: os.DirEntry[str], parts: tuple[str, ...]) -> Entry:
    try:
        status = found.stat(follow_symlinks=False)
    except OSError as e:
        return refused_entry(parts, _why_not_opened(found.name, e))
    if stat.S_ISLNK(status.st_mode):
        return refused_entry(parts, _link(found.name))
    if not stat.S_ISREG(status.st_mode):
        return refused_entry(parts, _special(found.name))
    return file_entry(parts, Path(found.path), status.st_size)


def _link(name: str) -> str:
    return f"'{shown(name)}' is a symbolic link, which is not followed. Hand in the file itself."


def _special(name: str) -> str:
    return f"'{shown(name)}' is not a regular file, so it was not opened. Hand in the notebook file itself."


def _why_not_opened(name: str, error: OSError) -> str:
    name = Path(name).name
    if error.errno == errno.ELOOP:
        return _link(name)
    if error.errno in (errno.ENXIO, errno.ENODEV):
        return _special(name)
    if isinstance(error, PermissionError):
        return f"'{shown(name)}' may not be read: its permissions forbid it. Hand it in again."
    return f"'{shown(name)}' could not be opened: {error.strerror}."
