"""Which grader tests which criterion, read from the source of the grader files. Nothing of them is run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torchgrade.errors import SpecError
from torchgrade.model import Assignment, Criterion, Visibility
from torchgrade.spec.faults import nearest
from torchgrade.spec.hints import load_hints
from torchgrade.spec.tree import read_tree

PUBLIC_FILE = "test_public.py"
HIDDEN_FILE = "test_hidden.py"


@dataclass(frozen=True)
class GraderTest:
    """One test function. ``criterion`` is empty where no mark says what it tests."""

    path: Path
    line: int
    name: str
    criterion: str


def grader_criteria(assignment: Assignment) -> dict[str, list[tuple[Path, int]]]:
    """For every criterion named in test_public.py and test_hidden.py, the files and lines of its tests."""
    found: dict[str, list[tuple[Path, int]]] = {}
    for test in grader_tests(assignment):
        if test.criterion:
            found.setdefault(test.criterion, []).append((test.path, test.line))
    return found


def check_graders(assignment: Assignment, *, public_only: bool = False) -> None:
    """Raise SpecError unless graders, hints and rubric agree.

    ``public_only`` is for a student's kit, where neither test_hidden.py nor hints.yaml is shipped: criteria that
    are not public then need no grader.
    """
    tests = [t for t in grader_tests(assignment) if not public_only or t.path.name == PUBLIC_FILE]
    for test in tests:
        _check_test(assignment, test)
    graded = {t.criterion for t in tests}
    for index, criterion in enumerate(assignment.criteria):
        wanted = not public_only or criterion.visibility is Visibility.PUBLIC
        if wanted and not criterion.manual and criterion.id not in graded:
            raise _ungraded(assignment, index, criterion)
    if not public_only:
        load_hints(assignment)


def grader_tests(assignment: Assignment) -> list[GraderTest]:
    """Every test function of the assignment's grader files, in the order of the files."""
    folder = assignment.graders
    if not folder.is_dir():
        raise SpecError(_shown(assignment, folder), None, "", "the folder with the graders does not exist")
    paths = [path for name in (PUBLIC_FILE, HIDDEN_FILE) if (path := folder / name).is_file()]
    if not paths:
        raise SpecError(_shown(assignment, folder), None, "", f"holds neither {PUBLIC_FILE} nor {HIDDEN_FILE}")
    return [test for path in paths for test in _tests_in(path, _shown(assignment, path))]


def _check_test(assignment: Assignment, test: GraderTest) -> None:
    where = _shown(assignment, test.path)
    if not test.criterion:
        raise SpecError(where, test.line, test.name, 'has no mark @pytest.mark.criterion("…"): what does it test?')
    criterion = next((c for c in assignment.criteria if c.id == test.criterion), None)
    if criterion is None:
        hint = nearest(test.criterion, (c.id for c in assignment.criteria))
        raise SpecError(where, test.line, test.name, f"there is no criterion '{test.criterion}'{hint}")
    wanted = _file_of(criterion)
    if test.path.name != wanted:
        problem = f"criterion '{criterion.id}' is {criterion.visibility}, so its grader belongs in {wanted}"
        raise SpecError(where, test.line, test.name, problem)


def _ungraded(assignment: Assignment, index: int, criterion: Criterion) -> SpecError:
    """Said at the criterion's own line, for that is where a person looks it up."""
    root = assignment.folder.parent.parent
    tree = read_tree(root, (assignment.folder / "assignment.yaml").relative_to(root))
    file = assignment.graders / _file_of(criterion)
    missing = "" if file.is_file() else ", which does not exist"
    where = f"{_shown(assignment, file).as_posix()}{missing}"
    return tree.fault(("rubric", index, "id"), f"no grader tests '{criterion.id}'; add one to {where}")


def _file_of(criterion: Criterion) -> str:
    return PUBLIC_FILE if criterion.visibility is Visibility.PUBLIC else HIDDEN_FILE


def _shown(assignment: Assignment, path: Path) -> Path:
    """``path`` as seen from the course's root, where graders/<id> lies."""
    root = assignment.graders.parent.parent
    return path.relative_to(root) if path.is_relative_to(root) else path


def _tests_in(path: Path, shown: Path) -> Iterator[GraderTest]:
    module = _parse(path, shown)
    marks = [value for node in module.body for value in _pytestmark(node)]
    yield from _walk(module, path, shown, _criterion(marks, shown))


