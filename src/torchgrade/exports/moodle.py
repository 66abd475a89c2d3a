"""Moodle: the offline grading worksheet of an assignment filled, and the zip of feedback files.

Rows without a grade of ours are left out, and Moodle leaves those students alone. Two things it would do without a
word are told here instead: a grade over the maximum is passed over there, so it is cut to the maximum; a grade
that may not be changed is left.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torchgrade.errors import UsageError
from torchgrade.exports.cells import is_formula
from torchgrade.exports.changes import Change, Filled, left_alone, listed
from torchgrade.exports.people import Key, Person, match
from torchgrade.exports.rows import Row, State, possible
from torchgrade.exports.scaling import Scale, scale_to
from torchgrade.exports.tables import Table, folded, parsed
from torchgrade.feedback.words import count
from torchgrade.model import Assignment

# As Moodle says them in English and in Russian; in another language --column names the grade's.
IDENTIFIER = ("Identifier", "Идентификатор")
GRADE = ("Grade", "Оценка")
MODIFIED = ("Last modified (grade)", "Последнее изменение (оценка)")
MAXIMUM = ("Maximum Grade", "Maximum grade", "Максимальная оценка")
CHANGEABLE = ("Grade can be changed", "Оценка может быть изменена")
_NAME = ("Full name", "Полное имя", "Имя / Фамилия")
_EMAIL = ("Email address", "Адрес электронной почты")
_USERNAME = ("Username", "Логин")
_ID_NUMBER = ("ID number", "Индивидуальный номер")
_NO = ("no", "нет")

KEYS = (
    Key("Identifier", ("moodle_id", "participant"), inner=True),
    Key("Email address", (), ("email", "mail")),
    Key("Username", (), ("username", "login")),
    Key("ID number", (), ("id_number", "sid")),
    Key("Full name", (), ("name", "full_name"), is_name=True),
)
_COLUMNS = dict(zip((key.name for key in KEYS[1:]), (_EMAIL, _USERNAME, _ID_NUMBER, _NAME), strict=True))
_PARTICIPANT = re.compile(r"\D*(?P<number>\d+)\s*")
_FOLDER_NAME = 80


@dataclass(frozen=True)
class Participant:
    """Somebody of the worksheet: their number in Moodle's assignment, their name there, our row."""

    number: str
    name: str
    row: Row


@dataclass(frozen=True)
class Worksheet:
    """A worksheet filled, and whose feedback belongs to whom."""

    filled: Filled
    participants: tuple[Participant, ...]


def fill(
    table: Table, rows: Sequence[Row], assignment: Assignment, *, column: str = "", scaled: bool = False
) -> Worksheet:
    """Grades in Moodle's own worksheet. Raises UsageError, a line for each problem."""
    identifier = _identifier(table)
    grade = table.column((column,) if column else GRADE, "the grade; name it with --column in another language")
    if table.optional(MODIFIED) is None and not column:
        table.column(MODIFIED, "without which Moodle takes no grade")
    people = [_person(table, index, identifier) for index in range(len(table.rows))]
    graded = [_numbered(row) for row in rows if row.state is State.GRADED]
    found = match(graded, people, KEYS, str(table.path))
    if found.problems:
        raise UsageError("\n".join(found.problems))
    names = table.optional(_NAME)
    kept: dict[int, list[str]] = {}
    changes, cut, locked, taken = [], [], [], []
    for row, person in found.found:
        cells = list(table.rows[person.index])
        if _locked(table, cells):
            locked.append(row.student)
            continue
        scale = _scale(table, cells, person, assignment, scaled)
        cut += [row.student] if scale.cuts(row.total) else []
        changes.append(
            Change(row.student, cells[names] if names is not None else "", cells[grade], scale.cell(row.total))
        )
        cells[grade] = scale.cell(row.total)
        kept[person.index] = cells
        taken.append(Participant(person.keys["Identifier"], cells[names] if names is not None else "", row))
    notes = [table.note] if table.note else []
    notes += _notes(table, rows, [row.student for row in found.unknown], cut, locked, kept, names)
    content = table.encode([kept[index] for index in sorted(kept)])
    ordered = tuple(sorted(changes, key=lambda c: c.student.casefold()))
    return Worksheet(Filled(content, ordered, tuple(notes)), tuple(taken))


