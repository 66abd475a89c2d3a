"""Runs a script as a plain user of this machine: ``python as_user.py UID SCRIPT ARGUMENTS…``, started by root.

Where the interpreter lies in a folder that only root may enter, it is shown at the same path in a mount
namespace of this process alone; nothing on the machine changes.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from torchgrade.sandbox import syscalls
from torchgrade.sandbox.syscalls import CLONE_NEWNS, MS_BIND, MS_PRIVATE, MS_REC


def closed_parent(path: Path) -> Path | None:
    """The outermost folder above ``path`` that other users may not enter."""
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


def show(paths: list[Path]) -> None:
    """Make these folders reachable for everybody, in this process's own mount namespace."""
    closed = {p: top for p in paths if (top := closed_parent(p)) is not None}
    if not closed:
        return
    syscalls.unshare(CLONE_NEWNS)
    syscalls.mount(None, "/", None, MS_REC | MS_PRIVATE)
    sources = {path: os.open(path, os.O_PATH) for path in closed}
    for top in set(closed.values()):
        syscalls.mount("tmpfs", str(top), "tmpfs", 0, "mode=755,size=1m")
    for path, source in sources.items():
        path.mkdir(parents=True, exist_ok=True)
        syscalls.mount(f"/proc/self/fd/{source}", str(path), None, MS_BIND | MS_REC)
        os.close(source)


def main(uid: int, command: list[str]) -> None:
    """Become the user and run the command with this interpreter."""
    import torchgrade

    needed = {
        Path(p).resolve() for p in (sys.prefix, sys.base_prefix, Path(torchgrade.__file__).parents[1], __file__)
    }
    show(sorted(p if p.is_dir() else p.parent for p in needed))
    os.environ["HOME"] = "/nonexistent"
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.execv(sys.executable, [sys.executable, *command])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
