"""Who handed in what: from folders, platforms' zips, repositories and files to one Submission a student."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from torchgrade.errors import UsageError
from torchgrade.intake.archive import list_zip, open_zip_bytes
from torchgrade.intake.dates import shown_moment
from torchgrade.intake.decode import decode
from torchgrade.intake.entries import Entry, Refused
from torchgrade.intake.git import Choice
from torchgrade.intake.kinds import NOTEBOOK, ZIP, is_candidate, is_junk, stem_of
from torchgrade.intake.names import same_key, shown
from torchgrade.intake.persons import students_of
from torchgrade.intake.repair import clean_notebook
from torchgrade.intake.roster import Roster
from torchgrade.intake.slots import Slot
from torchgrade.intake.sources import EXPECTED, Bounds, Source
from torchgrade.model import Submission

MAX_BYTES = 64 * 2**20  # of one notebook

_MAX_COHORT_BYTES = 8 * 2**30  # of all notebooks in a platform's zip together
_MAX_COHORT_MEMBERS = 100_000
_NAMES_LISTED = 5

Tell = Callable[[str], None]


def collect(
    source: Path,
    *,
    max_bytes: int = MAX_BYTES,
    roster: Roster | None = None,
    wanted: str = "",
    choice: Choice | None = None,
    tell: Tell = lambda line: None,
) -> list[Submission]:
    """One Submission for every student found in ``source``, sorted by name.

    ``roster``: by which the platform's people become its students; ``wanted``: the assignment's id, which chooses
    among several notebooks; ``choice``: which commit of a git repository counts (None: repositories are not looked
    for); ``tell`` hears what a teacher should know of the whole, a line at a time.

    What is wrong with one student's files becomes that Submission's ``problem``; the others are read all the
    same. Raises UsageError or SpecError where ``source`` as a whole cannot be read or holds nothing.
    """
    bounds = Bounds(_MAX_COHORT_MEMBERS, _MAX_COHORT_BYTES)
    with contextlib.ExitStack() as stack:
        slots = Source(source, wanted, choice, tell).slots(stack, bounds)
        if not slots:
            raise UsageError(f"{source}: no submissions found; {EXPECTED}")
        students, told = students_of([slot.person for slot in slots], roster)
        for line in told:
            tell(line)
        reader = _Reader(source, max_bytes, wanted)
        grouped = _by_student(zip(students, slots, strict=True))
        found = [submission for same in grouped for submission in reader.submissions(same)]
    return sorted(found, key=lambda submission: submission.student)


_Handed = tuple[str, Slot]


def _by_student(handed: Iterable[_Handed]) -> list[list[_Handed]]:
    same: dict[str, list[_Handed]] = {}
    for student, slot in handed:
        same.setdefault(same_key(student), []).append((student, slot))
    return list(same.values())


class _Reader:
    """From slots to submissions."""

    def __init__(self, base: Path, max_bytes: int, wanted: str) -> None:
        self._base, self._max_bytes, self._wanted = base, max_bytes, wanted
        self._in_folder = base.is_dir()

    def submissions(self, same: list[_Handed]) -> list[Submission]:
        """What the slots of one name come to: a submission, or for each spelling a problem that names them all."""
        telling = [h for h in same if any(map(is_candidate, h[1].entries))] or same
        if len(telling) == 1:
            return [self._submission(*telling[0])]
        if newest := _newest(telling):
            return [self._submission(*newest)]
        names = _names(slot.top for _student, slot in telling)
        problem = f"There are several submissions under this name: {names}. Hand in one notebook."
        students = dict.fromkeys(student for student, _slot in telling)
        return [_unreadable(student, self._base, problem, b"", None, ()) for student in students]

    def _submission(self, student: str, slot: Slot) -> Submission:
        path = self._base / slot.top if self._in_folder else self._base
        raw, notes = b"", list(slot.notes)
        try:
            if slot.problem:
                raise Refused(slot.problem)
            entry = self._chosen(slot.entries, notes)
            if self._in_folder and entry.path and not entry.refusal:
                path = entry.path
            raw = entry.load(self._max_bytes)
            if ZIP.fullmatch(entry.name):
                raw = self._from_zip(raw, notes)
            notebook, repairs = _read(raw)
        except Refused as e:
            return _unreadable(student, path, str(e), raw, slot, notes)
        digest = hashlib.sha256(raw).hexdigest()
        told = (*notes, *repairs)
        return Submission(student, path, notebook, digest, notes=told, handed_in=slot.handed_in)

    def _from_zip(self, raw: bytes, notes: list[str]) -> bytes:
        """The one notebook in a student's zip."""
        with open_zip_bytes(raw) as opened:
            entries, outside = list_zip(opened)
            entry = self._chosen([e for e in entries if not e.folder], notes, in_zip=True)
            notes.append(f"The notebook was read from a zip file ({shown(entry.name)}).")
            if outside:
                notes.append(f"Files in the zip whose paths point outside it were left out ({outside}).")
            return entry.load(self._max_bytes)

    def _chosen(self, entries: Iterable[Entry], notes: list[str], in_zip: bool = False) -> Entry:
        """The one notebook, or else the one zip. Of several notebooks the one that is called like the assignment.

        Raises Refused where there is none, or more than one.
        """
        real = [e for e in entries if not is_junk(e.parts)]
        found = [e for e in real if NOTEBOOK.fullmatch(e.name)]
        if not found and not in_zip:
            found = [e for e in real if ZIP.fullmatch(e.name)]
        if len(found) == 1:
            return found[0]
        named = [e for e in found if self._wanted and stem_of(e.name).casefold() == self._wanted.casefold()]
        if len(named) == 1:
            notes.append(f"Of several notebooks '{shown(named[0].name)}' was taken.")
            return named[0]
        raise Refused(_why_none(real, found, in_zip))


