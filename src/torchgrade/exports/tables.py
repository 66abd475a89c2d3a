"""A learning platform's own CSV, read with care and given back in its own form."""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torchgrade.errors import UsageError
from torchgrade.feedback.words import count
from torchgrade.intake.tables import separator, table_text, undeclared

_SHOWN = 12  # columns in a message


@dataclass(frozen=True)
class Table:
    """Header and rows as they stand in the file. ``lines``: where each row begins. ``note``: what was odd."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    delimiter: str = ","
    bom: bool = False
    newline: str = "\n"
    note: str = ""

    def encode(self, rows: Iterable[Sequence[str]]) -> bytes:
        """The header and these rows as UTF-8, in the form of the file."""
        text = to_csv([self.header, *rows], self.delimiter, self.newline)
        return (codecs.BOM_UTF8 if self.bom else b"") + text.encode("utf-8")

    def column(self, names: Sequence[str], what: str) -> int:
        """Index of the column of one of these names. Raises UsageError with the nearest one."""
        found = [i for i, title in enumerate(self.header) if folded(title) in map(folded, names)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(
                f"{self.path}:1: the column {self.header[found[0]]!r} stands there {len(found)} times"
            )
        raise UsageError(f"{self.path}:1: there is no column {names[0]!r} ({what}){self._nearest(names)}")

    def optional(self, names: Sequence[str]) -> int | None:
        """The same; None where there is none."""
        wanted = set(map(folded, names))
        return next((i for i, title in enumerate(self.header) if folded(title) in wanted), None)

    def _nearest(self, names: Sequence[str]) -> str:
        by_folded = {folded(title): title for title in self.header}
        for name in names:
            if near := difflib.get_close_matches(folded(name), by_folded, 1):
                return f"; did you mean {by_folded[near[0]]!r}?"
        titles = ", ".join(map(repr, self.header[:_SHOWN]))
        return f"; it has: {titles}{', …' if len(self.header) > _SHOWN else ''}"


def read_table(path: Path) -> Table:
    """Raises SpecError or UsageError, one line, for what is no table."""
    text = table_text(path, "the platform's table")
    raw = path.read_bytes()
    delimiter = separator(text)
    found = list(_records(path, text, delimiter))
    if not found:
        raise UsageError(f"{path}: is empty; export it from the platform again")
    (_, header), *rest = found
    for line, record in rest:
        if len(record) > len(header):
            more = "a name with a comma needs quotes" if delimiter == "," else "is a quote missing?"
            raise UsageError(f"{path}:{line}: {len(record)} cells under {count(len(header), 'column')}; {more}")
    rows = tuple((*record, *[""] * (len(header) - len(record))) for _, record in rest)
    lines = tuple(line for line, _ in rest)
    newline = "\r\n" if b"\r\n" in raw else "\n"
    note = "" if _is_utf_8(raw) else f"{path}: is not UTF-8; what is written is, as platforms want it"
    return Table(path, tuple(header), rows, lines, delimiter, raw.startswith(codecs.BOM_UTF8), newline, note)


def _is_utf_8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _records(path: Path, text: str, delimiter: str) -> Iterable[tuple[int, list[str]]]:
    """(line, cells) of every record that is not blank."""
    reader = csv.reader(io.StringIO(undeclared(text), newline=""), delimiter=delimiter, strict=True)
    begin = 1
    try:
        for record in reader:
            if any(cell.strip() for cell in record):
                yield begin, record
            begin = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(f"{path}:{begin}: not CSV: {error}") from None


def to_csv(rows: Iterable[Sequence[str]], delimiter: str = ",", newline: str = "\n") -> str:
    """Rows as CSV text."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=newline).writerows(rows)
    return out.getvalue()


def folded(title: str) -> str:
    """A column's title, whatever its case, spaces and underscores."""
    return " ".join(title.replace("_", " ").split()).casefold()


def parsed(cell: str) -> float | None:
    """The number in a platform's cell, with a decimal point or comma; None where there is none."""
    text = cell.replace("\xa0", "").replace(" ", "").strip()
    if re.fullmatch(r"-?\d+,\d+", text):
        text = text.replace(",", ".")
    return float(text) if re.fullmatch(r"-?\d{1,9}(\.\d+)?", text) else None