def write_feedback(path: Path, files: Iterable[tuple[Participant, str, bytes]]) -> int:
    """Write the zip that Moodle takes at “Upload multiple feedback files in a zip”: (participant, file name,
    content), one at a time; how many there were. Raises OSError."""
    count = 0
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
        for participant, name, content in files:
            entry = zipfile.ZipInfo(f"{folder_name(participant)}/{name}", (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, content)
            count += 1
    return count


def folder_name(participant: Participant) -> str:
    """``Full name_<number>_assignsubmission_file_``. Moodle splits at each ``_``, so the name has none; what a
    file system or a zip reader would stumble over is left out, since only the number counts."""
    text = unicodedata.normalize("NFC", participant.name or participant.row.student)
    kept = "".join(c if c.isalnum() or c in " -.'" else " " for c in text)
    name = " ".join(kept.split()).strip(". ")[:_FOLDER_NAME].strip(". ") or "student"
    return f"{name}_{participant.number}_assignsubmission_file_"


# Reading the worksheet


def _identifier(table: Table) -> int:
    """By its title, or else by what stands in it: “Participant 123” in any language."""
    if (found := table.optional(IDENTIFIER)) is not None:
        return found
    for index in range(len(table.header)):
        cells = [row[index] for row in table.rows]
        if cells and all(_PARTICIPANT.fullmatch(c) and not c[0].isdigit() for c in cells if c) and all(cells):
            return index
    return table.column(IDENTIFIER, "“Participant 123”; download the worksheet from Moodle's assignment")


def _person(table: Table, index: int, identifier: int) -> Person:
    row, line = table.rows[index], table.lines[index]
    matched = _PARTICIPANT.fullmatch(row[identifier])
    if matched is None:
        raise UsageError(
            f"{table.path}:{line}: {table.header[identifier]}: {row[identifier]!r} has no number at its end; "
            "it must be as Moodle wrote it"
        )
    keys = {"Identifier": matched["number"]}
    for name, titles in _COLUMNS.items():
        if (at := table.optional(titles)) is not None:
            keys[name] = row[at]
    return Person(index, line, keys)


def _numbered(row: Row) -> Row:
    """With the participant's number alone, where the roster says “Participant 12”."""
    fields = dict(row.fields)
    for name in [n for n in fields if folded(n) in map(folded, KEYS[0].sure)]:
        if matched := _PARTICIPANT.fullmatch(fields[name]):
            fields[name] = matched["number"]
            return Row(row.student, fields, row.verdict, row.standing)
    return row


def _locked(table: Table, cells: Sequence[str]) -> bool:
    at = table.optional(CHANGEABLE)
    return at is not None and cells[at].strip().casefold() in _NO


def _scale(table: Table, cells: Sequence[str], person: Person, assignment: Assignment, scaled: bool) -> Scale:
    at = table.optional(MAXIMUM)
    most = parsed(cells[at]) if at is not None else None
    scale = scale_to(most, possible(assignment), scaled, f"{table.path}:{person.line}: the grade")
    return Scale(scale.factor, most)


def _notes(
    table: Table,
    rows: Sequence[Row],
    unknown: Sequence[str],
    cut: Sequence[str],
    locked: Sequence[str],
    kept: Mapping[int, Sequence[str]],
    names: int | None,
) -> Iterator[str]:
    if unknown:
        yield f"not in {table.path.name}, so left out: {listed(unknown)}"
    excused = [row.student for row in rows if row.state is State.EXCUSED]
    if excused:
        yield f"excused, for which Moodle's worksheet has no word; left as they are: {listed(excused)}"
    yield from left_alone(rows)
    if cut:
        yield f"over Moodle's maximum, so cut to it: {listed(cut)}"
    if locked:
        yield f"“{CHANGEABLE[0]}” says no, so left as they are: {listed(locked)}"
    without = len(table.rows) - len(kept) - len(locked)
    if without:
        yield f"without a grade here: {without} of the {count(len(table.rows), 'student')} of {table.path.name}"
    odd = [str(table.lines[i]) for i, row in kept.items() if names is not None and is_formula(row[names])]
    if odd:
        yield (
            f"names like formulas on the lines {listed(odd)}: they must stay as Moodle wrote them, so upload the "
            "file and do not open it in a spreadsheet"
        )
