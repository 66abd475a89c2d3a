"""The zip that Moodle makes of an assignment, with a folder for each student or without.

``Full Name_<participant's number>_assignsubmission_file_/hw.ipynb``, or in one piece
``Full Name_<number>_assignsubmission_file_hw.ipynb``; ``onlinetext`` beside it is what was typed into a page.
Where names are hidden, the full name is "Participant" in the site's language: nothing here depends on words.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from torchgrade.intake.entries import Entry
from torchgrade.intake.names import student_name
from torchgrade.intake.persons import NAME, Person
from torchgrade.intake.roster import STUDENT
from torchgrade.intake.slots import Slot, plain_slots

MAX_NAME = 1000  # a longer one is nobody's, and takes long to look at

_TOP = re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.DOTALL)


class _Handed(NamedTuple):
    top: str
    entries: list[Entry]


def moodle_slots(entries: list[Entry]) -> list[Slot] | None:
    """One slot a student, files and typed text together; None where this is no such zip."""
    found: dict[tuple[str, str], _Handed] = {}
    others: list[Entry] = []
    for entry in entries:
        match = _TOP.fullmatch(entry.parts[0][:MAX_NAME])
        if match is None:
            others.append(entry)
            continue
        handed = found.setdefault((match["name"], match["number"]), _Handed(entry.parts[0], []))
        if not entry.folder:
            handed.entries.append(_with_own_name(entry, match["file"] or ""))
    if not found:
        return None
    slots = [Slot(_person(*key), handed.top, tuple(handed.entries)) for key, handed in found.items()]
    return [*slots, *plain_slots(others)]


def _with_own_name(entry: Entry, file: str) -> Entry:
    """A file that bears its student's name in front, as it lay in the student's folder."""
    return replace(entry, parts=(entry.parts[0], file)) if len(entry.parts) == 1 and file else entry


def _person(name: str, number: str) -> Person:
    full = student_name(" ".join(name.replace("_", " ").split()))
    return Person(full, (("moodle_id", number), (STUDENT, full), (NAME, full)), apart=number)
