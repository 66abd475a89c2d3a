"""A test cell of nbgrader as the body of a grader's test: asserts stay, what they ask is asked from outside."""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass

from torchgrade.importing.asserting import assert_of, raising_call, raising_kind, test_case_names
from torchgrade.importing.definitions import Known, bound_names, imported_names, modules_of
from torchgrade.importing.expressions import Expressions, Untranslatable, argument_names, is_question
from torchgrade.importing.words import ASSERTING

_MAGIC = ("%", "!")


@dataclass(frozen=True)
class Translated:
    """``body``: statements for a function of ``submission``; ``imports``: what they need, a line each; ``asked``:
    the names of the notebook that it asks for."""

    body: list[ast.stmt]
    imports: tuple[str, ...]
    asked: tuple[str, ...]


def translate(source: str, known: Known, place: int) -> Translated:
    """Move a test out of the notebook. ``place``: the number of its cell. Raises Untranslatable."""
    if "AUTOTEST" in source and any(line.lstrip().startswith("#") for line in source.splitlines()):
        raise Untranslatable("has AUTOTEST lines, which nbgrader turns into asserts itself")
    try:
        tree = ast.parse(source)
    except SyntaxError:
        magic = any(line.lstrip().startswith(_MAGIC) for line in source.splitlines())
        raise Untranslatable("uses a magic of IPython" if magic else "is not valid Python") from None
    body = tree.body[1:] if ast.get_docstring(tree, clean=False) is not None else tree.body
    if body and isinstance(body[-1], ast.Expr) and not isinstance(body[-1].value, ast.Call | ast.Await):
        raise Untranslatable("gives a part of its points by the value of its last line")
    return _Statements(known, place).translated(body)


