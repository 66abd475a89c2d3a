"""``data fetch`` and ``data make``: the real set from its servers, the stand-in from a seed."""

from __future__ import annotations

import contextlib
import io
import socket
from pathlib import Path

from torchgrade.data.known import known_set
from torchgrade.data.places import MARK, Found
from torchgrade.data.prepared import PUBLIC_SEED, write_set
from torchgrade.data.splitting import draw_standin
from torchgrade.errors import UsageError

_SILENT_SECONDS = 30.0


def fetch(name: str, root: Path) -> Found:
    """Download with torchvision's own loader and check every md5. Raises UsageError in one clear line."""
    known = known_set(name)
    marked = root / known.folder / MARK
    if marked.exists():
        raise UsageError(f"{marked.parent} holds a stand-in; delete it or name another folder with --root")
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:
        raise UsageError(f"fetching needs torchvision (pip install 'torchgrade[course]'): {error}") from None
    loader = getattr(datasets, known.loader)
    waiting = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENT_SECONDS)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            loader(str(root), download=True)
    except (OSError, RuntimeError) as error:
        why = " ".join(str(error).split())[-160:]
        raise UsageError(
            f"{known.title} could not be fetched ({why}); put its files in {root / known.folder}, "
            f"or go without: a stand-in takes its place"
        ) from None
    finally:
        socket.setdefaulttimeout(waiting)
    found = Found(known, root)
    found.verify()
    return found


def make(name: str, root: Path, seed: bytes = PUBLIC_SEED) -> Path:
    """Write the stand-in's training and test pictures below ``root``, marked as such. Raises UsageError.

    Returns the folder. Real files are never overwritten.
    """
    known = known_set(name)
    folder = root / known.folder
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise UsageError(f"{folder} holds files that are no stand-in; name another folder with --root")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text(
            f"These pictures were drawn by `torchgrade data make {name}`. They are not {known.title}.\n",
            encoding="utf-8",
        )
        drawn = {p: draw_standin(known, p, b"\0".join((p.encode(), seed))) for p in ("train", "test")}
        write_set(root, known, drawn)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror})") from None
    return folder
