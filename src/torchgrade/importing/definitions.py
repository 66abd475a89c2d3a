"""What a notebook defines, for tests that are moved out of it: students' answers, given code, imports."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from torchgrade.importing.cells import Cell
from torchgrade.notebook.source import parse_cell


@dataclass(frozen=True)
class Definition:
    """A name at the top of a cell. ``kind``: function, class or value."""

    name: str
    kind: str
    node: ast.stmt
    cell: int
    direct: bool = True  # not inside an if, a loop, a with


@dataclass
class Known:
    """All that tests may refer to."""

    answers: dict[str, list[Definition]] = field(default_factory=dict)
    given: dict[str, list[Definition]] = field(default_factory=dict)
    imports: dict[str, ast.stmt] = field(default_factory=dict)
    imported: list[tuple[int, ast.Import | ast.ImportFrom]] = field(default_factory=list)  # by cell

    def at(self, cell: int) -> Known:
        """The same, with the imports that hold in a cell: another one may import another thing under a name."""
        nodes = [node for number, node in self.imported if number <= cell]
        return replace(self, imports={name: node for node in nodes for name in imported_names(node)})

    @property
    def modules(self) -> set[str]:
        """The packages that the notebook imports."""
        return {module.split(".")[0] for _cell, node in self.imported for module in modules_of(node)}

    def kind(self, name: str) -> str:
        """What an answer is, by its last definition."""
        return self.answers[name][-1].kind


def known_in(cells: Iterable[Cell]) -> Known:
    """What the cells that are no tests define."""
    known = Known()
    for cell in cells:
        tree = parse_cell(cell.source) if cell.kind == "code" else None
        for node in tree.body if tree else ():
            if isinstance(node, ast.Import | ast.ImportFrom):
                known.imported.append((cell.number, node))
        if cell.role == "test":
            continue
        place = known.answers if cell.answered else known.given
        for found in definitions_in(tree.body if tree else [], cell.number):
            place.setdefault(found.name, []).append(found)
    return known


def definitions_in(body: list[ast.stmt], cell: int, direct: bool = True) -> Iterator[Definition]:
    """Names that statements define, also inside an ``if`` and the like."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Definition(node.name, "function", node, cell, direct)
        elif isinstance(node, ast.ClassDef):
            yield Definition(node.name, "class", node, cell, direct)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            kind = "function" if isinstance(node.value, ast.Lambda) else "value"
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for name in bound_names(target):
                    yield Definition(name, kind, node, cell, direct)
        elif isinstance(node, ast.If | ast.For | ast.While | ast.With | ast.Try):
            if isinstance(node, ast.For):
                for name in bound_names(node.target):
                    yield Definition(name, "value", node, cell, False)
            yield from definitions_in(_inside(node), cell, False)


def bound_names(target: ast.expr) -> list[str]:
    """Names that an assignment to ``target`` binds."""
    return [n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def imported_names(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Names that an import binds."""
    if isinstance(node, ast.Import):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names]
    return [alias.asname or alias.name for alias in node.names]


def modules_of(node: ast.stmt) -> list[str]:
    """Modules that an import names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def _inside(node: ast.stmt) -> list[ast.stmt]:
    parts: list[ast.stmt] = []
    for name in ("body", "orelse", "finalbody"):
        parts += getattr(node, name, [])
    for handler in getattr(node, "handlers", []):
        parts += handler.body
    return parts