def _parse(path: Path, shown: Path) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a grader is no fault of the spec
            return ast.parse(path.read_bytes())
    except SyntaxError as e:
        raise SpecError(shown, e.lineno, "", f"not valid Python: {e.msg}") from e
    except (ValueError, RecursionError, MemoryError) as e:
        raise SpecError(shown, None, "", f"not valid Python: {e}") from e
    except OSError as e:
        raise SpecError(shown, None, "", f"cannot be read: {e.strerror}") from e


def _walk(node: ast.AST, path: Path, shown: Path, inherited: str) -> Iterator[GraderTest]:
    """Tests below ``node``, as pytest collects them: ``test*`` functions, also in ``Test*`` classes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            if child.name.startswith("test"):
                criterion = _criterion(child.decorator_list, shown) or inherited
                yield GraderTest(path, child.lineno, child.name, criterion)
        elif isinstance(child, ast.ClassDef):
            if child.name.startswith("Test"):
                marks = [*child.decorator_list, *(v for n in child.body for v in _pytestmark(n))]
                yield from _walk(child, path, shown, _criterion(marks, shown) or inherited)
        elif isinstance(child, ast.stmt):
            yield from _walk(child, path, shown, inherited)


def _pytestmark(node: ast.AST) -> list[ast.expr]:
    """The marks in ``pytestmark = …``, one or a list."""
    if not isinstance(node, ast.Assign):
        return []
    if not any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets):
        return []
    return node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]


def _criterion(marks: list[ast.expr], shown: Path) -> str:
    """The id in the one criterion mark among ``marks``; empty if there is none."""
    ids = [_mark_id(mark, shown) for mark in marks if _is_criterion(mark)]
    if len(ids) > 1:
        raise SpecError(
            shown, marks[-1].lineno, "criterion", "one test tests one criterion, but here are two marks"
        )
    return ids[0] if ids else ""


def _is_criterion(mark: ast.expr) -> bool:
    func = mark.func if isinstance(mark, ast.Call) else mark
    if isinstance(func, ast.Attribute):
        return func.attr == "criterion"
    return isinstance(func, ast.Name) and func.id == "criterion"


def _mark_id(mark: ast.expr, shown: Path) -> str:
    match mark:
        case ast.Call(args=[ast.Constant(value=str(id))], keywords=[]) if id:
            return id
    raise SpecError(shown, mark.lineno, "criterion", 'the mark needs one id in quotes: criterion("some-id")')


def idle_tests(assignment: Assignment) -> Iterator[SpecError]:
    """Tests that judge nothing: whatever comes back, they pass.

    Helpers of the same file are looked into; what is imported from elsewhere than the libraries may judge.
    """
    for test in grader_tests(assignment):
        module = _parse(test.path, test.path)
        function = next(f for f in _functions(module) if (f.name, f.lineno) == (test.name, test.line))
        if not _judges(function, module, set()):
            problem = "asserts nothing, so whatever comes back passes"
            yield SpecError(_shown(assignment, test.path), test.line, test.name, problem)


_Function = ast.FunctionDef | ast.AsyncFunctionDef
_JUDGING = ("award", "fail", "must", "skip", "xfail", "raises", "exit")
_LIBRARIES = ("torch", "numpy", "math", "pytest", "itertools", "functools", "random")


def _functions(module: ast.Module) -> list[_Function]:
    return [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _judges(function: _Function, module: ast.Module, seen: set[str]) -> bool:
    seen.add(function.name)
    return any(_is_judgement(node, module, seen) for node in ast.walk(function))


def _is_judgement(node: ast.AST, module: ast.Module, seen: set[str]) -> bool:
    if isinstance(node, ast.Assert | ast.Raise):
        return True
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    if name.startswith(("assert", "require")) or name in _JUDGING:
        return True
    if not isinstance(node, ast.Name):
        return False
    if node.id in _foreign(module):
        return True
    helpers = (f for f in _functions(module) if f.name == node.id and f.name not in seen)
    return any(_judges(helper, module, seen) for helper in helpers)


def _foreign(module: ast.Module) -> set[str]:
    """Names that come from the course's own files, which are not looked into."""
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            library = node.level == 0 and (node.module or "").partition(".")[0] in (*_LIBRARIES, "torchgrade")
            found |= set() if library else {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names = ((a.asname or a.name.partition(".")[0], a.name.partition(".")[0]) for a in node.names)
            found |= {used for used, name in names if name not in _LIBRARIES}
    return found
