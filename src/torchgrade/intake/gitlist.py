"""A list of repositories, ``student,url``: fetched one by one into a folder that is gone afterwards."""

from __future__ import annotations

import concurrent.futures
import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from torchgrade.errors import SpecError, UsageError
from torchgrade.intake.entries import Refused
from torchgrade.intake.git import Choice, repository_slot
from torchgrade.intake.gitrun import PROTOCOLS, GitFailed, clone
from torchgrade.intake.names import same_key, shown, student_name
from torchgrade.intake.persons import NAME, Person
from torchgrade.intake.references import repository_at
from torchgrade.intake.roster import STUDENT
from torchgrade.intake.slots import Slot
from torchgrade.intake.tables import separator, table_text, undeclared, unwrapped

_AT_ONCE = 4
_SECONDS = 180.0
_MAX_BYTES = 512 * 2**20
_ADDRESS_COLUMNS = ("url", "git", "repository")

_URL = re.compile(r"(?P<protocol>[a-z][a-z+.-]*)://[^\s?#-]\S*", re.IGNORECASE)
_SSH = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:(?!/?/)[^\s:]+")
_USER = re.compile(r"//[^/@\s]*@")


@dataclass(frozen=True)
class Listed:
    """One line of the list: whose repository it is, and where: an address, or a folder beside the list."""

    student: str
    address: str
    folder: Path | None = None


def read_list(path: Path) -> list[Listed]:
    """Raises SpecError with file and line, before anything is fetched."""
    rows = _rows(path)
    listed: list[Listed] = []
    lines: dict[str, int] = {}
    for line, student, address in rows:
        if not student or not address:
            raise SpecError(path, line, "", "a line needs a student and the address of a repository")
        name = student_name(student)
        first = lines.setdefault(same_key(name), line)
        if first != line:
            raise SpecError(path, line, STUDENT, f"'{shown(name)}' stands in line {first} already")
        listed.append(Listed(name, address, _folder(path, line, address)))
    if not listed:
        raise UsageError(f"{path}: lists no repositories; expected lines of student,url")
    return listed


def listed_slots(listed: list[Listed], choice: Choice, room: Path) -> list[Slot]:
    """One slot a line. Raises UsageError where none of several repositories could be fetched."""
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        slots = list(pool.map(lambda pair: _slot(pair[1], choice, room / str(pair[0])), enumerate(listed)))
    failed = [slot for slot in slots if slot.problem.startswith(_NOT_FETCHED)]
    if len(failed) == len(slots) > 1:
        raise UsageError(f"none of {len(slots)} repositories could be fetched; the first: {failed[0].problem}")
    return slots


_NOT_FETCHED = "The git repository could not be fetched: "


def _slot(listed: Listed, choice: Choice, room: Path) -> Slot:
    person = Person(listed.student, ((STUDENT, listed.student), ("email", listed.student), (NAME, listed.student)))
    folder = listed.folder
    if folder is None:
        folder = room / "clone"
        try:
            clone(listed.address, folder, seconds=_SECONDS, max_bytes=_MAX_BYTES)
        except (GitFailed, Refused) as e:
            said = shown(_USER.sub("//", str(e).removeprefix("fatal: "))).rstrip(".")
            return Slot(person, listed.student, (), problem=f"{_NOT_FETCHED}{said}.")
    return repository_slot(person, listed.student, repository_at(folder), choice, room / "own")


def _rows(path: Path) -> list[tuple[int, str, str]]:
    """(line, student, address) of each line that says something; the first may name the columns."""
    text = table_text(path, "the list of repositories")
    delimiter = separator(text)
    delimiter = delimiter if delimiter in text else " "
    lines = io.StringIO(undeclared(text), newline="")
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    found: list[tuple[int, str, str]] = []
    columns = (0, 1)
    try:
        for row in reader:
            cells = [unwrapped(cell) for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if not found and STUDENT in cells and len(cells) > 1:
                _check_header(path, reader.line_num, cells)
                columns = (cells.index(STUDENT), cells.index(next(n for n in _ADDRESS_COLUMNS if n in cells)))
                continue
            student, address = (cells[i] if i < len(cells) else "" for i in columns)
            found.append((reader.line_num, student, address))
    except csv.Error as error:
        raise SpecError(path, reader.line_num, "", f"not CSV: {error}") from None
    return found


def _check_header(path: Path, line: int, header: list[str]) -> None:
    if not any(name in header for name in _ADDRESS_COLUMNS):
        wanted = " or ".join(_ADDRESS_COLUMNS)
        problem = f"no column says where a repository is ({wanted}); a roster is for --roster"
        raise SpecError(path, line, "", problem)


def _folder(path: Path, line: int, address: str) -> Path | None:
    """A folder that the address is; None where it is one to fetch from. Raises SpecError for any other."""
    match = _URL.fullmatch(address)
    if (match and match["protocol"].lower() in PROTOCOLS) or _SSH.fullmatch(address):
        return None
    below = PurePosixPath(address)
    if match or ":" in address or address.startswith("-") or below.is_absolute() or ".." in below.parts:
        hint = "an address begins with https:// or ssh://, or is a folder beside the list"
        raise SpecError(path, line, "url", f"'{shown(_USER.sub('//', address))}' is not fetched; {hint}")
    return path.parent / below
