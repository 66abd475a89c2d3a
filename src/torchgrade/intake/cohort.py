"""Who handed in what: from a folder, a zip of a learning platform or a single file to one Submission a student."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchgrade.errors import UsageError
from torchgrade.intake.archive import list_zip, open_zip, open_zip_bytes
from torchgrade.intake.decode import decode
from torchgrade.intake.entries import Entry, Refused, file_entry, list_folder
from torchgrade.intake.names import NO_NAME, same_key, shown, student_name
from torchgrade.intake.repair import clean_notebook
from torchgrade.model import Submission

MAX_BYTES = 64 * 2**20  # of one notebook

_MAX_COHORT_BYTES = 8 * 2**30  # of all notebooks in a platform's zip together
_MAX_COHORT_MEMBERS = 100_000
_NAMES_LISTED = 5

_EXPECTED = "expected a folder of <student>.ipynb or <student>/<any>.ipynb, a zip of such a folder, or one .ipynb"

# Browsers and mail programs like to add a suffix to what they do not know.
_NOTEBOOK = re.compile(r"(?P<stem>.*)\.ipynb(\.txt|\.json)?", re.IGNORECASE | re.DOTALL)
_ZIP = re.compile(r"(?P<stem>.*)\.zip", re.IGNORECASE | re.DOTALL)
_OTHER_ARCHIVE = re.compile(r"(?P<stem>.*)\.(rar|7z|tar|tgz|tar\.(gz|bz2|xz))", re.IGNORECASE | re.DOTALL)
_OTHER_FILE = re.compile(
    r".*\.(csv|docx?|gif|html?|jpe?g|json|log|md|pdf|png|py|toml|txt|xlsx?|ya?ml)", re.IGNORECASE
)
_JUNK = {"__macosx", "thumbs.db", "desktop.ini", "__pycache__"}


@dataclass(frozen=True)
class _Slot:
    """One top-level file or folder that stands for a student."""

    student: str
    top: str
    entries: tuple[Entry, ...]


def collect(source: Path, *, max_bytes: int = MAX_BYTES) -> list[Submission]:
    """One Submission for every student found in ``source``, sorted by name.

    What is wrong with one student's files becomes that Submission's ``problem``; the others are read all the
    same. Raises UsageError where ``source`` as a whole cannot be read or holds nothing.
    """
    with contextlib.ExitStack() as stack:
        entries, base = _entries(source, stack)
        slots = list(_slots(entries))
        if not slots:
            raise UsageError(f"{source}: no submissions found; {_EXPECTED}")
        found = [s for same in _by_student(slots) for s in _submissions(same, base, max_bytes)]
    return sorted(found, key=lambda submission: submission.student)


def _entries(source: Path, stack: contextlib.ExitStack) -> tuple[list[Entry], Path]:
    """All entries, and the path that theirs are below (a zip's or single file's own path stands for all in it)."""
    try:
        if source.is_dir():
            return list_folder(source), source
        if not source.exists():
            raise UsageError(f"{source}: there is no such file or folder; {_EXPECTED}")
        if _ZIP.fullmatch(source.name):
            return _platform_zip(source, stack), source
        if _NOTEBOOK.fullmatch(source.name):
            return [file_entry((source.name,), source.resolve())], source
    except OSError as e:
        raise UsageError(f"{source}: cannot be read: {e.strerror}") from e
    raise UsageError(f"{source}: is not a notebook; {_EXPECTED}")


def _platform_zip(source: Path, stack: contextlib.ExitStack) -> list[Entry]:
    """The entries of a learning platform's zip, within bounds for the whole of it."""
    try:
        opened = stack.enter_context(open_zip(stack.enter_context(source.open("rb"))))
    except Refused as e:
        raise UsageError(f"{source}: the zip file is damaged and cannot be opened") from e
    if len(opened.infolist()) > _MAX_COHORT_MEMBERS:
        raise UsageError(f"{source}: the zip file holds more than {_MAX_COHORT_MEMBERS} files")
    entries, _ = list_zip(opened)
    if sum(e.size for e in entries if _is_candidate(e)) > _MAX_COHORT_BYTES:
        raise UsageError(f"{source}: the zip file would unpack to more than {_MAX_COHORT_BYTES // 2**30} GiB")
    return _unwrapped(entries)


def _unwrapped(entries: list[Entry]) -> list[Entry]:
    """The content of the one folder that wraps a cohort; one student's folder is left as it is."""
    real = [e for e in entries if not _is_junk(e.parts)]
    if len({e.parts[0] for e in real}) != 1 or any(len(e.parts) == 1 and not e.folder for e in real):
        return entries
    candidates = [e for e in real if _is_candidate(e)]
    if len(candidates) < 2 and not any(len(e.parts) > 2 for e in candidates):
        return entries
    return [Entry(e.parts[1:], e.load, e.folder, e.size, e.refusal) for e in real if len(e.parts) > 1]


