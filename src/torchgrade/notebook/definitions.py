"""Where a notebook defines a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, NamedTuple

from torchgrade.notebook.cells import code_cells
from torchgrade.notebook.source import Patience, lines_of, parse_cell


class _Definition(NamedTuple):
    name: str
    first: int  # lines of the cell, from 1, both included
    last: int


def find_definition(nb: dict[str, Any], name: str) -> tuple[int, int, str] | None:
    """(cell index, first line in the cell, source) of the last top-level definition of ``name``.

    Functions, classes and assignments count, also inside a top-level ``if``, ``for``, ``with`` or ``try``.
    A cell with a syntax error defines nothing, as in Jupyter. None where the name is not defined.
    """
    patience = Patience()
    for index, source in reversed(code_cells(nb)):
        found = [d for d in _definitions(source, patience) if d.name == name]
        if found:
            last = max(found, key=lambda d: d.first)
            return index, last.first, "\n".join(lines_of(source)[last.first - 1 : last.last])
    return None


def _definitions(source: str, patience: Patience) -> Iterator[_Definition]:
    tree = parse_cell(source, patience)
    waiting: list[ast.AST] = [tree] if tree else []
    while waiting:  # not recursive: a long chain of elif is a deep tree
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min((d.lineno for d in node.decorator_list), default=node.lineno)
            yield _Definition(node.name, first, node.end_lineno or node.lineno)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for name in _target_names(node):
                yield _Definition(name, node.lineno, node.end_lineno or node.lineno)
        else:
            inner = (ast.stmt, ast.ExceptHandler, ast.match_case)
            waiting += [child for child in ast.iter_child_nodes(node) if isinstance(child, inner)]


def _target_names(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    """Names that an assignment binds. ``x: int`` without a value binds none, nor does ``x[0] = 1``."""
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return
    waiting: list[ast.expr] = [*node.targets] if isinstance(node, ast.Assign) else [node.target]
    while waiting:
        target = waiting.pop()
        if isinstance(target, ast.Name):
            yield target.id
        elif isinstance(target, ast.Tuple | ast.List):
            waiting += target.elts
        elif isinstance(target, ast.Starred):
            waiting.append(target.value)
