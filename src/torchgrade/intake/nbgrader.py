"""nbgrader's tree ``submitted/<student>/<assignment>/<notebook>.ipynb``, with ``timestamp.txt`` beside it."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime

from torchgrade.errors import UsageError
from torchgrade.intake.dates import with_zone
from torchgrade.intake.entries import Entry, Refused
from torchgrade.intake.kinds import NOTEBOOK, is_junk, stem_of
from torchgrade.intake.names import shown, student_name
from torchgrade.intake.persons import by_label
from torchgrade.intake.slots import Slot

_TIMESTAMP = "timestamp.txt"
_TIME = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)\s*(\S*)")


def nbgrader_slots(entries: list[Entry], wanted: str, named_submitted: bool) -> list[Slot] | None:
    """One slot a student; None where this is no such tree.

    ``wanted`` chooses among several assignments: a folder or a notebook of that name. Raises UsageError where
    none of several is called so.
    """
    real = [e for e in entries if not is_junk(e.parts)]
    notebooks = [e for e in real if NOTEBOOK.fullmatch(e.name) and not e.folder]
    if not notebooks or any(len(e.parts) < 3 for e in notebooks):
        return None
    # One student's own timestamp.txt must not change how the others are read.
    stamped = {e.parts[0] for e in real if len(e.parts) == 3 and e.name == _TIMESTAMP}
    if not named_submitted and 2 * len(stamped) <= len({e.parts[0] for e in notebooks}):
        return None
    assignment = _assignment(real, notebooks, wanted)
    students: dict[str, list[Entry]] = defaultdict(list)
    for entry in real:
        inside = students[entry.parts[0]] if entry.folder or len(entry.parts) > 1 else []
        if not entry.folder and len(entry.parts) > 2 and (not assignment or entry.parts[1] == assignment):
            inside.append(entry)
    return [_slot(student, inside) for student, inside in students.items()]


def _assignment(real: list[Entry], notebooks: list[Entry], wanted: str) -> str:
    """The folder that holds the assignment; empty where only the notebook's name tells."""
    folders = sorted({e.parts[1] for e in real if len(e.parts) > 2 and not e.folder})
    if len(folders) < 2:
        return folders[0] if folders else ""
    if same := [f for f in folders if f.casefold() == wanted.casefold()]:
        return same[0]
    holding = sorted({e.parts[1] for e in notebooks if stem_of(e.name).casefold() == wanted.casefold()})
    if len(holding) == 1:
        return holding[0]
    listed = ", ".join(f"'{shown(f)}'" for f in folders[:5]) + (", …" if len(folders) > 5 else "")
    raise UsageError(f"several assignments of nbgrader lie here ({listed}), and none is called '{wanted}'")


def _slot(student: str, entries: list[Entry]) -> Slot:
    stamp = next((e for e in entries if len(e.parts) == 3 and e.name == _TIMESTAMP), None)
    person = by_label(student_name(student))
    moment = _moment(stamp) if stamp else None
    unread = stamp is not None and moment is None
    notes = ("The time in timestamp.txt could not be read.",) if unread else ()
    return Slot(person, student, tuple(entries), moment, notes)


def _moment(stamp: Entry) -> datetime | None:
    """``2016-02-02 15:58:23.948203 America/Los_Angeles``. Without a zone it is UTC: so nbgrader reads it."""
    try:
        match = _TIME.fullmatch(stamp.load(1000).decode("utf-8", "replace").strip())
        moment = datetime.fromisoformat(match[1]) if match else None
    except (Refused, ValueError):
        return None
    if match is None or moment is None:
        return None
    return with_zone(moment, match[2]) if match[2] else moment.replace(tzinfo=UTC)
