"""Whose row of a platform's table is whose: by identifiers, strongest first, and never by guessing."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torchgrade.exports.rows import Row
from torchgrade.exports.tables import folded


@dataclass(frozen=True)
class Key:
    """A kind of identifier: its name in messages, and the roster's columns that hold it.

    ``sure`` columns say nothing else: where their value is not in the table, nobody is looked for by name.
    ``inner``: a number of the platform's own, which only those columns can mean. The number that a university
    gave to a student may be another student's there.
    """

    name: str
    sure: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    is_name: bool = False
    inner: bool = False


@dataclass(frozen=True)
class Person:
    """A row of the platform's table: its index there, its line, and its identifiers by kind."""

    index: int
    line: int
    keys: Mapping[str, str]


@dataclass(frozen=True)
class Matches:
    """Who was found (with the row), whom the platform does not know, and lines that forbid the whole."""

    found: tuple[tuple[Row, Person], ...]
    unknown: tuple[Row, ...]
    problems: tuple[str, ...]


def match(rows: Sequence[Row], people: Sequence[Person], keys: Sequence[Key], table: str) -> Matches:
    """For each row the one person of the table that it is about. ``keys``: strongest first; the first must be
    the platform's own and stand there once for each person."""
    indexes = {key.name: _index(people, key) for key in keys}
    problems = list(_doubles(people, keys[0], table))
    found: list[tuple[Row, Person]] = []
    unknown: list[Row] = []
    for row in rows:
        hits, kind = _hits(row, keys, indexes)
        if len(hits) == 1:
            found.append((row, hits[0]))
        elif hits:
            lines = ", ".join(str(p.line) for p in hits)
            problems.append(
                f"{table}: {row.student!r} could be any of the lines {lines} (by {kind}); "
                f"name {' or '.join(key.sure[0] for key in keys if key.sure)} in the roster"
            )
        else:
            unknown.append(row)
    problems += _twice(found, table)
    return Matches(tuple(found), tuple(unknown), tuple(problems))


def _hits(
    row: Row, keys: Sequence[Key], indexes: Mapping[str, Mapping[str, list[Person]]]
) -> tuple[list[Person], str]:
    fields = {folded(name): value.strip() for name, value in row.fields.items() if value and value.strip()}
    for key in keys:
        values = [fields[folded(c)] for c in key.sure if folded(c) in fields]
        if values:
            return indexes[key.name].get(_form(values[0], key), []), key.name
    for key in (key for key in keys if not key.inner):
        for value in [*(fields[folded(c)] for c in key.maybe if folded(c) in fields), row.student]:
            if hits := indexes[key.name].get(_form(value, key)):
                return hits, key.name
    return [], ""


def _index(people: Sequence[Person], key: Key) -> dict[str, list[Person]]:
    found: dict[str, list[Person]] = defaultdict(list)
    for person in people:
        if value := person.keys.get(key.name, "").strip():
            found[_form(value, key)].append(person)
    return dict(found)


def _form(value: str, key: Key) -> str:
    """Equal for what is the same; a name may stand as “Last, First”."""
    text = " ".join(unicodedata.normalize("NFC", value).split()).casefold()
    if key.is_name and text.count(",") == 1:
        last, first = text.split(",")
        text = f"{first.strip()} {last.strip()}"
    return text


def _doubles(people: Sequence[Person], key: Key, table: str) -> Iterator[str]:
    for value, same in _index(people, key).items():
        if len(same) > 1:
            lines = " and ".join(str(p.line) for p in same)
            yield f"{table}:{same[1].line}: the {key.name} {value!r} stands there twice (lines {lines})"


def _twice(found: Sequence[tuple[Row, Person]], table: str) -> Iterator[str]:
    whose: dict[int, list[Row]] = defaultdict(list)
    lines: dict[int, int] = {}
    for row, person in found:
        whose[person.index].append(row)
        lines[person.index] = person.line
    for index, rows in whose.items():
        if len(rows) > 1:
            names = " and ".join(repr(row.student) for row in rows)
            yield f"{table}:{lines[index]}: {names} are both taken for this student"
