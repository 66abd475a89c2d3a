"""Whether code works a gradient out itself or asks autograd: read from its source, outside the room."""

from __future__ import annotations

import ast
import textwrap

from torchgrade.testing.examinee import Examinee

_MOST_FUNCTIONS = 30  # of the notebook that are followed
_MARKS = ("autograd", "requires_grad_")  # attributes that only autograd has
_IMPORTED = ("grad", "vjp", "jacrev", "jacobian")  # its functions, where the notebook has none of that name


def autograd_in(examinee: Examinee, name: str) -> str:
    """The first expression in ``name``, or in a function of the notebook that it calls, that asks autograd.

    Empty where there is none, and where the source is not found or not valid Python: what cannot be read is not
    held against anybody. ``net.backward(x)`` with an argument is taken for the student's own method, and
    ``w.grad`` in a function that assigns to a ``.grad`` for a place where the student keeps what was worked out.
    """
    waiting, seen = [name], {name}
    while waiting and len(seen) <= _MOST_FUNCTIONS:
        tree = _parsed(examinee.source(waiting.pop(0)))
        if asking := _asking(tree):
            return asking
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


def _asking(tree: ast.AST) -> str:
    """The first expression that asks autograd; empty where there is none."""
    nodes = list(ast.walk(tree))
    attributes = [n for n in nodes if isinstance(n, ast.Attribute)]
    keeps_own = any(n.attr == "grad" and isinstance(n.ctx, ast.Store) for n in attributes)
    marks = _MARKS if keeps_own else (*_MARKS, "grad")
    found: list[ast.AST] = [n for n in nodes if isinstance(n, ast.Call) and _is_trigger(n)]
    found += [n for n in attributes if n.attr in marks]
    return ast.unparse(found[0]) if found else ""


def _is_trigger(call: ast.Call) -> bool:
    """``loss.backward()``, also with options."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "backward" and not call.args


def _called(tree: ast.AST) -> set[str]:
    """Names that are called as functions and not made in the same place."""
    nodes = list(ast.walk(tree))
    made = {n.name for n in nodes if isinstance(n, ast.FunctionDef)}
    made |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return {n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)} - made
