"""Canvas: a gradebook CSV with one assignment, filled into Canvas's own export or made from the roster.

What the file does not hold, Canvas does not touch. So it has the columns that say who somebody is, one
assignment, and the students for whom there is a grade: a score that changed in Canvas since it was exported stays,
and no blank ever takes the place of a score.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torchgrade.errors import UsageError
from torchgrade.exports.cells import is_formula, neutral
from torchgrade.exports.changes import EXCUSED, Change, Filled, left_alone, listed
from torchgrade.exports.people import Key, Person, match
from torchgrade.exports.rows import Row, State, in_order, number, possible
from torchgrade.exports.scaling import Scale, scale_to
from torchgrade.exports.tables import Table, folded, parsed, to_csv
from torchgrade.feedback.words import count
from torchgrade.model import Assignment

KEYS = (
    Key("ID", ("canvas_id",), inner=True),
    Key("SIS User ID", ("sis_user_id",), ("sid",)),
    Key("SIS Login ID", ("sis_login_id",), ("login", "username", "email")),
    Key("Student", (), ("name", "full_name"), is_name=True),
)
_FRESH = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_POINTS_POSSIBLE = "Points Possible"
_TITLE = re.compile(r"(?P<title>.*\S)\s*\((?P<id>\d+)\)")


@dataclass(frozen=True)
class _Form:
    """Where things stand in a Canvas file: the columns that say who, and the assignment's."""

    identity: int  # so many columns from the left, Section the last of them
    column: int
    points_possible: tuple[str, ...] | None


def fill(
    table: Table, rows: Sequence[Row], assignment: Assignment, *, column: str = "", scaled: bool = False
) -> Filled:
    """Grades for the students of Canvas's own export. Raises UsageError, a line for each problem."""
    form = _form(table, assignment, column)
    scale = _scale(table, form, assignment, scaled)
    people = list(_people(table, form))
    graded = [row for row in rows if row.state in (State.GRADED, State.EXCUSED)]
    found = match(graded, people, KEYS, str(table.path))
    if found.problems:
        raise UsageError("\n".join(found.problems))
    kept = [*range(form.identity), form.column]
    lines: dict[int, list[str]] = {}
    changes = []
    for row, person in found.found:
        before = table.rows[person.index][form.column]
        after = EXCUSED if row.state is State.EXCUSED else scale.cell(row.total)
        changes.append(Change(row.student, table.rows[person.index][0], before, after))
        lines[person.index] = [*table.rows[person.index][: form.identity], after]
    heads = [[form.points_possible[i] for i in kept]] if form.points_possible else []
    narrow = replace(table, header=tuple(table.header[i] for i in kept))
    content = narrow.encode([*heads, *(lines[index] for index in sorted(lines))])
    notes = [table.note] if table.note else []
    notes += _notes(table, form, rows, [row.student for row in found.unknown], people, set(lines))
    return Filled(content, tuple(sorted(changes, key=lambda c: c.student.casefold())), tuple(notes))


def fresh(rows: Sequence[Row], assignment: Assignment, *, column: str) -> Filled:
    """A file from the roster alone. ``column`` is the assignment's title as Canvas has it: “Title (1234)”."""
    if not _TITLE.fullmatch(column):
        raise UsageError(
            f"--column {column!r}: must be the assignment as Canvas exports it, 'Title (1234)'; "
            "another title would make a new assignment there. Or give Canvas's own export with --into"
        )
    graded = in_order(row for row in rows if row.state in (State.GRADED, State.EXCUSED))
    problems = list(_unidentified(graded))
    lines = [[f"    {_POINTS_POSSIBLE}", "", "", "", "", number(possible(assignment))]]
    changes = []
    for row in graded:
        cells = _identity(row, problems)
        after = EXCUSED if row.state is State.EXCUSED else number(row.total)
        lines.append([*cells, after])
        changes.append(Change(row.student, "", "", after))
    problems += _double_cells(lines[1:])
    if problems:
        raise UsageError("\n".join(problems))
    content = to_csv([[*_FRESH, column], *lines]).encode("utf-8")
    return Filled(content, tuple(changes), tuple(left_alone(rows)))


# Reading Canvas's export


def _form(table: Table, assignment: Assignment, wanted: str) -> _Form:
    if not table.header or folded(table.header[0]) not in ("student", "lastname"):
        raise UsageError(f"{table.path}:1: is no export of a Canvas gradebook: its first column must be 'Student'")
    identity = 1 + table.column(("Section",), "the last column that says who somebody is")
    table.column(("ID",), "Canvas's own number of each student")
    points = next((row for row in table.rows if _POINTS_POSSIBLE in row[0]), None)
    return _Form(identity, _assignment_column(table, identity, assignment, wanted), points)


