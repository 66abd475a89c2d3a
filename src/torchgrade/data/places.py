"""Where a real data set lies: the search order, and the md5 check before anything is believed."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torchgrade.data.known import KnownSet
from torchgrade.errors import UsageError

VARIABLE = "TORCHGRADE_DATA"
#: Lies beside files that a program drew, so that nobody takes them for the real ones.
MARK = "STANDIN.txt"


@dataclass(frozen=True)
class Found:
    """A real set below ``root``: every file is there, plain, gzipped or in the archive. Not yet checked."""

    known: KnownSet
    root: Path

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises UsageError when they are not the official ones, naming the file."""
        path, data = self._bytes(name)
        md5 = dict(self.known.files)[name]
        there = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if there != md5:
            raise UsageError(
                f"{path}: this is not {self.known.title}'s file: md5 {there}, the official one is {md5}; "
                f"delete it, then `torchgrade data fetch {self.known.name}`"
            )
        return data

    def verify(self) -> None:
        """Check every file. Raises UsageError."""
        for name, _ in self.known.files:
            self.read(name)

    def _bytes(self, name: str) -> tuple[Path, bytes]:
        path = self.root / self.known.folder / name
        try:
            if path.is_file():
                return path, path.read_bytes()
            if (zipped := path.with_name(f"{name}.gz")).is_file():
                path = zipped
                return path, gzip.decompress(path.read_bytes())
            path = self.root / self.known.archive[0]
            return path, _from_archive(path, f"{self.known.folder}/{name}")
        except (OSError, EOFError, zlib.error, tarfile.TarError, KeyError) as error:
            raise UsageError(f"{path}: cannot be read ({error}); fetch it again") from None


def _from_archive(path: Path, member: str) -> bytes:
    with tarfile.open(path) as archive:
        file = archive.extractfile(member)
        if file is None:
            raise KeyError(member)
        with file:
            return io.BytesIO(file.read()).getvalue()


def roots(course_root: Path | None) -> tuple[Path, ...]:
    """Folders that are searched, in this order."""
    out = []
    if text := os.environ.get(VARIABLE):
        out.append(Path(text).expanduser())
    if course_root is not None:
        out += [course_root / "data", course_root.resolve().parent / "shared" / "data"]
    return (*out, own_root())


def own_root() -> Path:
    """Where ``fetch`` puts what it gets."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torchgrade" / "data"


def find(known: KnownSet, course_root: Path | None) -> Found | None:
    """The first root that holds all files of the set; a marked stand-in is passed over."""
    return next(_found(known, roots(course_root)), None)


def _found(known: KnownSet, places: tuple[Path, ...]) -> Iterator[Found]:
    for root in places:
        folder = root / known.folder
        if (folder / MARK).exists():
            continue
        whole = all((folder / n).is_file() or (folder / f"{n}.gz").is_file() for n, _ in known.files)
        if whole or (known.archive[0] and (root / known.archive[0]).is_file()):
            yield Found(known, root)
