"""The solution notebook of an imported assignment: nbgrader's cells with our marks, and without its tests."""

from __future__ import annotations

import re
from typing import Any

from torchgrade.errors import SpecError
from torchgrade.importing.cells import Cell
from torchgrade.notebook import derive_handout
from torchgrade.notebook.cells import new_cell, new_notebook

_BEGIN, _END = "# BEGIN SOLUTION", "# END SOLUTION"
_MARK = re.compile(r"(\s*)#+\s*(BEGIN|END)\s+SOLUTION\b.*", re.IGNORECASE)
_SCHEME = re.compile(r"===+\s*(BEGIN|END) MARK SCHEME\s*===+", re.IGNORECASE)
_RELEASED = re.compile(
    r"\s*(#+\s*YOUR CODE HERE|raise NotImplementedError\(?.*|YOUR ANSWER HERE)\s*", re.IGNORECASE
)


def solution_notebook(cells: list[Cell], remarks: list[str]) -> dict[str, Any]:
    """All cells but the tests, which live outside now. ``remarks`` gathers what a teacher should look at."""
    taken: set[str] = set()
    return new_notebook([_cell(cell, _own_id(cell, taken), remarks) for cell in cells if cell.role != "test"])


def _own_id(cell: Cell, taken: set[str]) -> str:
    wanted = re.sub(r"[^A-Za-z0-9_-]+", "-", cell.grade_id or f"cell-{cell.number}")[:60].strip("-") or "cell"
    id = wanted if wanted not in taken else f"{wanted}-{cell.number}"
    taken.add(id)
    return id


def _cell(cell: Cell, id: str, remarks: list[str]) -> dict[str, Any]:
    source = _marked(cell)
    made = new_cell(cell.kind, source, id)
    if not _can_be_handed_out(made):
        remarks.append(
            f"cell {cell.number}: without its solution it is no valid Python; all of it is the solution"
        )
        lines = [line for line in cell.source.splitlines() if not _MARK.fullmatch(line)]
        made = new_cell(cell.kind, "\n".join((_BEGIN, *lines, _END)), id)
    if cell.attachments:
        made["attachments"] = cell.attachments
    return made


def _marked(cell: Cell) -> str:
    """With our marks: nbgrader's where there are some, else round the whole answer, as nbgrader takes it away."""
    lines = cell.source.splitlines()
    if cell.role == "task":
        return "\n".join(_with_scheme(lines))
    if cell.marked:
        return "\n".join(_ours(line) for line in lines)
    if not cell.answered or not cell.source.strip() or all(_RELEASED.fullmatch(line) for line in lines):
        return cell.source
    return "\n".join((_BEGIN, *lines, _END))


def _ours(line: str) -> str:
    match = _MARK.fullmatch(line)
    return f"{match[1]}{_BEGIN if match[2].upper() == 'BEGIN' else _END}" if match else line


def _with_scheme(lines: list[str]) -> list[str]:
    """A task's mark scheme is for teachers; below it stands where a student writes."""
    done = []
    for line in lines:
        match = _SCHEME.search(line)
        done.append((_BEGIN if match[1].upper() == "BEGIN" else _END) if match else line)
    return done if any(map(_SCHEME.search, lines)) else [*lines, "", "*Write your answer here.*"]


def _can_be_handed_out(cell: dict[str, Any]) -> bool:
    try:
        derive_handout(new_notebook([cell]))
    except SpecError:
        return False
    return True
