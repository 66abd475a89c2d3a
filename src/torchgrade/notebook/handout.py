"""From the solution notebook to the handout: the solution is the master, the handout is derived."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
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


# A literal that speaks to a reader: two words of letters with a space between them.
_PROSE = re.compile(r"[^\W\d_]{2,}[,:]? +[^\W\d_]")


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


def translate_handout(
    handout: dict[str, Any], translations: Mapping[str, str], name: Path | str = "handout"
) -> dict[str, Any]:
    """The handout in another language: ``translations`` holds the whole source of each cell by the original one.

    Every cell of text needs one, and every cell of code with comments or sentences in it. Of code, only comments
    and the sentences in its literals may differ. ``name`` is how errors call the notebook. Raises SpecError.
    """
    cells = []
    for number, cell in enumerate(handout["cells"], 1):
        kind, source = cell["cell_type"], cell_source(cell)
        translated = translations.get(source, "")
        if not translated and source.strip() and (kind != "code" or _speaks(source)):
            first = next(line.strip() for line in source.splitlines() if line.strip())
            raise SpecError(name, None, f"cell {number}", f"has no translation; it begins with {first[:60]!r}")
        if translated and kind == "code" and not same_code(source, translated):
            problem = "the translation changes the code; only comments and sentences may differ"
            raise SpecError(name, None, f"cell {number}", problem)
        made = new_cell(kind, translated or source, cell["id"])
        if cell.get("attachments"):
            made["attachments"] = cell["attachments"]
        cells.append(made)
    return new_notebook(cells)


def same_code(one: str, other: str) -> bool:
    """Whether two cells do the same: all is equal but comments, and what literals of ``one`` say to a reader.

    A key, in a dict or between brackets, says nothing to anybody: it stays.
    """
    a, b = parse_cell(one), parse_cell(other)
    if a is None or b is None:
        return False
    keys = _keys(a)
    for left, right in zip(list(_literals(a)), list(_literals(b)), strict=False):
        said, translated = str(left.value), str(right.value)
        if left not in keys and said != translated and re.search(r"[^\W\d_]", said) and not translated.isascii():
            left.value = right.value = ""
    return ast.dump(a) == ast.dump(b)


def _literals(tree: ast.Module) -> Iterator[ast.Constant]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str))


def _keys(tree: ast.Module) -> set[ast.AST]:
    nodes = list(ast.walk(tree))
    keys: list[ast.AST | None] = [n.slice for n in nodes if isinstance(n, ast.Subscript)]
    keys += [key for n in nodes if isinstance(n, ast.Dict) for key in n.keys]
    return {key for key in keys if key is not None}


def _speaks(source: str) -> bool:
    """Whether code says something to its reader: a comment, or a sentence in a literal."""
    tree = parse_cell(source)
    if tree is not None and any(_PROSE.search(str(literal.value)) for literal in _literals(tree)):
        return True
    try:
        return any(t.type == tokenize.COMMENT for t in tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):  # a magic of IPython, perhaps
        return "#" in source


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
