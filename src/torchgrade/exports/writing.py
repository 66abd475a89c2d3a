"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from torchgrade.errors import UsageError

_SPARE = re.compile(r"\.[0-9a-f]{16}\.tmp")


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Says in one line what could not be written. Raises UsageError in place of OSError."""
    try:
        yield
    except OSError as error:
        place = Path(error.filename2 or error.filename or "the export")
        place = place.parent if _SPARE.fullmatch(place.name) else place  # nobody knows the spare file's name
        raise UsageError(f"{place}: cannot be written ({error.strerror})") from None


def write_files(files: Mapping[Path, bytes | Path]) -> None:
    """Put all of these in place once each of them is written beside it. A Path is a finished file to be moved,
    from the same folder. Raises OSError."""
    spares: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            spares[path] = content if isinstance(content, Path) else _spare(path)
            if not isinstance(content, Path):
                spares[path].write_bytes(content)
        for path, spare in spares.items():
            os.replace(spare, path)
    finally:
        for spare in spares.values():
            spare.unlink(missing_ok=True)


def write_folder(folder: Path, files: Mapping[str, bytes], mark: str) -> None:
    """Put a folder of these files (relative names) in place of an earlier one of the same kind, which has a file
    ``mark``. Raises OSError; UsageError where something else lies there."""
    if folder.exists() and not (folder / mark).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: holds something else; choose another place with --out")
    folder.parent.mkdir(parents=True, exist_ok=True)
    spare, old = _spare(folder), _spare(folder)
    try:
        for name, content in files.items():
            (spare / name).parent.mkdir(parents=True, exist_ok=True)
            (spare / name).write_bytes(content)
        if folder.exists():
            os.replace(folder, old)
        os.replace(spare, folder)
    finally:
        shutil.rmtree(spare, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def spare_beside(path: Path) -> Path:
    """A name for a file that is written in parts and then given to ``write_files``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return _spare(path)


def _spare(path: Path) -> Path:
    return path.with_name(f".{secrets.token_hex(8)}.tmp")
