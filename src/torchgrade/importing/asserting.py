"""Asserts of unittest, nose and pytest, turned into plain ones: ``assertEqual(a, b)`` is ``a == b``."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import NamedTuple

from torchgrade.importing.definitions import Known, modules_of

_SAME = ("equal", "equals", "list_equal", "dict_equal", "tuple_equal", "set_equal", "sequence_equal")


def _compare(op: type[ast.cmpop]) -> Callable[[list[ast.expr]], ast.expr]:
    return lambda a: ast.Compare(a[0], [op()], [a[1]])


def _close(args: list[ast.expr]) -> ast.expr:
    """To seven places, as unittest does it where nothing else is said."""
    places = args[2] if len(args) > 2 else ast.Constant(7)
    difference = ast.BinOp(args[0], ast.Sub(), args[1])
    rounded = ast.Call(ast.Name("round", ast.Load()), [_absolute(difference), places], [])
    return ast.Compare(rounded, [ast.Eq()], [ast.Constant(0)])


def _absolute(node: ast.expr) -> ast.expr:
    return ast.Call(ast.Name("abs", ast.Load()), [node], [])


def _is_instance(args: list[ast.expr]) -> ast.expr:
    return ast.Call(ast.Name("isinstance", ast.Load()), args[:2], [])


_NONE = ast.Constant(None)
_ASSERTS: dict[str, tuple[int, Callable[[list[ast.expr]], ast.expr]]] = {
    **{name: (2, _compare(ast.Eq)) for name in _SAME},
    "not_equal": (2, _compare(ast.NotEq)),
    "true": (1, lambda a: a[0]),
    "false": (1, lambda a: ast.UnaryOp(ast.Not(), a[0])),
    "in": (2, _compare(ast.In)),
    "not_in": (2, _compare(ast.NotIn)),
    "is_none": (1, lambda a: ast.Compare(a[0], [ast.Is()], [_NONE])),
    "is_not_none": (1, lambda a: ast.Compare(a[0], [ast.IsNot()], [_NONE])),
    "is_instance": (2, _is_instance),
    "greater": (2, _compare(ast.Gt)),
    "greater_equal": (2, _compare(ast.GtE)),
    "less": (2, _compare(ast.Lt)),
    "less_equal": (2, _compare(ast.LtE)),
    "almost_equal": (2, _close),
    "almost_equals": (2, _close),
}


class Raising(NamedTuple):
    """A call that must raise one of ``kinds``."""

    call: ast.Call
    kinds: ast.expr


def assert_of(call: ast.Call, known: Known, cases: set[str]) -> ast.expr | None:
    """What an assert of unittest or nose asserts; None for any other call."""
    name = _assert_name(call.func, known, cases)
    if name not in _ASSERTS:
        return None
    count, make = _ASSERTS[name]
    named = {k.arg: k.value for k in call.keywords}
    args = list(call.args)
    if name.startswith("almost") and "delta" in named and len(args) >= 2:
        difference = _absolute(ast.BinOp(args[0], ast.Sub(), args[1]))
        return ast.Compare(difference, [ast.LtE()], [named["delta"]])
    if name.startswith("almost") and "places" in named:
        args = [*args[:2], named["places"]]
    return make(args) if len(args) >= count else None


def raising_call(call: ast.Call, known: Known, cases: set[str]) -> Raising | None:
    """``assert_raises(ValueError, f, 0)``, or ``pytest.raises`` in that form."""
    if not _is_raises(call.func, known, cases) or len(call.args) < 2:
        return None
    return Raising(ast.Call(call.args[1], call.args[2:], call.keywords), call.args[0])


def raising_kind(node: ast.With, known: Known, cases: set[str]) -> ast.expr | None:
    """What the body of ``with pytest.raises(…):`` must raise; None for any other ``with``."""
    if len(node.items) != 1 or node.items[0].optional_vars is not None:
        return None
    call = node.items[0].context_expr
    if not (isinstance(call, ast.Call) and _is_raises(call.func, known, cases)):
        return None
    return call.args[0] if len(call.args) == 1 and not call.keywords else None


def test_case_names(node: ast.Assign, known: Known) -> set[str]:
    """Names of an object of unittest's TestCase, whose methods are asserts."""
    if not _is_test_case(node.value, known):
        return set()
    return {target.id for target in node.targets if isinstance(target, ast.Name)}


def _is_test_case(node: ast.expr, known: Known) -> bool:
    name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    return name.split(".")[-1] == "TestCase" and _from(name.split(".")[0], known, "unittest")


def _from(name: str, known: Known, *packages: str) -> bool:
    modules = modules_of(known.imports[name]) if name in known.imports else []
    return any(module.split(".")[0] in packages for module in modules)


def _is_raises(func: ast.expr, known: Known, cases: set[str]) -> bool:
    path = ast.unparse(func).split(".")
    pytests = path[-1] == "raises" and _from(path[0], known, "pytest")
    numpys = path[-1] == "assert_raises" and _from(path[0], known, "numpy", "nose")
    return pytests or numpys or _assert_name(func, known, cases) == "raises"


def _assert_name(func: ast.expr, known: Known, cases: set[str]) -> str:
    """``assertAlmostEqual`` and ``assert_almost_equal`` are ``almost_equal``; empty for what is none of these."""
    if isinstance(func, ast.Name):
        found = func.id if _from(func.id, known, "nose", "unittest") else ""
    elif isinstance(func, ast.Attribute):
        holder = func.value
        of_case = (isinstance(holder, ast.Name) and holder.id in cases) or _is_test_case(holder, known)
        of_nose = _from(ast.unparse(holder).split(".")[0], known, "nose")
        found = func.attr if of_case or of_nose else ""
    else:
        found = ""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", found).lower().lstrip("_")
    return words.removeprefix("assert_") if words.startswith("assert_") else ""