def _newest(same: list[_Handed]) -> _Handed | None:
    """Of several hand-ins of one student the newest, where each says when it was made and one is the last."""
    dated = sorted((slot.handed_in, i) for i, (_student, slot) in enumerate(same) if slot.handed_in)
    if len(dated) < len(same) or len({student for student, _slot in same}) > 1 or dated[-1][0] == dated[-2][0]:
        return None
    student, slot = same[dated[-1][1]]
    note = f"Of {len(same)} hand-ins the newest was taken, of {shown_moment(dated[-1][0])}."
    return student, replace(slot, notes=(*slot.notes, note))


def _read(raw: bytes) -> tuple[dict[str, Any], list[str]]:
    data, notes = decode(raw)
    notebook, repairs = clean_notebook(data)
    return notebook, notes + repairs


def _unreadable(
    student: str, path: Path, problem: str, raw: bytes, slot: Slot | None, notes: Iterable[str]
) -> Submission:
    """Where no bytes were read, the digest is of the problem: another problem is another hand-in."""
    digest = hashlib.sha256(raw or problem.encode("utf-8", "replace")).hexdigest()
    handed_in = slot.handed_in if slot else None
    return Submission(student, path, None, digest, problem=problem, notes=tuple(notes), handed_in=handed_in)


def _why_none(real: list[Entry], found: list[Entry], in_zip: bool) -> str:
    # In a folder the first part of a path is the student's own folder, which goes without saying.
    paths = ["/".join(e.parts if in_zip else e.parts[1:] or e.parts) for e in found or real]
    if found:
        return f"There are several notebooks: {_names(paths)}. Hand in one."
    if len(real) == 1 and real[0].refusal:
        return real[0].refusal
    there = f"Found only: {_names(paths)}." if real else "Nothing else was found either."
    return f"There is no notebook: a file with the ending .ipynb is needed. {there}"


def _names(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _NAMES_LISTED} more" if len(listed) > _NAMES_LISTED else ""
    return ", ".join(f"'{shown(name)}'" for name in listed[:_NAMES_LISTED]) + more
