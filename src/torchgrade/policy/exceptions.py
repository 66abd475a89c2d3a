"""What a roster says of one student beside the rules: an extension, or that the work is excused."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from torchgrade.policy.moments import Span, span, written

EXTENSION, EXCUSED, GROUP = "extension", "excused", "group"
#: Columns that no verdict depends on, alone or as ``extension:<assignment>``.
COLUMNS = (EXTENSION, EXCUSED)
_YES = ("yes", "y", "true", "1", "x", "да", "д")
_NO = ("no", "n", "false", "0", "-", "нет", "н", "")


@dataclass(frozen=True)
class Exceptions:
    """Of one student. ``group`` is empty where the roster names none."""

    extension: Span | datetime | None = None
    excused: bool = False
    group: str = ""


class RosterFault(ValueError):
    """A row of a roster is wrong. ``column`` says where."""

    def __init__(self, column: str, problem: str) -> None:
        super().__init__(problem)
        self.column = column


def exceptions(fields: Mapping[str, str], assignment: str, zone: tzinfo | None) -> Exceptions:
    """What the student's columns say about this assignment. Raises RosterFault."""
    column, text = _of(fields, EXTENSION, assignment)
    try:
        extension = extension_of(text, zone)
    except ValueError as error:
        raise RosterFault(column, str(error)) from None
    column, text = _of(fields, EXCUSED, assignment)
    if text.casefold() not in (*_YES, *_NO):
        raise RosterFault(column, f"must be yes or no, found '{text[:40]}'")
    return Exceptions(extension, text.casefold() in _YES, fields.get(GROUP, "").strip())


def extension_of(text: str, zone: tzinfo | None) -> Span | datetime | None:
    """``+2 d`` or a date with time and zone; empty: None. Raises ValueError for who wrote it."""
    text = text.strip()
    if not text:
        return None
    if text.startswith("+"):
        return span(text.removeprefix("+"))
    if not text[:4].isdecimal():
        raise ValueError(f"must be such as '+2 d' or '2026-03-05 23:59', found '{text[:40]}'")
    return written(text).at(zone)


def column_faults(columns: Iterable[str], assignments: Iterable[str]) -> Iterable[RosterFault]:
    """Columns that look like one of ours and are not: what they say would be lost."""
    known = list(assignments)
    for column in columns:
        name, colon, id = column.partition(":")
        if colon and name in COLUMNS and id not in known:
            near = difflib.get_close_matches(id, known, 1)
            meant = f"; did you mean '{name}:{near[0]}'?" if near else ""
            yield RosterFault(column, f"there is no assignment '{id}'{meant}")
        elif name not in COLUMNS:
            near = difflib.get_close_matches(name.strip().casefold(), COLUMNS, 1, 0.8)
            if near:
                yield RosterFault(column, f"unknown column '{column}'; did you mean '{near[0]}{colon}{id}'?")


def of_policy(column: str) -> bool:
    """Whether a column of a roster is about dates alone, so that no verdict depends on it."""
    return column.partition(":")[0] in COLUMNS


def _of(fields: Mapping[str, str], name: str, assignment: str) -> tuple[str, str]:
    """The column that speaks of this assignment alone, where it says something; else the one for all."""
    own = f"{name}:{assignment}"
    if fields.get(own, "").strip():
        return own, fields[own].strip()
    return name, fields.get(name, "").strip()
