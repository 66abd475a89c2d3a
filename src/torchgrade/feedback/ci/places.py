"""On which line of a notebook's file each line of its cells stands: where a pipeline can put a remark."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

_PIECE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_PLACE = 4  # cells, number of the cell, source, number of the piece


@dataclass
class _Cell:
    """A cell of the file: its source, and for each line of it the line of the file, from 1."""

    source: str = ""
    lines: list[int] = field(default_factory=list)
    fresh: bool = True  # the next piece begins a line

    def add(self, piece: str, line: int) -> None:
        self.source += piece
        for part in piece.splitlines(keepends=True):
            if self.fresh:
                self.lines.append(line)
            self.fresh = part.endswith("\n")


class FileLines:
    """The lines of one notebook's file. A text that is no notebook has none: every answer is 1."""

    def __init__(self, text: str) -> None:
        self._cells = _cells(text)

    def of(self, cell: int, source: str, line: int = 1) -> int:
        """The file's line of ``line`` (from 1) of the cell with this index, which must have this source."""
        found = self._cells.get(cell)
        if found is None or found.source != source:  # repaired on the way in, so that numbers do not agree
            found = next((c for c in self._cells.values() if c.source == source), None)
        return found.lines[line - 1] if found and 0 < line <= len(found.lines) else 1


def _cells(text: str) -> dict[int, _Cell]:
    cells: dict[int, _Cell] = {}
    if not _is_json(text):
        return cells
    ends = [found.start() for found in re.finditer("\n", text)]
    for path, string, start in _strings(text):
        if len(path) in (_PLACE - 1, _PLACE) and path[0] == "cells" and path[2] == "source":
            try:
                part = str(json.loads(string, strict=False))
            except ValueError:
                continue
            cells.setdefault(int(path[1]), _Cell()).add(part, bisect_right(ends, start) + 1)
    return cells


def _strings(text: str) -> Iterator[tuple[list[str | int], str, int]]:
    """(path, literal, offset) of each string that is a value. Depth costs no recursion."""
    path: list[str | int] = []
    kinds: list[str] = []
    key: str | None = None
    for found in _PIECE.finditer(text):
        piece = found[0]
        if piece in "{[":
            kinds.append(piece)
            path.append("" if piece == "{" else 0)
        elif piece in "}]":
            if not kinds:
                return
            kinds.pop()
            path.pop()
        elif piece == "," and kinds and kinds[-1] == "[":
            path[-1] = int(path[-1]) + 1
        elif piece == "," and kinds:
            path[-1] = ""
        elif piece == ":" and kinds and key is not None:
            path[-1] = key
        elif piece[0] == '"' and kinds and kinds[-1] == "{" and path[-1] == "":
            key = piece[1:-1]  # a name of nbformat has no escape in it
        elif piece[0] == '"':
            yield path, piece, found.start()


def _is_json(text: str) -> bool:
    """Whether every string ends, which keeps the search for the next piece short."""
    try:
        json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return False
    return True
