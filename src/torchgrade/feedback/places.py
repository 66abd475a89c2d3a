"""Which cell and line of the student's own notebook a criterion is about, as far as its words tell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torchgrade.feedback.clean import joined, one_line
from torchgrade.model import Assignment, CriterionResult, Outcome
from torchgrade.notebook import find_definition

_LOST = (Outcome.PARTIAL, Outcome.FAILED, Outcome.ERRORED, Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY)
_LINE = re.compile(r"in the line `([^`]+)`")
_LAST = re.compile(r"`([^`]+)`$")  # in any language the line stands at the end of what an exception is told by
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Place:
    """``cell`` counts from 0, ``line`` from 1; ``code`` is that line."""

    cell: int
    line: int
    code: str


class Places:
    """Looks names up in one notebook, each once. A notebook that cannot be read has no places."""

    def __init__(self, assignment: Assignment, notebook: Mapping[str, Any] | None) -> None:
        cells = (notebook or {}).get("cells")
        self._cells = [c if isinstance(c, dict) else {} for c in cells] if isinstance(cells, list) else []
        self._names = {a: name for name in assignment.defines for a in (name, *assignment.aliases.get(name, ()))}
        self._aliases = {name: (name, *assignment.aliases.get(name, ())) for name in assignment.defines}
        self._found: dict[str, Place | None] = {}

    def of(self, result: CriterionResult) -> Place | None:
        """The line that raised, where the message quotes it; else where the thing that it names is defined."""
        if result.outcome not in _LOST:
            return None
        names = [self._names[w] for w in _WORD.findall(f"{result.message} {result.title}") if w in self._names]
        defined = next((p for p in map(self._defined, dict.fromkeys(names)) if p), None)
        quoted = _LINE.search(result.message)
        if quoted is None and result.outcome is Outcome.ERRORED:
            quoted = _LAST.search(result.message)
        return (self._line(quoted[1].strip(), defined) if quoted else None) or defined

    def _defined(self, name: str) -> Place | None:
        if name not in self._found:
            self._found[name] = next(filter(None, map(self._definition, self._aliases[name])), None)
        return self._found[name]

    def _definition(self, name: str) -> Place | None:
        if not any(name in self._source(n) for n in range(len(self._cells))):
            return None
        sources = ({"cell_type": "code", "source": self._source(n)} for n in range(len(self._cells)))
        found = find_definition({"cells": list(sources)}, name) or self._unread(name)
        return self._place(found[0], found[1]) if found else None

    def _unread(self, name: str) -> tuple[int, int] | None:
        """Where a cell that Python cannot read would define it: that cell is then why there is no such name."""
        begins = re.compile(rf"(?:def|class)\s+{re.escape(name)}\b")
        lines = (
            (n, at, line)
            for n in range(len(self._cells))
            for at, line in enumerate(self._source(n).split("\n"), 1)
        )
        return next(((n, at) for n, at, line in lines if begins.match(line)), None)

    def _line(self, code: str, near: Place | None) -> Place | None:
        """The line with this code: at or below where the name is defined, else the only one there is."""
        places = [
            (n, at)
            for n in range(len(self._cells))
            for at, line in enumerate(self._source(n).split("\n"), 1)
            if line.strip() == code
        ]
        here = [p for p in places if near and p[0] == near.cell and p[1] >= near.line]
        chosen = here[0] if here else places[0] if len(places) == 1 else None
        return self._place(*chosen) if chosen else None

    def _source(self, cell: int) -> str:
        found = self._cells[cell]
        return joined(found.get("source")) if found.get("cell_type") == "code" else ""

    def _place(self, cell: int, line: int) -> Place | None:
        lines: Sequence[str] = self._source(cell).split("\n")
        return Place(cell, line, one_line(lines[line - 1], 120)) if 0 < line <= len(lines) else None
