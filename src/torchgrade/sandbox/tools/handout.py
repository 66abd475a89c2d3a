"""`wget` and `curl` of the room, where there is no network: files of the known data sets come from the room's own.

Standard library only, and run apart from the engine: the first argument says which of the two it is to be.
Anything else ends as the real programs end where no network is: wget with 4, curl with 6.
"""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

Give = Callable[[BinaryIO], None]

NO_NETWORK = {"wget": 4, "curl": 6}
MISUSED = 2
CANNOT_WRITE = {"wget": 3, "curl": 23}
#: Archives of the CIFAR sets, and the folder in each.
ARCHIVES = {"cifar-10-python.tar.gz": "cifar-10-batches-py", "cifar-100-python.tar.gz": "cifar-100-python"}
#: Options with a value that changes nothing here.
WITH_VALUE = {
    "wget": {*"aeilADoQRtTUwX", "header", "tries", "timeout", "user-agent", "output-file", "limit-rate"},
    "curl": {*"AbcdeEFHKmQrTuUwxXyYzC", "header", "retry", "user-agent", "max-time", "connect-timeout"},
}
#: Options with a value that we heed, and flags, by what they mean.
HEEDED = {
    "wget": {"O": "output", "output-document": "output", "P": "folder", "directory-prefix": "folder"},
    "curl": {"o": "output", "output": "output", "output-dir": "folder", "url": "url"},
}
FLAGS = {
    "wget": {
        "q": "quiet", "quiet": "quiet", "nv": "quiet", "no-verbose": "quiet", "nc": "keep", "no-clobber": "keep",
        "c": "keep", "continue": "keep", "N": "keep", "timestamping": "keep",
    },
    "curl": {
        "s": "quiet", "silent": "quiet", "O": "remote", "remote-name": "remote", "remote-name-all": "remote",
        "create-dirs": "make",
    },
}  # fmt: skip


@dataclass
class Wanted:
    """What the command line asks for."""

    urls: list[str] = field(default_factory=list)
    output: str = ""
    folder: str = ""
    flags: set[str] = field(default_factory=set)

    def heed(self, meaning: str, value: str) -> None:
        """Take over the value of an option."""
        if meaning == "url":
            self.urls.append(value)
        else:
            setattr(self, meaning, value)


def main(program: str, arguments: list[str], root: Path) -> int:
    """Run as ``program``; returns its exit code."""
    try:
        wanted = parse(program, arguments)
    except ValueError as error:
        return say(program, str(error), MISUSED)
    if not wanted.urls:
        return say(program, "no URL was given", MISUSED)
    code = 0
    for url in wanted.urls:
        code = fetch(program, url, wanted, root) or code
    return code


def parse(program: str, arguments: list[str]) -> Wanted:
    """Read the command line. Options that change nothing here are passed over. Raises ValueError."""
    wanted, waiting = Wanted(), list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            wanted.urls += waiting
            break
        if word.startswith("--"):
            _long(program, word[2:], waiting, wanted)
        elif word.startswith("-") and len(word) > 1:
            _short(program, word[1:], waiting, wanted)
        else:
            wanted.urls.append(word)
    return wanted


def _long(program: str, option: str, waiting: list[str], wanted: Wanted) -> None:
    name, has_value, value = option.partition("=")
    if name in HEEDED[program]:
        wanted.heed(HEEDED[program][name], value if has_value else _next(name, waiting))
    elif name in FLAGS[program]:
        wanted.flags.add(FLAGS[program][name])
    elif name in WITH_VALUE[program] and not has_value:
        _next(name, waiting)


def _short(program: str, letters: str, waiting: list[str], wanted: Wanted) -> None:
    """One word of short options: ``-nc``, ``-qO name``, ``-OL``, ``-Pfolder``."""
    if letters in FLAGS[program]:
        wanted.flags.add(FLAGS[program][letters])
        return
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter in HEEDED[program]:
            wanted.heed(HEEDED[program][letter], letters or _next(letter, waiting))
            return
        if letter in FLAGS[program]:
            wanted.flags.add(FLAGS[program][letter])
        elif letter in WITH_VALUE[program]:
            if not letters:
                _next(letter, waiting)
            return


def _next(option: str, waiting: list[str]) -> str:
    if not waiting:
        raise ValueError(f"option {option} wants a value")
    return waiting.pop(0)


def fetch(program: str, url: str, wanted: Wanted, root: Path) -> int:
    """Hand out one file. Returns an exit code."""
    name = unquote(Path(urlsplit(url).path).name)
    give = finder(name, root)
    if give is None:
        said = f"there is no network in this room, and {url} is no file of the course's data sets"
        if there := known_names(root):
            said += f"; at hand are {', '.join(there)}"
        return say(program, said, NO_NETWORK[program])
    if wanted.output == "-" or (program == "curl" and not wanted.output and "remote" not in wanted.flags):
        give(sys.stdout.buffer)
        return 0
    place = place_for(program, name, wanted)
    quiet = "quiet" in wanted.flags
    if "keep" in wanted.flags and place.exists():
        return 0 if quiet else say(program, f"{place} is already there", 0)
    try:
        if program == "wget" or "make" in wanted.flags:
            place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as file:
            give(file)
    except OSError as error:
        return say(program, f"{place}: {error.strerror}", CANNOT_WRITE[program])
    return 0 if quiet else say(program, f"{place}: from the course's data sets", 0)


def place_for(program: str, name: str, wanted: Wanted) -> Path:
    """Where a file goes: wget's -O names the whole path, curl's -o is below --output-dir."""
    if program == "wget" and wanted.output:
        return Path(wanted.output)
    return Path(wanted.folder or ".") / (wanted.output or name)


def finder(name: str, root: Path) -> Give | None:
    """What writes the file of this name to a stream, or None."""
    plain = name.removesuffix(".gz")
    if (path := root / "MNIST" / "raw" / plain).is_file() and plain.endswith("-ubyte"):
        return partial(zip_to if name != plain else copy_to, path)
    if name in ARCHIVES and (folder := root / ARCHIVES[name]).is_dir():
        return partial(pack_to, folder)
    return None


def known_names(root: Path) -> list[str]:
    """What can be asked for."""
    names = [f"{p.name}.gz" for p in sorted((root / "MNIST" / "raw").glob("*-ubyte"))]
    return names + [archive for archive, folder in ARCHIVES.items() if (root / folder).is_dir()]


def copy_to(path: Path, out: BinaryIO) -> None:
    """The file as it is."""
    with path.open("rb") as file:
        shutil.copyfileobj(file, out, 1 << 20)


def zip_to(path: Path, out: BinaryIO) -> None:
    """The file as the servers have it: gzipped, quickly rather than small."""
    with gzip.GzipFile("", "wb", compresslevel=1, fileobj=out, mtime=0) as zipped, path.open("rb") as file:
        shutil.copyfileobj(file, zipped, 1 << 20)


def pack_to(folder: Path, out: BinaryIO) -> None:
    """The folder as the archive that the servers have."""
    with (
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=out, mtime=0) as zipped,
        tarfile.open(mode="w|", fileobj=zipped) as archive,
    ):
        archive.add(folder, folder.name, filter=_writable)


def _writable(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """What a student unpacks is theirs: `rm` must not ask back, since nobody could answer. Ours stays out."""
    if member.name.rpartition("/")[2].startswith("."):
        return None
    member.mode |= 0o200
    return member


def say(program: str, text: str, code: int) -> int:
    """A line on standard error; returns ``code``."""
    print(f"{program}: {text}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:], Path(os.environ.get("TORCHGRADE_ROOM_DATA", "/data"))))
