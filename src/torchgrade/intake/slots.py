"""What one hand-in consists of, before anything of it is read; and the layout that knows no platform."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from torchgrade.intake.entries import Entry
from torchgrade.intake.kinds import is_junk, student_of_file
from torchgrade.intake.names import student_name
from torchgrade.intake.persons import Person, by_label


@dataclass(frozen=True)
class Slot:
    """One hand-in. ``top`` is what the source calls it; ``problem`` says why there is nothing to choose from."""

    person: Person
    top: str
    entries: tuple[Entry, ...]
    handed_in: datetime | None = None
    notes: tuple[str, ...] = ()
    problem: str = ""


def plain_slots(entries: Iterable[Entry]) -> Iterator[Slot]:
    """Top-level files and folders that belong to a student; README, tables and the like are passed over."""
    folders: dict[str, list[Entry]] = {}
    for entry in entries:
        top = entry.parts[0]
        if is_junk((top,)):
            continue
        if entry.folder or len(entry.parts) > 1:
            folders.setdefault(top, []).append(entry)
        elif (student := student_of_file(entry)) is not None:
            yield Slot(by_label(student), top, (entry,))
    for top, inside in folders.items():
        yield Slot(by_label(student_name(top)), top, tuple(e for e in inside if not e.folder))
