"""git as a subprocess, told nothing by the user's settings and nothing by those of the repository.

A student's repository may hold any configuration: hooks, filters, helpers, a monitor of files, a remote to fetch
from. So git never works *in* it: it works in an empty repository of our own, whose objects are looked up in the
student's. What points there (branches, tags) is read without git, see ``references``.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from torchgrade.errors import UsageError
from torchgrade.intake.entries import Refused

_SECONDS = 60.0
_TICK = 0.2
_SAID = 2000

#: Never a helper of git's own making (ext::, fd::), never a file.
PROTOCOLS = ("https", "ssh")

_CONFIG = """[core]
\trepositoryformatversion = {version}
\tbare = true
\tcommitGraph = false
\tmultiPackIndex = false
\thooksPath = /dev/null
[extensions]
\tobjectFormat = {format}
"""


class GitFailed(Exception):
    """git ended with an error. ``str()`` is the last line that it said."""


def empty_repository(folder: Path, digits: int, shallow: bytes = b"") -> Path:
    """A repository without anything, of our own settings. ``digits``: of an object's name, 40 or 64."""
    (folder / "objects").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "HEAD").write_text("ref: refs/heads/none\n")
    (folder / "config").write_text(_CONFIG.format(version=1, format="sha256" if digits == 64 else "sha1"))
    if shallow:
        (folder / "shallow").write_bytes(shallow)
    return folder


def ask_git(repository: Path, objects: Path, arguments: tuple[str, ...], limit: int) -> bytes:
    """What git says, at most ``limit`` bytes. Raises GitFailed; Refused where it takes too long or says more."""
    environment = _environment(repository) | {"GIT_OBJECT_DIRECTORY": str(objects)}
    command = (_git(), "--no-pager", "--git-dir", str(repository), *arguments)
    return _run(command, environment, repository, limit, _SECONDS, lambda: True)


def clone(address: str, into: Path, *, seconds: float, max_bytes: int) -> None:
    """A bare copy. Raises GitFailed, and Refused where it takes too long or grows too large."""
    into.parent.mkdir(parents=True, exist_ok=True)
    command = (_git(), "clone", "--quiet", "--bare", "--no-local", "--template=", "--", address, str(into))
    environment = _environment(into.parent)
    _run(command, environment, into.parent, 2**20, seconds, lambda: _size(into) <= max_bytes)


@cache
def _git() -> str:
    found = shutil.which("git")
    if found is None:
        raise UsageError("git is not installed on this machine, so repositories cannot be read")
    return found


def _environment(home: Path) -> dict[str, str]:
    """All that git is told. Of the user's own environment nothing: no configuration, credentials or proxies."""
    nothing = os.devnull
    return {
        "PATH": os.pathsep.join((str(Path(_git()).parent), os.defpath)),
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": nothing,
        "GIT_CONFIG_GLOBAL": nothing,
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "safe.directory",  # what we made or were shown may belong to somebody else
        "GIT_CONFIG_VALUE_0": "*",
        "GIT_CONFIG_KEY_1": "core.hooksPath",
        "GIT_CONFIG_VALUE_1": nothing,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TEMPLATE_DIR": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "false",
        "SSH_ASKPASS": "false",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oPermitLocalCommand=no -oClearAllForwardings=yes",
        "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS),
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def _run(
    command: tuple[str, ...],
    environment: dict[str, str],
    folder: Path,
    limit: int,
    seconds: float,
    may_go_on: Callable[[], bool],
) -> bytes:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,
        )
        try:
            told = _read(process, limit, time.monotonic() + seconds, may_go_on)
            if process.wait(seconds):
                raise GitFailed(_last_line(said.fileno()))
            return told
        except subprocess.TimeoutExpired as e:
            raise Refused("Reading the git repository takes too long.") from e
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # helpers too: ssh, remote-https
            process.wait()
            if process.stdout:
                process.stdout.close()


def _read(process: subprocess.Popen[bytes], limit: int, end: float, may_go_on: Callable[[], bool]) -> bytes:
    pieces: list[bytes] = []
    size = 0
    assert process.stdout is not None
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while True:
            if time.monotonic() > end:
                raise Refused("Reading the git repository takes too long.")
            said = bool(ready.select(_TICK))
            if size > limit or not may_go_on():
                raise Refused("The git repository is too large.")
            if said:
                pieces.append(os.read(process.stdout.fileno(), 2**16))
                if not pieces[-1]:
                    return b"".join(pieces)
                size += len(pieces[-1])


def _last_line(descriptor: int) -> str:
    end = os.lseek(descriptor, 0, os.SEEK_END)
    text = os.pread(descriptor, _SAID, max(0, end - _SAID)).decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "git said nothing"


def _size(folder: Path) -> int:
    total = 0
    for where, _folders, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(Path(where) / name).st_size
    return total