def _assignment_column(table: Table, identity: int, assignment: Assignment, wanted: str) -> int:
    columns = range(identity, len(table.header))
    titles = {i: table.header[i].strip() for i in columns}
    names = {folded(wanted)} if wanted else {folded(assignment.title), folded(assignment.id)}
    found = [i for i, title in titles.items() if folded(title) in names or folded(_bare(title)) in names]
    if len(found) == 1:
        return found[0]
    known = listed([repr(title) for title in titles.values() if _TITLE.fullmatch(title)]) or "none"
    if found:
        same = " and ".join(repr(titles[i]) for i in found)
        raise UsageError(f"{table.path}:1: {same}: which one? Say it with --column")
    asked = f"{wanted!r}" if wanted else f"titled {assignment.title!r}"
    raise UsageError(f"{table.path}:1: no assignment {asked}; name it with --column. There are: {known}")


def _bare(title: str) -> str:
    matched = _TITLE.fullmatch(title)
    return matched["title"] if matched else title


def _scale(table: Table, form: _Form, assignment: Assignment, scaled: bool) -> Scale:
    cell = form.points_possible[form.column] if form.points_possible else ""
    title = table.header[form.column]
    if "read only" in cell.casefold():
        raise UsageError(f"{table.path}: the column {title!r} is read only: Canvas would pass it over")
    return scale_to(parsed(cell), possible(assignment), scaled, f"{table.path}: {title!r}")


def _people(table: Table, form: _Form) -> Iterator[Person]:
    titles = [folded(title) for title in table.header[: form.identity]]
    at = {key.name: titles.index(folded(key.name)) for key in KEYS if folded(key.name) in titles}
    whole = "firstname" in titles and "lastname" in titles
    for index, (row, line) in enumerate(zip(table.rows, table.lines, strict=True)):
        if _POINTS_POSSIBLE in row[0] or not any(row[i].strip() for i in at.values()):
            continue  # Points Possible, Manual Posting
        keys = {name: row[i] for name, i in at.items()}
        if whole:
            keys["Student"] = f"{row[titles.index('firstname')]} {row[titles.index('lastname')]}"
        yield Person(index, line, keys)


def _notes(
    table: Table,
    form: _Form,
    rows: Sequence[Row],
    unknown: Sequence[str],
    people: Sequence[Person],
    written: set[int],
) -> Iterator[str]:
    if unknown:
        yield f"not in {table.path.name}, so left out: {listed(unknown)}"
    yield from left_alone(rows)
    without = [p for p in people if p.index not in written]
    scored = [p for p in without if table.rows[p.index][form.column].strip()]
    if without:
        have = "has" if len(scored) == 1 else "have"
        kept = f"; {len(scored)} of them {have} a score in Canvas, which stays" if scored else ""
        students = count(len(people), "student")
        yield f"without a grade here: {len(without)} of the {students} of {table.path.name}{kept}"
    odd = [p.line for p in people if p.index in written and any(map(is_formula, table.rows[p.index][:1]))]
    if odd:
        yield (
            f"names like formulas on the lines {listed([str(line) for line in odd])}: they must stay as Canvas "
            "wrote them, so upload the file and do not open it in a spreadsheet"
        )


# Making one


def _identity(row: Row, problems: list[str]) -> list[str]:
    """The five cells that say who. The strongest identifier stays as it is; the others may be neutralised."""
    fields = _fields(row)
    name = next((fields[n] for n in ("name", "full name") if fields.get(n)), row.student)
    ids = _ids(row)
    strongest = next(filter(None, ids), "")
    if is_formula(strongest):
        problems.append(
            f"{row.student!r}: {strongest!r} is a formula to a spreadsheet, and Canvas knows the student by "
            "nothing stronger; give the roster a column canvas_id"
        )
    return [neutral(name), *(value if value == strongest else neutral(value) for value in ids), ""]


def _unidentified(rows: Sequence[Row]) -> Iterator[str]:
    """By a name alone Canvas could take one namesake for the other."""
    if names := [row.student for row in rows if not any(_ids(row))]:
        yield (
            f"no canvas_id, sis_user_id or sis_login_id in the roster for: {listed(names)}; add one, or give "
            "Canvas's own export with --into"
        )


def _ids(row: Row) -> list[str]:
    """By what Canvas knows the student, strongest first; empty where the roster does not say."""
    return [_first(_fields(row), key) for key in KEYS[:3]]


def _fields(row: Row) -> dict[str, str]:
    return {folded(name): value.strip() for name, value in row.fields.items() if value}


def _first(fields: dict[str, str], key: Key) -> str:
    return next((fields[folded(c)] for c in (*key.sure, *key.maybe) if fields.get(folded(c))), "")


def _double_cells(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    for at, title in enumerate(_FRESH[1:4], 1):
        seen: dict[str, str] = {}
        for line in lines:
            if line[at] and line[at] in seen:
                yield f"{seen[line[at]]!r} and {line[0]!r} have the same {title}: {line[at]!r}"
            seen.setdefault(line[at], line[0])


def default_name(assignment: Assignment) -> Path:
    """What the file is called."""
    return Path(f"{assignment.id}-canvas.csv")
