"""A git repository that is written by releases alone: one commit each, a tag for each version."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from torchgrade.errors import UsageError
from torchgrade.kit.contents import Files

_WHO = "torchgrade release"
_MAIL = "release@torchgrade.invalid"
_BRANCH = "main"
_IDENTITY = (("NAME", _WHO), ("EMAIL", _MAIL))
_NONE: Mapping[str, str] = MappingProxyType({})


class Repository:
    """``folder`` and its history. Nothing of the user's own git configuration (hooks, signatures) takes part."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self) -> None:
        """Raise UsageError where a release must not write: something else lies here, or somebody worked here."""
        if not self.folder.exists() or not any(self.folder.iterdir()):
            return
        if not (self.folder / ".git").is_dir():
            raise UsageError(f"{self.folder}: is not empty and no release made it; choose another folder")
        if self._git("status", "--porcelain").strip():
            raise UsageError(
                f"{self.folder}: has changes of your own; a release would lose them. Move them away first"
            )
        if self._has_commits() and self._git("log", "-1", "--format=%ae").strip() != _MAIL:
            raise UsageError(f"{self.folder}: has commits of your own; make such changes in the course instead")

    def versions(self) -> list[int]:
        """The numbers of the tags v1, v2, …, in order."""
        if not (self.folder / ".git").is_dir():
            return []
        tags = self._git("tag", "--list", "v*").split()
        return sorted(int(tag[1:]) for tag in tags if tag[1:].isdecimal())

    def file(self, path: str) -> bytes | None:
        """A file of the last release; None where there is none."""
        if path not in self.digests():
            return None
        return self._bytes("cat-file", "blob", f"{_BRANCH}:{path}")

    def digests(self) -> dict[str, str]:
        """The files of the last release by path, with git's digest of each."""
        if not (self.folder / ".git").is_dir() or not self._has_commits():
            return {}
        lines = self._bytes("ls-tree", "-r", "-z", _BRANCH).decode().split("\0")
        return {path: head.split()[2] for head, path in (line.split("\t", 1) for line in lines if line)}

    def commit(self, files: Mapping[str, bytes], message: str) -> bool:
        """Make ``files`` the content of the newest commit and of the folder; whether that changed anything."""
        if not (self.folder / ".git").is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._git("init", "--quiet", f"--initial-branch={_BRANCH}", "--template=")
        changed = self.digests() != {path: blob_digest(content) for path, content in files.items()}
        if changed:
            self._commit(files, message)
        self._git(
            "reset", "--quiet", "--hard", _BRANCH
        )  # also where an earlier release was killed before this line
        return changed

    def tag(self, version: int) -> None:
        """Call the newest commit v<version>."""
        self._git("tag", f"v{version}", _BRANCH)

    def tagged(self) -> bool:
        """Whether the newest commit has a version."""
        return any(t[1:].isdecimal() for t in self._git("tag", "--list", "v*", "--points-at", _BRANCH).split())

    def _commit(self, files: Mapping[str, bytes], message: str) -> None:
        parents = ["-p", _BRANCH] if self._has_commits() else []
        with tempfile.TemporaryDirectory() as spare:
            write_files(Path(spare) / "tree", files)
            apart = {"GIT_WORK_TREE": f"{Path(spare) / 'tree'}", "GIT_INDEX_FILE": f"{Path(spare) / 'index'}"}
            apart["GIT_DIR"] = str((self.folder / ".git").resolve())
            self._git("add", "--all", "--force", ".", cwd=Path(spare) / "tree", more=apart)
            tree = self._git("write-tree", more=apart).strip()
        commit = self._git("commit-tree", tree, *parents, "-m", message).strip()
        self._git("update-ref", f"refs/heads/{_BRANCH}", commit)

    def _has_commits(self) -> bool:
        return bool(self._git("branch", "--list", _BRANCH).strip())

    def _git(self, *arguments: str, cwd: Path | None = None, more: Mapping[str, str] = _NONE) -> str:
        return self._bytes(*arguments, cwd=cwd, more=more).decode(errors="replace")

    def _bytes(self, *arguments: str, cwd: Path | None = None, more: Mapping[str, str] = _NONE) -> bytes:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        own |= {f"GIT_{role}_{what}": v for role in ("AUTHOR", "COMMITTER") for what, v in _IDENTITY}
        command = ["git", "-c", "core.autocrlf=false", "-c", "safe.directory=*", *arguments]
        try:
            done = subprocess.run(
                command, cwd=cwd or self.folder, env={**kept, **own, **more}, capture_output=True, check=False
            )
        except FileNotFoundError:
            raise UsageError("a release needs git, and there is none on this machine") from None
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["without a word"]
            raise UsageError(f"{self.folder}: git {arguments[0]} failed: {last[0]}")
        return done.stdout


def blob_digest(content: bytes) -> str:
    """What git calls a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write each file below ``folder``."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def read_files(folder: Path) -> Files:
    """Every file below ``folder``, that of git left out."""
    found = (p for p in sorted(folder.rglob("*")) if p.is_file())
    named = ((p.relative_to(folder).as_posix(), p) for p in found)
    return {name: path.read_bytes() for name, path in named if not name.startswith(".git/")}
