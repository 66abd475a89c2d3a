"""From the solution notebook to the handout: the solution is the master, the handout is derived."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from torchgrade.errors import SpecError
from torchgrade.notebook.cells import cell_ids, cell_source, new_cell, new_notebook
from torchgrade.notebook.source import lines_of, parse_cell

SOLUTION_ONLY = "solution-only"
CODE_GAP = "# YOUR CODE HERE"
FUNCTION_GAP = 'raise NotImplementedError("write this")'
TEXT_GAP = "*Write your answer here.*"

# Looser than the two marks that the course writes: a mistyped mark must never ship a solution.
_MARK = re.compile(r"^\s*#+\s*(BEGIN|END)[ \t_-]+SOLUTIONS?\b", re.IGNORECASE)
_STRAY = re.compile(r"#+\s*(BEGIN|END)[ \t_-]+SOLUTIONS?\b", re.IGNORECASE)


class _Region(NamedTuple):
    first: int  # line of BEGIN, from 0
    last: int  # line of END


def derive_handout(solution: dict[str, Any], name: Path | str = "solution") -> dict[str, Any]:
    """The student's notebook: regions between the solution marks become gaps, outputs and metadata go.

    ``name`` is how errors call the notebook. Raises SpecError for marks that do not pair up, and for a cell
    that is no valid Python once its solution is gone.
    """
    cells = []
    for number, (cell, id) in enumerate(zip(solution["cells"], cell_ids(solution["cells"]), strict=True), 1):
        if SOLUTION_ONLY in cell.get("metadata", {}).get("tags", ()):
            continue
        kind, source = cell["cell_type"], cell_source(cell)
        made = new_cell(kind, _without_solution(kind, source, f"cell {number}", name), id)
        if cell.get("attachments"):  # pictures in the text
            made["attachments"] = cell["attachments"]
        cells.append(made)
    return new_notebook(cells)


def _without_solution(kind: str, source: str, where: str, name: Path | str) -> str:
    lines = lines_of(source)
    regions = list(_regions(lines, where, name))
    if not regions:
        return source
    if kind != "code":
        for region in reversed(regions):
            lines[region.first : region.last + 1] = [TEXT_GAP]
        return "\n".join(lines)
    tree = parse_cell(source)
    if tree is None:
        raise SpecError(name, None, where, "holds a solution but is not valid Python")
    for region in reversed(regions):  # from the end, so that the lines of earlier regions stay where they are
        gapped = _with_gap(lines, region, _in_function(tree, region))
        if gapped is None:
            problem = "without this solution the cell is not valid Python; move the marks"
            raise SpecError(name, None, f"{where}, line {region.first + 1}", problem)
        lines = gapped
    return "\n".join(lines)


def _regions(lines: list[str], where: str, name: Path | str) -> Iterator[_Region]:
    begun: int | None = None
    for i, line in enumerate(lines):
        mark = _MARK.match(line)
        if mark is None:
            if _STRAY.search(line):
                raise SpecError(name, None, f"{where}, line {i + 1}", "a solution mark needs a line of its own")
        elif mark[1].upper() == "BEGIN":
            if begun is not None:
                problem = f"BEGIN SOLUTION inside the solution that began in line {begun + 1}"
                raise SpecError(name, None, f"{where}, line {i + 1}", problem)
            begun = i
        elif begun is None:
            raise SpecError(name, None, f"{where}, line {i + 1}", "END SOLUTION without a BEGIN SOLUTION")
        else:
            yield _Region(begun, i)
            begun = None
    if begun is not None:
        raise SpecError(name, None, f"{where}, line {begun + 1}", "BEGIN SOLUTION without an END SOLUTION")


def _with_gap(lines: list[str], region: _Region, in_function: bool) -> list[str] | None:
    """The cell with a gap for the region; None where no gap makes it valid Python."""
    begin = lines[region.first]
    indent = begin[: len(begin) - len(begin.lstrip())]
    # A class or a loop whose whole body was the solution needs something in its place.
    for filler in [[FUNCTION_GAP]] if in_function else [[], ["pass"]]:
        gap = [indent + line for line in (CODE_GAP, *filler)]
        gapped = [*lines[: region.first], *gap, *lines[region.last + 1 :]]
        if parse_cell("\n".join(gapped)) is not None:
            return gapped
    return None


def _in_function(tree: ast.Module, region: _Region) -> bool:
    """Whether the first statement of the region belongs to a function's body (a class within it does not)."""
    scope: ast.AST = tree
    while inner := _scope_around(scope, region):
        scope = inner
    return isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef)


def _scope_around(scope: ast.AST, region: _Region) -> ast.AST | None:
    """The function or class inside ``scope`` that begins above the region and whose body reaches it."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if isinstance(node, kinds):
            if node.lineno <= region.first and (node.end_lineno or 0) > region.first + 1:
                return node
        else:
            waiting += ast.iter_child_nodes(node)
    return None
