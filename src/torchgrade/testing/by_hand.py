"""Whether code works a gradient out itself or asks autograd: read from its source, outside the room."""

from __future__ import annotations

import ast
import textwrap

from torchgrade.testing.examinee import Examinee

_MOST_FUNCTIONS = 30  # of the notebook that are followed
_MARKS = ("autograd", "grad", "requires_grad_")  # attributes that only autograd has
_IMPORTED = ("grad", "vjp", "jacrev", "jacobian")  # its functions, where the notebook has none of that name


def autograd_in(examinee: Examinee, name: str) -> str:
    """The first expression in ``name``, or in a function of the notebook that it calls, that asks autograd.

    Empty where there is none, and where the source is not found or not valid Python: what cannot be read is not
    held against anybody. ``net.backward(x)`` with an argument is taken for the student's own method.
    """
    waiting, seen = [name], {name}
    while waiting and len(seen) <= _MOST_FUNCTIONS:
        tree = _parsed(examinee.source(waiting.pop(0)))
        for node in ast.walk(tree):
            if _asks(node):
                return ast.unparse(node)
        for called in _called(tree) - seen:
            if called in _IMPORTED and not examinee.source(called):
                return called
            seen.add(called)
            waiting.append(called)
    return ""


def _parsed(source: str) -> ast.AST:
    try:
        return ast.parse(textwrap.dedent(source))
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])


def _asks(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr == "backward" and not node.args
    return isinstance(node, ast.Attribute) and node.attr in _MARKS


def _called(tree: ast.AST) -> set[str]:
    """Names that are called as functions and not made in the same place."""
    nodes = list(ast.walk(tree))
    made = {n.name for n in nodes if isinstance(n, ast.FunctionDef)}
    made |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return {n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)} - made