def _slots(entries: list[Entry]) -> Iterator[_Slot]:
    """Top-level files and folders that belong to a student; README, tables and the like are passed over."""
    folders: dict[str, list[Entry]] = {}
    for entry in entries:
        top = entry.parts[0]
        if _is_junk((top,)):
            continue
        if entry.folder or len(entry.parts) > 1:
            folders.setdefault(top, []).append(entry)
        elif (student := _student_of_file(entry)) is not None:
            yield _Slot(student, top, (entry,))
    for top, inside in folders.items():
        yield _Slot(student_name(top), top, tuple(e for e in inside if not e.folder))


def _student_of_file(entry: Entry) -> str | None:
    """Whose a top-level file is; None for a stray one."""
    for kind in (_NOTEBOOK, _ZIP, _OTHER_ARCHIVE):
        if match := kind.fullmatch(entry.name):
            return student_name(match["stem"]) if match["stem"] else NO_NAME
    # A link or device without a suffix may stand where a student's folder should be.
    return student_name(entry.name) if entry.refusal and not _OTHER_FILE.fullmatch(entry.name) else None


def _by_student(slots: Iterable[_Slot]) -> list[list[_Slot]]:
    same: dict[str, list[_Slot]] = {}
    for slot in slots:
        same.setdefault(same_key(slot.student), []).append(slot)
    return list(same.values())


def _submissions(slots: list[_Slot], base: Path, max_bytes: int) -> list[Submission]:
    """What the slots of one name come to: one submission, or for each spelling a problem that names them all."""
    telling = [s for s in slots if any(map(_is_candidate, s.entries))] or slots
    if len(telling) == 1:
        return [_submission(telling[0], base, max_bytes)]
    names = _names(slot.top for slot in telling)
    problem = f"There are several submissions under this name: {names}. Hand in one notebook."
    students = dict.fromkeys(slot.student for slot in telling)
    return [_unreadable(student, base, problem, b"") for student in students]


def _submission(slot: _Slot, base: Path, max_bytes: int) -> Submission:
    path = base / slot.top if base.is_dir() else base
    raw = b""
    try:
        entry = _chosen(slot.entries)
        if base.is_dir() and not entry.refusal:
            path = base.joinpath(*entry.parts)
        raw = entry.load(max_bytes)
        notes: list[str] = []
        if _ZIP.fullmatch(entry.name):
            raw = _from_zip(raw, max_bytes, notes)
        notebook, repairs = _read(raw)
    except Refused as e:
        return _unreadable(slot.student, path, str(e), raw)
    digest = hashlib.sha256(raw).hexdigest()
    return Submission(slot.student, path, notebook, digest, notes=(*notes, *repairs))


def _read(raw: bytes) -> tuple[dict[str, Any], list[str]]:
    data, notes = decode(raw)
    notebook, repairs = clean_notebook(data)
    return notebook, notes + repairs


def _unreadable(student: str, path: Path, problem: str, raw: bytes) -> Submission:
    """Where no bytes were read, the digest is of the problem: another problem is another hand-in."""
    digest = hashlib.sha256(raw or problem.encode("utf-8", "replace")).hexdigest()
    return Submission(student, path, None, digest, problem=problem)


def _from_zip(raw: bytes, max_bytes: int, notes: list[str]) -> bytes:
    """The one notebook in a student's zip."""
    with open_zip_bytes(raw) as opened:
        entries, outside = list_zip(opened)
        entry = _chosen([e for e in entries if not e.folder], in_zip=True)
        notes.append(f"The notebook was read from a zip file ({shown(entry.name)}).")
        if outside:
            notes.append(f"Files in the zip whose paths point outside it were left out ({outside}).")
        return entry.load(max_bytes)


def _chosen(entries: Iterable[Entry], in_zip: bool = False) -> Entry:
    """The one notebook, or else the one zip. Raises Refused where there is none or more than one."""
    real = [e for e in entries if not _is_junk(e.parts)]
    found = [e for e in real if _NOTEBOOK.fullmatch(e.name)]
    if not found and not in_zip:
        found = [e for e in real if _ZIP.fullmatch(e.name)]
    if len(found) == 1:
        return found[0]
    # In a folder the first part of a path is the student's own folder, which goes without saying.
    paths = ["/".join(e.parts if in_zip else e.parts[1:] or e.parts) for e in found or real]
    if found:
        raise Refused(f"There are several notebooks: {_names(paths)}. Hand in one.")
    if len(real) == 1 and real[0].refusal:
        raise Refused(real[0].refusal)
    there = f"Found only: {_names(paths)}." if real else "Nothing else was found either."
    raise Refused(f"There is no notebook: a file with the ending .ipynb is needed. {there}")


def _is_candidate(entry: Entry) -> bool:
    kinds = (_NOTEBOOK, _ZIP, _OTHER_ARCHIVE)
    return not entry.folder and not _is_junk(entry.parts) and any(k.fullmatch(entry.name) for k in kinds)


def _is_junk(parts: tuple[str, ...]) -> bool:
    """Hidden files and what systems leave behind. A file called just '.ipynb' is somebody's notebook."""
    return any((p.startswith(".") and p.casefold() != ".ipynb") or p.casefold() in _JUNK for p in parts)


def _names(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _NAMES_LISTED} more" if len(listed) > _NAMES_LISTED else ""
    return ", ".join(f"'{shown(name)}'" for name in listed[:_NAMES_LISTED]) + more
