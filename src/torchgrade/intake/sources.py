"""What SUBMISSIONS is: a folder, a platform's zip, a notebook, git repositories; and the slots that it holds."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from torchgrade.errors import UsageError
from torchgrade.intake.archive import list_zip, open_zip
from torchgrade.intake.canvas import canvas_slots
from torchgrade.intake.entries import Entry, Refused, file_entry, list_folder
from torchgrade.intake.git import Choice, repositories_in, repository_slots
from torchgrade.intake.gitlist import listed_slots, read_list
from torchgrade.intake.gradescope import gradescope_slots
from torchgrade.intake.kinds import NOTEBOOK, ZIP, is_candidate, is_junk
from torchgrade.intake.moodle import moodle_slots
from torchgrade.intake.nbgrader import nbgrader_slots
from torchgrade.intake.references import Repository, repository_at
from torchgrade.intake.slots import Slot, plain_slots

EXPECTED = (
    "expected a folder or a zip of <student>.ipynb or <student>/<any>.ipynb, a download of Moodle, Canvas or "
    "Gradescope, nbgrader's submitted/, a folder or a list (student,url) of git repositories, or one .ipynb"
)
_LISTS = (".csv", ".txt")
_FORGED = "git's dates are what each student's computer said; when a commit was pushed cannot be seen here"


@dataclass(frozen=True)
class Bounds:
    """What a platform's zip may hold, all students together."""

    members: int
    bytes: int


@dataclass(frozen=True)
class Source:
    """``base``: the path that entries are below; a zip's or single file's own path stands for all in it."""

    path: Path
    wanted: str  # the assignment's id, where it is known
    choice: Choice | None  # None: git repositories are not looked for
    tell: Callable[[str], None]

    def slots(self, stack: contextlib.ExitStack, bounds: Bounds) -> list[Slot]:
        """All hand-ins. What must stay until they are read is closed by ``stack``. Raises UsageError."""
        try:
            if self.choice and (found := self._repositories(stack, self.choice)):
                return found
            if self.choice and self.choice.chosen:
                option = "--tag" if self.choice.tag else "--until"
                raise UsageError(f"{option} is for git repositories, and {self.path} holds none")
            return self._recognised(self._entries(stack, bounds))
        except OSError as e:
            raise UsageError(f"{self.path}: cannot be read: {e.strerror}") from e

    def _repositories(self, stack: contextlib.ExitStack, choice: Choice) -> list[Slot]:
        """Slots of git repositories; none where the source is something else."""
        found: dict[str, Repository | None] = {}
        if self.path.is_dir():
            found = self._in_folder(choice)
            if not found:
                return []
        elif not (self.path.suffix.lower() in _LISTS and self.path.is_file() and not _is_notebook(self.path)):
            return []
        room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="torchgrade-git-")))
        self.tell(_FORGED)
        if self.path.is_dir():
            return repository_slots(found, choice, room)
        return listed_slots(read_list(self.path), choice, room)

    def _in_folder(self, choice: Choice) -> dict[str, Repository | None]:
        """Repositories by folder. Without an option they count only where every folder is one and nothing else
        lies there: a single student may have handed in a folder with a ``.git`` in it."""
        found = repositories_in(self.path)
        if any(found.values()):
            alone = all(found.values()) and not any(map(_is_handed_in, self.path.iterdir()))
            return found if choice.chosen or alone else {}
        own = repository_at(self.path)
        return {self.path.resolve().name: own} if own and choice.chosen else {}

    def _entries(self, stack: contextlib.ExitStack, bounds: Bounds) -> list[Entry]:
        if self.path.is_dir():
            return list_folder(self.path)
        if not self.path.exists():
            raise UsageError(f"{self.path}: there is no such file or folder; {EXPECTED}")
        if ZIP.fullmatch(self.path.name):
            return self._platform_zip(stack, bounds)
        if _is_notebook(self.path):
            return [file_entry((self.path.name,), self.path.resolve())]
        raise UsageError(f"{self.path}: is not a notebook; {EXPECTED}")

    def _platform_zip(self, stack: contextlib.ExitStack, bounds: Bounds) -> list[Entry]:
        """The entries of a learning platform's zip, within bounds for the whole of it."""
        try:
            opened = stack.enter_context(open_zip(stack.enter_context(self.path.open("rb"))))
        except Refused as e:
            raise UsageError(f"{self.path}: the zip file is damaged and cannot be opened") from e
        if len(opened.infolist()) > bounds.members:
            raise UsageError(f"{self.path}: the zip file holds more than {bounds.members} files")
        entries, outside = list_zip(opened)
        if sum(e.size for e in entries if is_candidate(e)) > bounds.bytes:
            raise UsageError(f"{self.path}: the zip file would unpack to more than {bounds.bytes // 2**30} GiB")
        if outside:
            self.tell(f"{self.path.name}: paths that point outside the zip were left out ({outside})")
        return entries

    def _recognised(self, entries: list[Entry]) -> list[Slot]:
        """By the first platform whose layout this is, perhaps inside the one folder that wraps it."""
        inner = unwrapped(entries)
        wrapped = entries is not inner
        for found in (entries, inner) if wrapped else (entries,):
            for read in (gradescope_slots, moodle_slots, canvas_slots):
                if (slots := read(found)) is not None:
                    return slots
            name = entries[0].parts[0] if found is not entries else self.path.resolve().name
            if (slots := nbgrader_slots(found, self.wanted, name == "submitted")) is not None:
                return slots
        return list(plain_slots(entries if self.path.is_dir() else inner))


def _is_handed_in(path: Path) -> bool:
    return path.is_file() and (_is_notebook(path) or ZIP.fullmatch(path.name) is not None)


def _is_notebook(path: Path) -> bool:
    return NOTEBOOK.fullmatch(path.name) is not None


def unwrapped(entries: list[Entry]) -> list[Entry]:
    """The content of the one folder that wraps a cohort; one student's folder is left as it is."""
    real = [e for e in entries if not is_junk(e.parts)]
    if len({e.parts[0] for e in real}) != 1 or any(len(e.parts) == 1 and not e.folder for e in real):
        return entries
    candidates = [e for e in real if is_candidate(e)]
    if len(candidates) < 2 and not any(len(e.parts) > 2 for e in candidates):
        return entries
    return [replace(e, parts=e.parts[1:]) for e in real if len(e.parts) > 1]
