"""The roster: a CSV file of the cohort's students, with what an assignment may ask about them."""

from __future__ import annotations

import csv
import difflib
import io
from dataclasses import dataclass, field
from pathlib import Path

from torchgrade.errors import SpecError
from torchgrade.intake.names import same_key, student_name
from torchgrade.intake.tables import separator, table_text, undeclared, unwrapped

STUDENT = "student"

#: Columns by which another system knows a student; each value stands for one student.
IDENTITIES = ("email", "moodle_id", "canvas_id", "sid", "git")

# What such a column is called elsewhere; the nearest spelling says nothing about these.
_CALLED = (
    "student",
    "students",
    "student_id",
    "id",
    "login",
    "username",
    "user",
    "name",
    "логин",
    "студент",
    "фио",
)


@dataclass(frozen=True)
class Roster:
    """Students in the file's order, and the other columns of each (``group``, ``variant``, ``track``…)."""

    students: tuple[str, ...]
    fields: dict[str, dict[str, str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)  # of each student's row


def read_roster(path: Path) -> Roster:
    """Read a CSV with a ``student`` column. Raises SpecError with file, line and column."""
    text = table_text(path, "the roster")
    reader = csv.DictReader(io.StringIO(undeclared(text), newline=""), delimiter=separator(text), strict=True)
    try:
        header = next((line for line in reader.reader if any(map(str.strip, line))), [])
        reader.fieldnames = [unwrapped(name) for name in header]
        _check_header(path, max(reader.reader.line_num, 1), list(reader.fieldnames))
        return _rows(path, reader)
    except csv.Error as error:
        raise SpecError(path, reader.line_num, "", f"not CSV: {error}") from None


def _check_header(path: Path, line: int, header: list[str]) -> None:
    for number, name in enumerate(header):
        if name and name in header[:number]:
            raise SpecError(path, line, name, "two columns have this name")
    if STUDENT in header:
        return
    near = _nearest(header)
    hint = f"; did you mean {STUDENT!r} by {near!r}?" if near else ""
    raise SpecError(path, line, STUDENT, f"the first line must name a column {STUDENT!r}{hint}")


def _nearest(header: list[str]) -> str:
    folded = {name.casefold(): name for name in reversed(header)}
    near = difflib.get_close_matches(STUDENT, folded, 1) or [name for name in _CALLED if name in folded]
    return folded[near[0]] if near else ""


def _rows(path: Path, reader: csv.DictReader[str]) -> Roster:
    fields: dict[str, dict[str, str]] = {}
    lines: dict[str, int] = {}
    taken: dict[tuple[str, str], int] = {}
    for row in reader:
        if any(cell.strip() for cell in row.get(None) or ()):
            problem = "more cells than the first line has names; a comma in a cell needs quotes round the cell"
            raise SpecError(path, reader.line_num, "", problem)
        cells = {k: unwrapped(v or "") for k, v in row.items() if k}
        if not any(cells.values()):  # ",,,": spreadsheets leave such rows below a table
            continue
        if not cells[STUDENT]:
            raise SpecError(path, reader.line_num, STUDENT, "a row without a student")
        name = student_name(cells.pop(STUDENT))
        if name in fields:
            raise SpecError(path, reader.line_num, STUDENT, f"{name!r} is listed twice")
        _check_identities(path, reader.line_num, {STUDENT: name, **cells}, taken)
        fields[name], lines[name] = cells, reader.line_num
    return Roster(tuple(fields), fields, lines)


def _check_identities(path: Path, line: int, cells: dict[str, str], taken: dict[tuple[str, str], int]) -> None:
    """Refuse what would make one person two, or two one."""
    for column, value in cells.items():
        if not value or column.casefold() not in (STUDENT, *IDENTITIES):
            continue
        first = taken.setdefault((column.casefold(), same_key(value)), line)
        if first != line:
            alike = " but for the case of its letters" if column == STUDENT else ""
            raise SpecError(path, line, column, f"{value!r} stands in line {first} already{alike}")
