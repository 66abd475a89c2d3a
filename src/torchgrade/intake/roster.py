"""The roster: a CSV file of the cohort's students, with what an assignment may ask about them."""

from __future__ import annotations

import csv
import difflib
import io
from dataclasses import dataclass, field
from pathlib import Path

from torchgrade.errors import SpecError
from torchgrade.intake.names import student_name

_STUDENT = "student"


@dataclass(frozen=True)
class Roster:
    """Students in the file's order, and the other columns of each (``group``, ``variant``, ``track``…)."""

    students: tuple[str, ...]
    fields: dict[str, dict[str, str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)  # of each student's row


def read_roster(path: Path) -> Roster:
    """Read a CSV with a ``student`` column. Raises SpecError with file, line and column."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SpecError(path, None, "", f"the roster cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SpecError(path, None, "", "the roster is not UTF-8; save it as “CSV UTF-8”") from None
    dialect = ";" if text.split("\n", 1)[0].count(";") > text.split("\n", 1)[0].count(",") else ","
    reader = csv.DictReader(io.StringIO(text), delimiter=dialect, strict=True)
    try:
        _check_header(path, list(reader.fieldnames or []))
        return _rows(path, reader)
    except csv.Error as error:
        raise SpecError(path, reader.line_num, "", f"not CSV: {error}") from None


def _check_header(path: Path, header: list[str]) -> None:
    if _STUDENT in header:
        return
    near = difflib.get_close_matches(_STUDENT, header, 1)
    hint = f"; did you mean {_STUDENT!r} by {near[0]!r}?" if near else ""
    raise SpecError(path, 1, _STUDENT, f"the first line must name a column {_STUDENT!r}{hint}")


def _rows(path: Path, reader: csv.DictReader[str]) -> Roster:
    fields: dict[str, dict[str, str]] = {}
    lines: dict[str, int] = {}
    for row in reader:
        name = student_name((row.get(_STUDENT) or "").strip())
        if not (row.get(_STUDENT) or "").strip():
            raise SpecError(path, reader.line_num, _STUDENT, "a row without a student")
        if name in fields:
            raise SpecError(path, reader.line_num, _STUDENT, f"{name!r} is listed twice")
        fields[name] = {k: (v or "").strip() for k, v in row.items() if k and k != _STUDENT}
        lines[name] = reader.line_num
    return Roster(tuple(fields), fields, lines)
