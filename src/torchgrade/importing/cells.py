"""An nbgrader notebook, read by its marks: what students answer, what tests them, what a person grades."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchgrade.errors import SpecError, UsageError
from torchgrade.intake.decode import decode
from torchgrade.intake.entries import Refused, read_regular
from torchgrade.notebook.cells import cell_source
from torchgrade.notebook.source import parse_cell

_MAX_BYTES = 64 * 2**20
_NEWEST_SCHEMA = 4
_MAX_POINTS = 1_000_000

_HIDDEN = re.compile(r"\s*#+\s*(BEGIN|END)\s+HIDDEN\s+TESTS?\b.*", re.IGNORECASE)
_SOLUTION = re.compile(r"\s*#+\s*(BEGIN|END)\s+SOLUTION\b.*", re.IGNORECASE)


@dataclass(frozen=True)
class Cell:
    """A cell of the notebook. ``role``: given, answer, test, manual or task; a given one has no ``grade_id``."""

    number: int  # from 1, as a reader counts
    kind: str
    source: str
    role: str = "given"
    grade_id: str = ""
    points: float = 0.0
    attachments: Any = None
    unpriced: bool = False  # it is graded, and nothing says by how many points

    @property
    def marked(self) -> bool:
        """Whether marks say which lines are the solution."""
        return any(_SOLUTION.fullmatch(line) for line in self.source.splitlines())

    @property
    def answered(self) -> bool:
        """Whether students write here."""
        return self.role in ("answer", "manual")

    @property
    def public(self) -> str:
        """A test without what students do not see."""
        return _parted(self.source)[0]

    @property
    def whole(self) -> str:
        """A test without its marks."""
        return "\n".join(line for line in self.source.splitlines() if not _HIDDEN.fullmatch(line))

    @property
    def hides(self) -> bool:
        """Whether students do not see all of a test."""
        return bool(_parted(self.source)[1].strip())


def read_cells(path: Path) -> list[Cell]:
    """The cells of an nbgrader notebook, as its teacher keeps it. Raises UsageError or SpecError, in one line."""
    try:
        data, _notes = decode(read_regular(path, _MAX_BYTES))
    except Refused as e:
        raise UsageError(f"{path}: cannot be read: {e}") from e
    listed = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(listed, list):
        raise UsageError(f"{path}: is not a notebook of nbformat 4; open it in Jupyter and save it")
    _check_language(path, data)
    cells = [_cell(path, number, cell) for number, cell in enumerate(listed, 1) if isinstance(cell, dict)]
    _check(path, cells)
    return cells


def _check_language(path: Path, data: dict[str, Any]) -> None:
    metadata = data.get("metadata")
    spec = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = str(spec.get("language") or "python") if isinstance(spec, dict) else "python"
    if "python" not in language.lower():
        raise UsageError(f"{path}: is written in {language[:20]}; only Python is examined here")


def _check(path: Path, cells: list[Cell]) -> None:
    graded = [cell for cell in cells if cell.role != "given"]
    if not graded:
        raise UsageError(f"{path}: has no cells of nbgrader")
    seen: dict[str, int] = {}
    for cell in graded:
        if cell.grade_id in seen:
            problem = f"'{cell.grade_id}' is the id of cell {seen[cell.grade_id]} already"
            raise SpecError(path, None, f"cell {cell.number}", problem)
        seen[cell.grade_id] = cell.number
    code = [cell for cell in graded if cell.role == "answer" and cell.kind == "code"]
    if code and all(not cell.marked and _is_blank(cell.source) for cell in code):
        raise UsageError(f"{path}: is the version for students, without solutions; import the one in source/")
    if not any(cell.role in ("test", "manual", "task") for cell in graded):
        raise UsageError(f"{path}: no cell gives points, so there is nothing to grade")


def _is_blank(source: str) -> bool:
    """Whether all that a cell does is to say that somebody has to write it."""
    tree = parse_cell(source)
    raises = [node for node in ast.walk(tree) if isinstance(node, ast.Raise)] if tree else []
    asks = any("NotImplementedError" in ast.unparse(node) for node in raises)
    return tree is not None and (asks or not tree.body) and all(map(_says_nothing, _leaves(tree.body)))


def _leaves(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from _leaves(node.body)
        else:
            yield node


def _says_nothing(node: ast.stmt) -> bool:
    said = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return said or isinstance(node, ast.Pass | ast.Import | ast.ImportFrom | ast.Raise)


def _cell(path: Path, number: int, cell: dict[str, Any]) -> Cell:
    kind = str(cell.get("cell_type"))
    if kind not in ("code", "markdown", "raw"):
        raise SpecError(path, None, f"cell {number}", f"is of an unknown type, '{kind[:20]}'")
    source = cell_source(cell)
    _check_text(path, number, source)
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if not isinstance(marks, dict):
        return Cell(number, kind, source, attachments=cell.get("attachments"))
    version = marks.get("schema_version", 1)
    if not isinstance(version, int) or not 1 <= version <= _NEWEST_SCHEMA:
        raise SpecError(path, None, f"cell {number}", f"nbgrader's schema_version {version!r} is not known here")
    role = _role(kind, marks)
    if role == "given":
        return Cell(number, kind, source, attachments=cell.get("attachments"))
    grade_id = marks.get("grade_id") or ""
    if not isinstance(grade_id, str):
        raise SpecError(path, None, f"cell {number}", f"nbgrader's grade_id is {grade_id!r}; write a name")
    if not grade_id.strip():
        raise SpecError(path, None, f"cell {number}", "nbgrader's grade_id is missing")
    _check_text(path, number, grade_id)
    points = _points(path, number, marks) if role != "answer" else 0.0
    unpriced = role != "answer" and "points" not in marks
    return Cell(number, kind, source, role, grade_id.strip(), points, cell.get("attachments"), unpriced)


def _check_text(path: Path, number: int, text: str) -> None:
    """What JSON can say and a Python file or a YAML file cannot: NUL, and half of a surrogate pair."""
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise SpecError(path, None, f"cell {number}", "holds characters that no text file can; take them out")


def _role(kind: str, marks: dict[str, Any]) -> str:
    grade, solution, task = (bool(marks.get(key)) for key in ("grade", "solution", "task"))
    if task:
        return "task"
    if grade and (solution or kind != "code"):
        return "manual"
    return "test" if grade else "answer" if solution else "given"


def _points(path: Path, number: int, marks: dict[str, Any]) -> float:
    points = marks.get("points", 0)
    if isinstance(points, bool) or not isinstance(points, int | float) or not 0 <= points <= _MAX_POINTS:
        raise SpecError(
            path, None, f"cell {number}", f"nbgrader's points are {points!r}; write a number from 0 on"
        )
    return float(points)


def _parted(source: str) -> tuple[str, str]:
    """What students see of a test, and what they do not. A mark that is never ended hides the rest."""
    seen: list[str] = []
    hidden: list[str] = []
    inside = False
    for line in source.splitlines():
        if match := _HIDDEN.fullmatch(line):
            inside = match[1].upper() == "BEGIN"
        else:
            (hidden if inside else seen).append(line)
    return "\n".join(seen), "\n".join(hidden)
