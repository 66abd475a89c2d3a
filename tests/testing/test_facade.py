"""``torchgrade.testing`` is complete, and takes nothing of the engine but its words."""

from __future__ import annotations

import ast
from pathlib import Path

import torchgrade.testing as facade

FOLDER = Path(facade.__file__).parent


def test_everything_exported_exists_and_is_sorted():
    assert len(set(facade.__all__)) == len(facade.__all__)
    for name in facade.__all__:
        assert getattr(facade, name).__doc__ or name.isupper() or name == "Value", name


def test_all_outcomes_are_exported():
    from torchgrade.testing import outcomes

    made_here = {n for n, v in vars(outcomes).items() if isinstance(v, type) and v.__module__ == outcomes.__name__}
    assert made_here <= set(facade.__all__)


def test_only_torch_numpy_the_standard_library_and_the_words_are_imported():
    allowed = {"numpy", "torch", "torchgrade.i18n", "torchgrade.model", "torchgrade.testing"}
    standard = {"__future__", "ast", "base64", "collections", "contextlib", "dataclasses", "difflib", "functools"}
    standard |= {"itertools", "math", "re", "struct", "textwrap", "time", "traceback", "typing", "zlib"}
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                ok = any(name == a or name.startswith(f"{a}.") for a in allowed) or name.split(".")[0] in standard
                assert ok, (path.name, name)
