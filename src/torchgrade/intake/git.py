"""Hand-ins from git repositories: one commit of each, read as git's objects. Nothing is checked out or run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from torchgrade.intake.dates import shown_moment
from torchgrade.intake.entries import Entry, Refused, refused_entry, too_large
from torchgrade.intake.gitrun import GitFailed, ask_git, empty_repository
from torchgrade.intake.kinds import is_junk
from torchgrade.intake.names import shown, student_name
from torchgrade.intake.persons import NAME, REPOSITORY, Person
from torchgrade.intake.references import Repository, repository_at
from torchgrade.intake.roster import STUDENT
from torchgrade.intake.slots import Slot

_MAX_LISTING = 32 * 2**20
_MAX_COMMIT = 2**20
_SHORT = 8

_COMMITTER = re.compile(rb"^committer [^\n]* (\d{1,12}) [+-]\d{4}$", re.MULTILINE)
_LISTED = re.compile(rb"(\d{6}) (\w+) ([0-9a-f]{40,64}) +([\w-]+)\t([^\0]+)\0")


@dataclass(frozen=True)
class Choice:
    """Which commit counts: the one that a tag marks, the last one until a moment, or else the newest."""

    tag: str = ""
    until: datetime | None = None

    @property
    def chosen(self) -> bool:
        """Whether anything was asked for."""
        return bool(self.tag or self.until)


def repositories_in(folder: Path) -> dict[str, Repository | None]:
    """Each folder in ``folder`` with the repository that it is, if it is one; hidden ones are passed over."""
    inside = [path for path in sorted(folder.iterdir()) if not is_junk((path.name,)) and path.is_dir()]
    return {path.name: None if path.is_symlink() else repository_at(path) for path in inside}


def repository_slots(found: dict[str, Repository | None], choice: Choice, room: Path) -> list[Slot]:
    """One slot for each folder. ``room``: an empty folder to work in until all is read."""
    return [
        repository_slot(_person(top), top, repository, choice, room / str(number))
        for number, (top, repository) in enumerate(found.items())
    ]


def repository_slot(person: Person, top: str, repository: Repository | None, choice: Choice, room: Path) -> Slot:
    """The chosen commit of one repository; why there is none is the slot's problem."""
    if repository is None:
        return Slot(person, top, (), problem="There is no git repository here.")
    try:
        reader = _Reader(repository, choice, room)
        commit, at = reader.commit()
        entries = tuple(reader.entries(commit, top))
    except Refused as e:
        return Slot(person, top, (), problem=str(e))
    except GitFailed:
        return Slot(person, top, (), problem="The git repository is damaged: git cannot read it.")
    when = f" of {shown_moment(at)}" if at else ""
    return Slot(person, top, entries, at, (f"Commit {commit[:_SHORT]}{when} was taken.",))


def _person(top: str) -> Person:
    name = student_name(top.removesuffix(".git"))
    return Person(name, ((STUDENT, name), ("git", name), ("email", name), (REPOSITORY, name), (NAME, name)))


class _Reader:
    """One repository, asked through an empty one of our own."""

    def __init__(self, repository: Repository, choice: Choice, room: Path) -> None:
        self._choice, self._objects = choice, repository.objects
        self._start = repository.tag(choice.tag) if choice.tag else repository.head()
        self._own = empty_repository(room, len(self._start), repository.shallow())

    def _ask(self, *arguments: str, limit: int = _MAX_COMMIT) -> bytes:
        return ask_git(self._own, self._objects, arguments, limit)

    def commit(self) -> tuple[str, datetime | None]:
        """The chosen commit, and its committer's date."""
        named = self._ask("rev-parse", "--verify", "--quiet", f"{self._start}^{{commit}}")
        commit = named.decode("ascii", "replace").strip()
        if self._choice.until is not None:
            commit = self._last_until(commit, self._choice.until)
        match = _COMMITTER.search(self._ask("cat-file", "commit", commit).split(b"\n\n", 1)[0])
        return commit, _moment(int(match[1])) if match else None

    def _last_until(self, head: str, until: datetime) -> str:
        told = self._ask("rev-list", "--max-count=1", f"--min-age={int(until.timestamp())}", head, "--")
        commit = told.decode("ascii", "replace").strip()
        if not commit:
            raise Refused(f"The git repository holds no commit until {shown_moment(until)}.")
        return commit

    def entries(self, commit: str, top: str) -> Iterator[Entry]:
        """The files of a commit, below ``top``; links and repositories within it are never followed."""
        listing = self._ask("ls-tree", "-r", "-l", "-z", "--full-tree", commit, limit=_MAX_LISTING)
        for match in _LISTED.finditer(listing):
            mode, kind, name, size, path = match.groups()
            parts = (top, *path.decode("utf-8", "backslashreplace").split("/"))
            if kind != b"blob":
                continue
            if mode == b"120000":
                yield refused_entry(parts, f"'{shown(parts[-1])}' is a symbolic link, which is not followed.")
            else:
                yield self._entry(parts, name.decode(), int(size) if size.isdigit() else 0)

    def _entry(self, parts: tuple[str, ...], name: str, size: int) -> Entry:
        def load(limit: int) -> bytes:
            if size > limit:
                raise Refused(too_large(parts[-1], limit))
            try:
                return _not_elsewhere(self._ask("cat-file", "blob", name, limit=limit))
            except GitFailed as e:
                raise Refused("The git repository is damaged: git cannot read it.") from e

        return Entry(parts, load, size=size)


def _not_elsewhere(raw: bytes) -> bytes:
    if raw.startswith(b"version https://git-lfs.github.com/spec/"):
        raise Refused("The notebook is kept in Git LFS; the repository holds only a pointer to it.")
    return raw


def _moment(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
