"""Expressions of a test, with every mention of a student's name put as a question to the submission."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from torchgrade.importing.definitions import Known, bound_names, modules_of
from torchgrade.importing.words import (
    ASSERTING,
    BUILTINS,
    MODULES,
    PLAIN_ATTRIBUTES,
    PLAIN_METHODS,
    REACHING,
    RESERVED,
)

_NOT_PYTHON_S = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)


class Untranslatable(Exception):
    """``str()`` says why a test cannot be moved out of the notebook, as the end of a sentence."""


class Expressions(ast.NodeTransformer):
    """Rewrites expressions. ``local``: names that the test itself has bound; ``handles``: those of them that stand
    for something in the room. Where the notebook uses NumPy, arrays go into the room and come back as NumPy's."""

    def __init__(self, known: Known, place: int) -> None:
        self.known, self.place = known, place
        self.local: set[str] = set()
        self.handles: set[str] = set()
        self.functions: set[str] = set()  # that the test itself defines
        self.imports: dict[str, ast.stmt] = {}
        modules = known.modules
        self.numpy, self.torch = "numpy" in modules, "torch" in modules
        self.names: dict[str, None] = {}  # what was asked for
        self.asked = False  # whether anything was asked of the submission at all

    # --- names ---------------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A name that is read: the test's own, the student's, a module, a built-in."""
        name = node.id
        if name in self.local:
            return node
        if self.is_answer(name):
            if self.known.kind(name) != "value":
                raise Untranslatable(f"looks at '{name}' itself, not at what it answers")
            return self._ask("value", [ast.Constant(name)])
        self.require(name)
        return node

    def is_answer(self, name: str) -> bool:
        """Whether students define this name. It must be what it is at the test when the notebook has run."""
        if name in self.local or name not in self.known.answers:
            return False
        later = [d.cell for d in self.known.answers[name] if d.cell > self.place]
        if later:
            raise Untranslatable(f"'{name}' becomes another one in cell {later[0]}, below this test")
        return True

    def require(self, name: str) -> None:
        """See that a name that students do not define is there for the grader. Raises Untranslatable."""
        if name in self.local or name in BUILTINS:
            return
        if name in self.known.imports:
            self.add_import(name, self.known.imports[name])
        elif name in self.known.given:
            self.inline(name)
        else:
            raise Untranslatable(f"uses '{name}', which neither this cell nor the cells above define")

    def inline(self, name: str) -> None:
        """Bring given code in; done by the statements, which know where."""
        raise NotImplementedError

    def add_import(self, name: str, node: ast.stmt) -> None:
        """Import what the notebook imports, if graders have it. Raises Untranslatable."""
        for module in modules_of(node):
            if module.split(".")[0] in ASSERTING:
                raise Untranslatable(f"uses '{name}' of {module} in a way that is not known here")
            if module.split(".")[0] not in MODULES:
                raise Untranslatable(f"needs {module or 'a file of its own'}, which graders do not have")
        parts = [part for module in modules_of(node) for part in module.split(".")]
        if isinstance(node, ast.ImportFrom):
            parts += [alias.name for alias in node.names]
        _check_reach(parts)
        self.imports[name] = node

    def bind(self, names: Iterable[str]) -> None:
        """Names become the test's own. Raises Untranslatable where the student's code would have seen that."""
        for name in names:
            if name in RESERVED:
                raise Untranslatable(f"gives a value to '{name}', a name that graders need")
            if name in self.known.answers and name not in self.local and self._is_read(name):
                raise Untranslatable(f"puts something else in the place of '{name}'")
            self.local.add(name)

    def _is_read(self, name: str) -> bool:
        """Whether a student's function or class sees what stands under this name."""
        if self.known.kind(name) != "value":
            return True
        code = [d.node for found in self.known.answers.values() for d in found if d.kind != "value"]
        return any(isinstance(n, ast.Name) and n.id == name for node in code for n in ast.walk(node))

    # --- questions -----------------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A call: a question where it is the student's function, else as it is."""
        if isinstance(node.func, ast.Name):
            return self._named_call(node, node.func.id)
        if isinstance(node.func, ast.Attribute):
            return self._method_call(node, node.func)
        return self.generic_visit(node)  # type: ignore[return-value]

    def _named_call(self, node: ast.Call, name: str) -> ast.expr:
        if name in self.handles:
            return self._of_handle(ast.Name(name, ast.Load()), "forward", node, [])
        if self.is_answer(name):
            kind = self.known.kind(name)
            if kind == "class":
                raise Untranslatable(f"compares or keeps an object of '{name}' in a way that is not known here")
            if kind == "value":
                return self._of_handle(self._object(name), "forward", node, [])
            args, keywords = self._arguments(node)
            return self._ask("call", [ast.Constant(name), *args], keywords)
        self.require(name)
        node.args, node.keywords = self._arguments(node)
        return node

    def _method_call(self, node: ast.Call, func: ast.Attribute) -> ast.expr:
        if func.attr.startswith("__"):
            raise Untranslatable(f"calls '{func.attr}'")
        value = func.value
        if isinstance(value, ast.Name) and value.id in self.handles:
            return self._of_handle(value, "call", node, [ast.Constant(func.attr)])
        if built := self.built(value):
            return self._of_handle(built, "call", node, [ast.Constant(func.attr)])
        if isinstance(value, ast.Name) and self.is_answer(value.id) and func.attr not in PLAIN_METHODS:
            if self.known.kind(value.id) != "value":
                raise Untranslatable(f"looks at '{value.id}' itself, not at what it answers")
            return self._of_handle(self._object(value.id), "call", node, [ast.Constant(func.attr)])
        _check_reach([func.attr])
        func.value = self.visit(value)
        node.args, node.keywords = self._arguments(node)
        return node

    def built(self, node: ast.expr) -> ast.expr | None:
        """A new object of the student's class, made in the room; None for any other expression."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and self.is_answer(node.func.id)):
            return None
        if self.known.kind(node.func.id) != "class":
            return None
        args, keywords = self._arguments(node)
        return self._ask("build", [ast.Constant(node.func.id), *args], keywords)

    def _arguments(self, node: ast.Call) -> tuple[list[ast.expr], list[ast.keyword]]:
        args = [self.built(arg) or self._argument(arg) for arg in node.args]
        keywords = [ast.keyword(k.arg, self.built(k.value) or self._argument(k.value)) for k in node.keywords]
        return args, keywords

    def _argument(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Name) and node.id in self.handles:
            return node
        found: ast.expr = self.visit(node)
        return found

    def _ask(self, what: str, args: list[ast.expr], keywords: list[ast.keyword] | None = None) -> ast.expr:
        """``submission.call("f", 1)``; with NumPy ``back(submission.call("f", sent(submission, x)))``."""
        if isinstance(args[0], ast.Constant):
            self.names[str(args[0].value)] = None
        return self._question(ast.Name("submission", ast.Load()), what, args, keywords or [])

    def _question(self, asked: ast.expr, what: str, args: list[ast.expr], keywords: list[ast.keyword]) -> ast.expr:
        self.asked = True
        for part in (part for arg in [*args, *(k.value for k in keywords)] for part in ast.walk(arg)):
            if isinstance(part, ast.Lambda) or (isinstance(part, ast.Name) and part.id in self.functions):
                raise Untranslatable("hands a function of its own over to the notebook's")
        sent = [self._sent(arg) for arg in args]
        named = [ast.keyword(k.arg, self._sent(k.value)) for k in keywords]
        question: ast.expr = ast.Call(ast.Attribute(asked, what, ast.Load()), sent, named)
        if self.numpy and not self.torch and what not in ("build", "object"):
            question = ast.Call(ast.Name("back", ast.Load()), [question], [])
        question.is_question = True  # type: ignore[attr-defined]
        return question

    def _sent(self, arg: ast.expr) -> ast.expr:
        """An argument as the room should get it: only what may be an array needs a word."""
        if not self.numpy or _is_plain(arg) or (isinstance(arg, ast.Name) and arg.id in self.handles):
            return arg
        if isinstance(arg, ast.Starred):
            return ast.Starred(self._sent(arg.value), arg.ctx)
        return ast.Call(ast.Name("sent", ast.Load()), [ast.Name("submission", ast.Load()), arg], [])

    def _object(self, name: str) -> ast.expr:
        return self._ask("object", [ast.Constant(name)])

    def _of_handle(self, handle: ast.expr, what: str, node: ast.Call, first: list[ast.expr]) -> ast.expr:
        args, keywords = self._arguments(node)
        if keywords and what == "forward":
            raise Untranslatable("calls an object with arguments by name")
        return self._question(handle, what, [*first, *args], keywords)

    # --- the rest ------------------------------------------------------------------------------------------

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """An attribute that is read: of a module, or of what is plain."""
        root = node.value
        while isinstance(root, ast.Attribute):
            root = root.value
        is_module = isinstance(root, ast.Name) and root.id in self.known.imports and root.id not in self.local
        if is_module:
            _check_reach([node.attr])
        if not is_module and (held := self._held(node)) is not None:
            reading: list[ast.expr] = [ast.Constant("__getattribute__"), ast.Constant(node.attr)]
            return self._question(held, "call", reading, [])
        if not is_module and node.attr not in PLAIN_ATTRIBUTES:
            raise Untranslatable(f"reads the attribute '{node.attr}' of what '{ast.unparse(node.value)}' gives")
        node.value = self.visit(node.value)
        return node

    def _held(self, node: ast.Attribute) -> ast.expr | None:
        """The thing in its room whose attribute is read; None for a plain value's."""
        if node.attr.startswith("_"):
            raise Untranslatable(f"reads the attribute '{node.attr}'")
        value = node.value
        if isinstance(value, ast.Name) and value.id in self.handles:
            return value
        named = isinstance(value, ast.Name) and node.attr not in PLAIN_ATTRIBUTES
        if named and self.is_answer(value.id) and self.known.kind(value.id) == "value":  # type: ignore[attr-defined]
            return self._object(value.id)  # type: ignore[attr-defined]
        return self.built(value)

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        """A function without a name: its parameters are its own."""
        return self._within(argument_names(node.args), node)

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        """What a comprehension binds is its own."""
        return self._within([n for g in node.generators for n in bound_names(g.target)], node)

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp  # type: ignore[assignment]  # noqa: N815

    def _within(self, names: list[str], node: ast.expr) -> ast.expr:
        before = (set(self.local), set(self.handles))
        self.local |= set(names)
        self.handles -= set(names)
        self.generic_visit(node)
        self.local, self.handles = before
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Everything else is what it is."""
        if isinstance(node, _NOT_PYTHON_S):
            raise Untranslatable("is written in a way that is not known here")
        return super().generic_visit(node)

    def expression(self, node: ast.expr) -> ast.expr:
        """A value: a handle is none, unless it is asked something."""
        if isinstance(node, ast.Name) and node.id in self.handles:
            raise Untranslatable(f"compares '{node.id}' itself, an object of the student's")
        found: ast.expr = self.visit(node)
        return found


def _check_reach(parts: list[str]) -> None:
    """Parts of a dotted name that a grader would ask itself. Raises Untranslatable."""
    for part in parts:
        if part.strip("_") in REACHING:  # random._os is os
            raise Untranslatable(f"reaches files or programs by '{part}'")


def is_question(node: ast.expr) -> bool:
    """Whether an expression is nothing but a question to the submission."""
    return getattr(node, "is_question", False)


def _is_plain(node: ast.expr) -> bool:
    """Whether an expression is made of literals alone, or is an object of the student's."""
    kinds = (
        ast.Constant,
        ast.List,
        ast.Tuple,
        ast.Set,
        ast.Dict,
        ast.UnaryOp,
        ast.operator,
        ast.unaryop,
        ast.Load,
    )
    built = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "build"
    return built or all(isinstance(part, kinds) for part in ast.walk(node))


def argument_names(arguments: ast.arguments) -> list[str]:
    """Names of all parameters."""
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return [a.arg for a in listed if a is not None]