class _Statements(Expressions):
    """Rewrites statements; each may become several."""

    def __init__(self, known: Known, place: int) -> None:
        super().__init__(known, place)
        self.prelude: list[ast.stmt] = []
        self.cases: set[str] = set()  # names of unittest's TestCase objects
        self.judged = False
        self._inlining: list[str] = []
        self._trying = 0  # how many try: stand around; there a call may be made for what it raises

    def translated(self, body: list[ast.stmt]) -> Translated:
        done = self._block(body)
        if not (self.judged and self.asked):
            raise Untranslatable("asserts nothing about what the notebook answers")
        whole = [*self.prelude, *done]
        for node in whole:
            ast.fix_missing_locations(node)
        imports = tuple(sorted({ast.unparse(node) for node in self.imports.values()}))
        return Translated(whole, imports, tuple(self.names))

    def _block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [done for node in body for done in self._statement(node)]

    def _filled(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return self._block(body) or [ast.Pass()]

    def _statement(self, node: ast.stmt) -> list[ast.stmt]:
        handler = getattr(self, f"_on_{type(node).__name__.lower()}", None)
        if handler is None:
            raise Untranslatable(f"holds a statement that is not known here: '{_short(node)}'")
        done: list[ast.stmt] = handler(node)
        return done

    # --- judging -------------------------------------------------------------------------------------------

    def _on_assert(self, node: ast.Assert) -> list[ast.stmt]:
        return self._assert(node.test, node.msg)

    def _assert(self, test: ast.expr, message: ast.expr | None = None) -> list[ast.stmt]:
        """An assert that says what should hold, and what came where a question stands on one side."""
        self.judged = True
        said = ast.unparse(test)
        words = self.expression(copy.deepcopy(message)) if message else None
        test = copy.deepcopy(test)
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            sides = [self.expression(test.left), self.expression(test.comparators[0])]
            for i, side in enumerate(sides):
                if is_question(side):
                    sides[i] = ast.Name("answer", ast.Load())
                    keep = ast.Assign([ast.Name("answer", ast.Store())], side)
                    failed = words or _told(f"{said} does not hold", came=True)
                    return [keep, ast.Assert(ast.Compare(sides[0], test.ops, [sides[1]]), failed)]
            return [
                ast.Assert(ast.Compare(sides[0], test.ops, [sides[1]]), words or _told(f"{said} does not hold"))
            ]
        return [ast.Assert(self.expression(test), words or _told(f"{said} does not hold"))]

    def _on_expr(self, node: ast.Expr) -> list[ast.stmt]:
        value = node.value
        if isinstance(value, ast.Constant):
            return []
        if not isinstance(value, ast.Call):
            return []  # shows something to whoever runs the cell
        if isinstance(value.func, ast.Name) and value.func.id in ("print", "display"):
            return []
        if raising := raising_call(value, self.known, self.cases):
            return self._must_raise([ast.Expr(raising.call)], raising.kinds)
        if test := assert_of(value, self.known, self.cases):
            return self._assert(test)
        done = self.expression(copy.deepcopy(value))
        name = ast.unparse(value.func)
        if name.split(".")[-1].startswith("assert"):
            self.judged = True
        elif is_question(done) and not self._trying and any(isinstance(a, ast.Name) for a in value.args):
            raise Untranslatable(f"calls '{name}' for what it does, not for what it answers")
        return [ast.Expr(done)]

    def _on_raise(self, node: ast.Raise) -> list[ast.stmt]:
        if not (node.exc and ast.unparse(node.exc).startswith("AssertionError")):
            raise Untranslatable(f"raises something else than an AssertionError: '{_short(node)}'")
        self.judged = True
        done = copy.deepcopy(node)
        done.exc = self.expression(done.exc) if done.exc else None
        return [done]

    def _on_try(self, node: ast.Try) -> list[ast.stmt]:
        """What the student's code raises is a ``Raised`` out here, with the name of what it was."""
        self._trying += 1
        body = self._filled(node.body)
        self._trying -= 1
        done = ast.Try(body, [], self._block(node.orelse), self._block(node.finalbody))
        if not node.handlers:
            return [done]
        branches = [(self._kinds(h.type), self._handler(h)) for h in node.handlers]
        otherwise: list[ast.stmt] = [ast.Raise()]
        for kinds, handled in reversed(branches):
            test = ast.Call(ast.Name("is_a", ast.Load()), [ast.Name("raised", ast.Load()), *kinds], [])
            otherwise = [ast.If(test, handled or [ast.Pass()], otherwise)]
        done.handlers = [ast.ExceptHandler(ast.Name("Raised", ast.Load()), "raised", otherwise)]
        return [done]

    def _handler(self, handler: ast.ExceptHandler) -> list[ast.stmt]:
        if handler.name is None:
            return self._block(handler.body)
        self.bind([handler.name])
        keep = ast.Assign([ast.Name(handler.name, ast.Store())], ast.Name("raised", ast.Load()))
        return [keep, *self._block(handler.body)]

    def _kinds(self, node: ast.expr | None) -> list[ast.expr]:
        parts = node.elts if isinstance(node, ast.Tuple) else [node] if node else []
        names = [ast.unparse(part).split(".")[-1] for part in parts]
        for name in names:
            if name in ("AssertionError", "NameError", "ImportError", "SystemExit", "KeyboardInterrupt"):
                raise Untranslatable(f"waits for a {name}")
        return [ast.Constant(name) for name in names or ["BaseException"]]

    def _on_with(self, node: ast.With) -> list[ast.stmt]:
        kinds = raising_kind(node, self.known, self.cases)
        if kinds is None:
            raise Untranslatable(f"holds a statement that is not known here: '{_short(node)}'")
        return self._must_raise(node.body, kinds)

    def _must_raise(self, body: list[ast.stmt], kinds: ast.expr) -> list[ast.stmt]:
        said = "; ".join(ast.unparse(part) for part in body)
        words = ast.Constant(f"{said} does not raise {ast.unparse(kinds)}")
        failed = ast.Raise(ast.Call(ast.Name("AssertionError", ast.Load()), [words], []))
        return self._on_try(ast.Try(body, [ast.ExceptHandler(kinds, None, [ast.Pass()])], [failed], []))

    # --- keeping -------------------------------------------------------------------------------------------

    def _on_assign(self, node: ast.Assign) -> list[ast.stmt]:
        if names := test_case_names(node, self.known):
            self.cases |= names
            return []
        done = copy.deepcopy(node)
        names = {n for target in node.targets for n in bound_names(target)}
        if built := self.built(done.value):
            if len(node.targets) > 1 or not isinstance(node.targets[0], ast.Name):
                raise Untranslatable("keeps an object of the student's in a list or the like")
            done.value = built
            self.bind(names)
            self.handles |= names
            return [done]
        done.value = self.expression(done.value)
        self._targets(done.targets)
        self.bind(names)
        self.handles -= names
        return [done]

    def _targets(self, targets: list[ast.expr]) -> None:
        for target in targets:
            for part in ast.walk(target):
                if not (isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store)):
                    continue
                if not (isinstance(part.value, ast.Name) and part.value.id in self.local - self.handles):
                    raise Untranslatable(f"changes something in the notebook: '{ast.unparse(part)}'")

    def _on_annassign(self, node: ast.AnnAssign) -> list[ast.stmt]:
        if node.value is None:
            return []
        return self._on_assign(ast.Assign([node.target], node.value))

    def _on_augassign(self, node: ast.AugAssign) -> list[ast.stmt]:
        done = copy.deepcopy(node)
        root = node.target.value if isinstance(node.target, ast.Subscript | ast.Attribute) else node.target
        if not (isinstance(root, ast.Name) and root.id in self.local - self.handles):
            raise Untranslatable(f"changes something in the notebook: '{_short(node)}'")
        done.value = self.expression(done.value)
        return [done]

    def _on_for(self, node: ast.For) -> list[ast.stmt]:
        iterated = self.expression(copy.deepcopy(node.iter))
        self.bind(bound_names(node.target))
        return [ast.For(node.target, iterated, self._filled(node.body), self._block(node.orelse))]

    def _on_while(self, node: ast.While) -> list[ast.stmt]:
        return [
            ast.While(self.expression(copy.deepcopy(node.test)), self._filled(node.body), self._block(node.orelse))
        ]

    def _on_if(self, node: ast.If) -> list[ast.stmt]:
        return [
            ast.If(self.expression(copy.deepcopy(node.test)), self._filled(node.body), self._block(node.orelse))
        ]

    def _on_functiondef(self, node: ast.FunctionDef) -> list[ast.stmt]:
        if node.decorator_list:
            raise Untranslatable(f"defines '{node.name}' with a decorator")
        self.bind([node.name])
        self.functions.add(node.name)
        done = copy.deepcopy(node)
        before = (set(self.local), set(self.handles), self.judged)
        self.local |= set(argument_names(node.args))
        done.args.defaults = [self.expression(d) for d in done.args.defaults]
        done.args.kw_defaults = [self.expression(d) if d else None for d in done.args.kw_defaults]
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        done.body = self._filled(body)
        self.local, self.handles, judged = before
        self.judged = self.judged or judged
        return [done]

    def _on_return(self, node: ast.Return) -> list[ast.stmt]:
        return [ast.Return(self.expression(copy.deepcopy(node.value)) if node.value else None)]

    def _on_import(self, node: ast.Import | ast.ImportFrom) -> list[ast.stmt]:
        for name in imported_names(node):
            self.known.imports[name] = node
            if not all(module.split(".")[0] in ASSERTING for module in modules_of(node)):
                self.add_import(name, node)
        return []

    _on_importfrom = _on_import

    def _on_delete(self, node: ast.Delete) -> list[ast.stmt]:
        if any(not (isinstance(t, ast.Name) and t.id in self.local) for t in node.targets):
            raise Untranslatable(f"takes something away from the notebook: '{_short(node)}'")
        return [node]

    def _same(self, node: ast.stmt) -> list[ast.stmt]:
        return [node]

    _on_break = _on_continue = _same

    def _on_pass(self, node: ast.Pass) -> list[ast.stmt]:
        return []

    # --- given code ----------------------------------------------------------------------------------------

    def inline(self, name: str) -> None:
        """Bring a definition of given code to the grader, so that no student can change it."""
        above = [d for d in self.known.given[name] if d.cell < self.place]
        if not above or not above[-1].direct or above[-1].kind == "class" or name in self._inlining:
            raise Untranslatable(f"uses '{name}' of the notebook, which is not a plain function or value there")
        self._inlining.append(name)
        kept = (self.local, self.handles, self.judged)
        self.local, self.handles = {n for n in self.local if n in self._brought()}, set()
        try:
            done = self._statement(above[-1].node)
        except Untranslatable as e:
            raise Untranslatable(f"uses '{name}' of the notebook, and that {e}") from None
        finally:
            brought, self.judged = self.local, kept[2]
            self.local, self.handles = kept[0] | brought, kept[1]
            self._inlining.pop()
        self.prelude += done

    def _brought(self) -> set[str]:
        names = {n.name for n in self.prelude if isinstance(n, ast.FunctionDef)}
        return names | {
            b for n in self.prelude if isinstance(n, ast.Assign) for t in n.targets for b in bound_names(t)
        }


def _told(words: str, came: bool = False) -> ast.expr:
    """``told("f(1) == 2 does not hold", answer)``, or the words alone."""
    if not came:
        return ast.Constant(words)
    return ast.Call(ast.Name("told", ast.Load()), [ast.Constant(words), ast.Name("answer", ast.Load())], [])


def _short(node: ast.stmt) -> str:
    line = ast.unparse(node).splitlines()[0]
    return line if len(line) <= 60 else f"{line[:59]}…"
