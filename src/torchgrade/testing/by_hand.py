"""Whether code works a gradient out itself or asks autograd: read from its source, outside the room."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator

from torchgrade.testing.examinee import Examinee

_MOST_FUNCTIONS = 30  # of the notebook that are followed
#: Functions of torch.autograd, torch.func and torch.autograd.forward_ad that give gradients.
_FUNCTIONS = frozenset(
    (
        *("grad", "grad_and_value", "vjp", "jvp", "jacrev", "jacfwd", "jacobian", "hessian", "hvp", "vhp"),
        *("linearize", "make_dual", "unpack_dual", "dual_level"),
    )
)
#: Attributes that only autograd has, whatever they are read from; reading ``w.grad`` is one more.
_MARKS = frozenset(("requires_grad_", "retain_grad", "next_functions", "enable_grad"))
#: Modules that give gradients, and what of them does not.
_MODULES = ("torch.autograd", "torch.func", "torch._functorch", "functorch")
_HARMLESS = frozenset(
    (
        *("no_grad", "inference_mode", "set_grad_enabled", "set_detect_anomaly", "detect_anomaly", "grad_mode"),
        *("profiler", "Variable", "Function", "vmap", "functional_call", "stack_module_state", "functionalize"),
    )
)


def autograd_in(examinee: Examinee, name: str) -> str:
    """The first expression in ``name``, or in a function of the notebook that it uses, that asks autograd.

    Empty where there is none, and where the source is not found or not valid Python: what cannot be read is not
    held against anybody. ``net.backward(x)`` with an argument is taken for the student's own method, and
    ``w.grad`` in functions of which one assigns to a ``.grad`` for a place where the student keeps what was worked
    out. A function that a cell imports under a name of its own is not recognised: only its call can be read.
    """
    followed = list(_followed(examinee, name))
    keeps_own = any(_is_kept(node) for tree in followed for node in ast.walk(tree))
    return next((asking for tree in followed if (asking := _asking(tree, examinee, keeps_own=keeps_own))), "")


def _followed(examinee: Examinee, name: str) -> Iterator[ast.AST]:
    """The definition of ``name`` and those of the notebook's functions that it uses, each as a tree."""
    waiting, seen = [name], {name}
    while waiting and len(seen) <= _MOST_FUNCTIONS:
        tree = _parsed(examinee.source(waiting.pop(0)))
        yield tree
        for used in _used(tree, examinee):
            if used not in seen:
                seen.add(used)
                waiting.append(used)


def _parsed(source: str) -> ast.AST:
    try:
        return ast.parse(textwrap.dedent(source))
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])


def _used(tree: ast.AST, examinee: Examinee) -> list[str]:
    """Names from outside that are called, or handed to what is called and defined as functions, in their order."""
    own = _bound(tree)
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    called = [n.func.id for n in calls if isinstance(n.func, ast.Name)]
    given = [a.id for n in calls for a in (*n.args, *(k.value for k in n.keywords)) if isinstance(a, ast.Name)]
    functions = [n for n in given if n not in own and _is_function(_parsed(examinee.source(n)))]
    return [n for n in (*called, *functions) if n not in own]


def _is_function(tree: ast.AST) -> bool:
    """Whether a definition makes a function, rather than a value that may come of one."""
    made = tree.body[0] if isinstance(tree, ast.Module) and tree.body else None
    return isinstance(made, ast.FunctionDef) or isinstance(getattr(made, "value", None), ast.Lambda)


def _bound(tree: ast.AST) -> set[str]:
    """Names that the code binds itself: its arguments, what it assigns to, its inner functions."""
    nodes = list(ast.walk(tree))
    made = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    made |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    return made | {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _is_kept(node: ast.AST) -> bool:
    """``w.grad = …``: a place where the student keeps a gradient."""
    return isinstance(node, ast.Attribute) and node.attr == "grad" and isinstance(node.ctx, ast.Store)


def _asking(tree: ast.AST, examinee: Examinee, *, keeps_own: bool) -> str:
    """The first expression that asks autograd; empty where there is none."""
    own, imported = _bound(tree), _imported(tree)
    if imported:
        return imported
    nodes = list(ast.walk(tree))
    known = [n for n in nodes if isinstance(n, ast.Call) and _is_trigger(n)]
    if known:
        return ast.unparse(known[0])
    harmless = {id(part) for n in nodes for part in _harmless_parts(n)}
    foreign = _Foreign(own, examinee)
    for node in nodes:
        if id(node) in harmless:
            continue
        if isinstance(node, ast.Attribute) and _attribute_asks(node, foreign, keeps_own=keeps_own):
            return ast.unparse(node)
        if isinstance(node, ast.Name) and node.id in _FUNCTIONS and foreign(node.id):
            return node.id
    return ""


class _Foreign:
    """Whether a name is neither bound by the code that uses it nor defined in the notebook: it was imported."""

    def __init__(self, own: set[str], examinee: Examinee) -> None:
        self._own, self._examinee = own, examinee

    def __call__(self, name: str) -> bool:
        return name not in self._own and not self._examinee.source(name)


def _attribute_asks(node: ast.Attribute, foreign: _Foreign, *, keeps_own: bool) -> bool:
    if node.attr in _MARKS:
        return True
    if node.attr == "grad" and isinstance(node.ctx, ast.Load) and not keeps_own:
        return True
    if any(_dotted(node) == module for module in _MODULES) or node.attr == "autograd":
        return True
    root = _root(node)
    return node.attr in _FUNCTIONS and node.attr != "grad" and root != "" and foreign(root)


def _is_trigger(call: ast.Call) -> bool:
    """``loss.backward()``, also with options, and ``loss.grad_fn(…)``."""
    if not isinstance(call.func, ast.Attribute):
        return False
    return call.func.attr == "grad_fn" or (call.func.attr == "backward" and not call.args)


def _harmless_parts(node: ast.AST) -> Iterator[ast.AST]:
    """``torch.autograd`` of ``torch.autograd.no_grad``, ``x.requires_grad_`` of ``x.requires_grad_(False)``."""
    if isinstance(node, ast.Attribute) and node.attr in _HARMLESS:
        yield node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "requires_grad_":
        given = [*node.args, *(k.value for k in node.keywords)]
        if given and isinstance(given[0], ast.Constant) and given[0].value is False:
            yield node.func


def _imported(tree: ast.AST) -> str:
    """An import within the code of something that gives gradients; empty where there is none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(_gives_gradients(a.name) for a in node.names):
            return ast.unparse(node)
        if isinstance(node, ast.ImportFrom) and any(
            a.name not in _HARMLESS and _gives_gradients(f"{node.module}.{a.name}") for a in node.names
        ):
            return ast.unparse(node)
    return ""


def _gives_gradients(path: str) -> bool:
    """Whether this is one of the modules, or something in one."""
    return any(path == module or path.startswith(f"{module}.") for module in _MODULES)


def _dotted(node: ast.AST) -> str:
    """``torch.func`` of such an expression; empty for one that is not names alone."""
    if isinstance(node, ast.Name):
        return node.id
    before = _dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{before}.{node.attr}" if isinstance(node, ast.Attribute) and before else ""


def _root(node: ast.AST) -> str:
    """``ag`` of ``ag.functional.vjp``; empty where something else than a name stands there."""
    return _dotted(node).partition(".")[0]
