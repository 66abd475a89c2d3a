"""The two grader files of an imported assignment, as text."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from torchgrade.importing.statements import Translated

_HELPERS = {
    "told": '''
def told(words, answer):
    """What should hold, and what came."""
    return f"{words}: {describe(answer)} came back"
''',
    "is_a": '''
def is_a(raised, *kinds):
    """Whether the student's code raised one of these. An untouched gap, NotImplementedError, has to be named."""
    found = getattr(builtins, raised.name, None)
    if not isinstance(found, type) or found is NotImplementedError:
        return raised.name in kinds
    return any(issubclass(found, getattr(builtins, kind)) for kind in kinds if hasattr(builtins, kind))
''',
    "sent": '''
def sent(submission, value):
    """A value for the student's code: arrays of NumPy go in as such."""
    if isinstance(value, np.ndarray):
        return submission.make("torch.Tensor.numpy", torch.from_numpy(np.ascontiguousarray(value)))
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return type(value)(sent(submission, part) for part in value)
    return {key: sent(submission, part) for key, part in value.items()} if isinstance(value, dict) else value
''',
    "back": '''
def back(answer):
    """What came back: arrays of NumPy come back as such."""
    if isinstance(answer, torch.Tensor):
        return answer.numpy()
    if isinstance(answer, list | tuple):
        return type(answer)(back(part) for part in answer)
    return {key: back(part) for key, part in answer.items()} if isinstance(answer, dict) else answer
''',
}


@dataclass(frozen=True)
class Moved:
    """One test of a grader file. ``translated`` is None for what a person looks at: ``source`` is then listed."""

    criterion: str
    title: str
    source: str
    translated: Translated | None = None
    reason: str = ""


def grader_text(id: str, what: str, tests: Sequence[Moved]) -> str:
    """A grader file. ``what``: Public or Hidden."""
    functions = "".join(_test(test) for test in tests)
    used = [name for name in _HELPERS if re.search(rf"\b{name}\(", functions)]
    helpers = "".join(f"\n{_HELPERS[name]}" for name in used)
    head = f'"""{what} criteria of {id}, moved out of its nbgrader notebook."""\n'
    return head + _imports(tests, used) + helpers + functions


def _imports(tests: Sequence[Moved], used: Sequence[str]) -> str:
    lines = {line for test in tests if test.translated for line in test.translated.imports if _is_module(line)}
    if "sent" in used:
        lines.add("import numpy as np")
    if {"sent", "back"} & set(used):
        lines.add("import torch")
    if "is_a" in used:
        lines.add("import builtins")
    if any(test.translated for test in tests):
        lines.add("import pytest")
    ours = [name for name, wanted in (("Raised", "is_a"), ("describe", "told")) if wanted in used]
    groups = [sorted(lines - _others(lines)), sorted(_others(lines))]
    groups += [[f"from torchgrade.testing import {', '.join(ours)}"]] if ours else []
    return "".join("\n" + "".join(f"{line}\n" for line in group) for group in groups if group)


def _others(lines: set[str]) -> set[str]:
    """Imports of what does not come with Python."""
    return {line for line in lines if line.split()[1].split(".")[0] in ("numpy", "pytest", "torch")}


def _is_module(line: str) -> bool:
    return line.startswith("import ")


def _test(test: Moved) -> str:
    if test.translated is None:
        listed = "\n".join(f"#     {line}".rstrip() for line in test.source.strip("\n").splitlines())
        return f"\n\n# {test.criterion} waits for a teacher: its test {test.reason}.\n#\n{listed}\n"
    arguments = ast.arguments([], [ast.arg("submission")], None, [], [], None, [])
    title = ast.Expr(ast.Constant(test.title.replace('"', "'").replace("\\", "/")))
    # Tests may have imported different things under one name: each keeps its own.
    own = ast.parse("\n".join(line for line in test.translated.imports if not _is_module(line))).body
    body = [title, *own, *test.translated.body]
    name = "test_" + re.sub(r"\W", "_", test.criterion)
    mark = ast.parse(f"pytest.mark.criterion({test.criterion!r})", mode="eval").body
    function = ast.FunctionDef(name, arguments, body, [mark], None)
    return f"\n\n{ast.unparse(ast.fix_missing_locations(function))}\n"
