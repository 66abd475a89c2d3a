"""Where a git repository lies, and what its branches and tags point to: read as files, bounded, without git."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from torchgrade.intake.entries import Refused, read_regular
from torchgrade.intake.names import shown

_MAX_PACKED = 16 * 2**20
_MAX_REFERENCE = 4096
_MAX_STEPS = 5
_LISTED = 5

_OBJECT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_NAME = re.compile(r"refs(/(?!\.)[^\x00-\x20\x7f~^:?*\[\\/]+)+")
_SHALLOW = re.compile(rb"(?:[0-9a-f]{40}(?:[0-9a-f]{24})?\n?)+")


@dataclass(frozen=True)
class Repository:
    """``folder`` holds HEAD, objects and refs: a clone's .git, or the whole of a bare repository."""

    folder: Path

    @property
    def objects(self) -> Path:
        """Where its objects lie. Raises Refused where they may lie elsewhere as well."""
        objects = self.folder / "objects"
        named = any(os.path.lexists(objects / "info" / name) for name in ("alternates", "http-alternates"))
        if named or _holds_links(objects):
            raise Refused("The git repository keeps its objects in another one. Clone it anew, without that.")
        return objects.resolve()

    def head(self) -> str:
        """The name of the newest commit of the current branch. Raises Refused."""
        found = self._read("HEAD")
        if not found:
            raise Refused("The git repository holds no commit.")
        return found

    def tag(self, name: str) -> str:
        """The name of the object that a tag points to. Raises Refused."""
        found = (
            self._read(f"refs/tags/{name}") if _NAME.fullmatch(f"refs/tags/{name}") and ".." not in name else ""
        )
        if not found:
            there = sorted(self._tags())
            more = f" and {len(there) - _LISTED} more" if len(there) > _LISTED else ""
            listed = ", ".join(f"'{shown(tag)}'" for tag in there[:_LISTED])
            tags = f"Its tags: {listed}{more}." if there else "It has none."
            raise Refused(f"The git repository has no tag '{shown(name)}'. {tags}")
        return found

    def shallow(self) -> bytes:
        """Where its history was cut off when it was cloned."""
        raw = self._file("shallow", _MAX_PACKED)
        return raw if raw and _SHALLOW.fullmatch(raw) else b""

    def _read(self, name: str) -> str:
        """An object's name; empty where the reference leads nowhere."""
        for _step in range(_MAX_STEPS):
            text = (self._file(name, _MAX_REFERENCE) or b"").decode("utf-8", "replace").strip()
            if _OBJECT.fullmatch(text):
                return text
            if not text.startswith("ref:"):
                return self._packed().get(name, "")
            name = text[4:].strip()
            if not _NAME.fullmatch(name) or ".." in name:
                raise Refused("The git repository is kept in a way that is not read here.")
        return ""

    def _packed(self) -> dict[str, str]:
        lines = (self._file("packed-refs", _MAX_PACKED) or b"").decode("utf-8", "replace").splitlines()
        pairs = [line.split(" ", 1) for line in lines if line[:1] not in ("#", "^") and " " in line]
        return {name.strip(): object for object, name in pairs if _OBJECT.fullmatch(object)}

    def _tags(self) -> set[str]:
        packed = {n.removeprefix("refs/tags/") for n in self._packed() if n.startswith("refs/tags/")}
        try:
            loose = {entry.name for entry in os.scandir(self.folder / "refs" / "tags") if entry.is_file()}
        except OSError:
            loose = set()
        return packed | loose

    def _file(self, name: str, limit: int) -> bytes | None:
        path = self.folder / name
        try:
            return read_regular(path, limit) if path.exists() else None
        except (Refused, OSError) as e:  # OSError: a name that is too long for the disk, a folder that is closed
            raise Refused("The git repository is damaged or is kept in a way that is not read here.") from e


def repository_at(folder: Path) -> Repository | None:
    """The repository that a folder is: a clone, or a bare one. Links are not followed."""
    return next((Repository(place) for place in (folder / ".git", folder) if _is_repository(place)), None)


def _holds_links(objects: Path) -> bool:
    """Whether links lead out of the two levels in which git looks for objects."""
    try:
        with os.scandir(objects) as scan:
            inside = list(scan)
        folders = [found.path for found in inside if found.is_dir(follow_symlinks=False)]
        return any(found.is_symlink() for found in inside) or any(map(_holds_a_link, folders))
    except OSError as e:
        raise Refused("The git repository is damaged: git cannot read it.") from e


def _holds_a_link(folder: str) -> bool:
    with os.scandir(folder) as scan:
        return any(found.is_symlink() for found in scan)


def _is_repository(folder: Path) -> bool:
    return (
        _is(folder, stat.S_ISDIR)
        and _is(folder / "HEAD", stat.S_ISREG)
        and all(_is(folder / name, stat.S_ISDIR) for name in ("objects", "refs"))
    )


def _is(path: Path, kind: object) -> bool:
    try:
        return bool(kind(path.lstat().st_mode))  # type: ignore[operator]
    except OSError:
        return False
