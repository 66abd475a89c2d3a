"""Reading the Python of a code cell without running it, IPython's magics set aside."""

from __future__ import annotations

import ast
import re
import warnings

_MAX_MENDED_LINES = 100
#: Code of one notebook that is read: of a thousand characters `a;a;…` the parser makes 800 kB.
_MAX_CHARACTERS = 150_000
#: Each line that is mended is one more parse of its cell: characters of one notebook that are parsed, all in all.
_MAX_PARSED = 500_000

# Cell magics whose body is ordinary Python; the body of any other (%%bash, %%writefile, …) is not.
_PYTHON_CELL_MAGICS = {"time", "timeit", "capture", "prun"}

_CELL_MAGIC = re.compile(r"\s*%%(\w+)")
_TIMED = re.compile(r"^(\s*)%time[ \t]+(?=\S)")
_SHELL_OR_MAGIC = re.compile(r"[!%?]|[\w., ]+=\s*[!%]|.*\?$")


class Patience:
    """How much may be read of one notebook. What is beyond it is taken for no valid code."""

    def __init__(self) -> None:
        self._characters, self._parsed = _MAX_CHARACTERS, _MAX_PARSED

    def for_cell(self, source: str) -> bool:
        """Whether there is room for one more cell; then there is less."""
        if len(source) > self._characters:
            return False
        self._characters -= len(source)
        return True

    def for_parse(self, source: str) -> bool:
        """Whether a cell may be parsed once more."""
        self._parsed -= len(source)
        return self._parsed >= 0


def lines_of(source: str) -> list[str]:
    """The lines as Python's parser counts them, without their ends."""
    return re.split(r"\r\n|\r|\n", source)


def parse_cell(source: str, patience: Patience | None = None) -> ast.Module | None:
    """The syntax tree of a code cell, with the cell's own line numbers; None where it is no valid code.

    ``patience`` is shared by the cells of one notebook. A cell that is longer than it has room for is not read.
    """
    patience = patience or Patience()
    if not patience.for_cell(source):
        return None
    lines = _without_first_indent(lines_of(source))
    magic = _first_magic(lines)
    if magic is not None:
        index, name = magic
        if name not in _PYTHON_CELL_MAGICS:
            return ast.Module(body=[], type_ignores=[])
        lines[index] = ""
    for _ in range(_MAX_MENDED_LINES):
        if not patience.for_parse(source):
            return None
        tree, wrong = _try_parse("\n".join(lines))
        if tree is not None or not _mend(lines, wrong):
            return tree
    return None


def _without_first_indent(lines: list[str]) -> list[str]:
    """As IPython does it: what the first line is indented by is taken off every line that begins with it."""
    first = next((line for line in lines if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip())]
    return [line.removeprefix(indent) for line in lines] if indent else lines


def _first_magic(lines: list[str]) -> tuple[int, str] | None:
    """(index, name) of a cell magic, which must stand before all other text."""
    for index, line in enumerate(lines):
        if line.strip():
            match = _CELL_MAGIC.match(line)
            return (index, match[1]) if match else None
    return None


def _try_parse(text: str) -> tuple[ast.Module | None, int]:
    """The tree, or None and the line (from 1; 0 where unknown) that is no Python."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a student's string is not our concern
            tree = compile(text, "<cell>", "exec", flags, dont_inherit=True)
    except SyntaxError as e:
        return None, e.lineno or 0
    except (ValueError, RecursionError, MemoryError, OverflowError):
        return None, 0
    assert isinstance(tree, ast.Module)
    return tree, 0


def _mend(lines: list[str], number: int) -> bool:
    """Set aside the magic, shell command or help request in line ``number``; False where there is none."""
    if not 1 <= number <= len(lines):
        return False
    line = lines[number - 1]
    if not _SHELL_OR_MAGIC.match(line.strip()):
        return False
    if _TIMED.match(line):  # %time runs its statement in the notebook, so what it defines counts
        lines[number - 1] = _TIMED.sub(r"\1", line)
        return True
    last = number - 1
    while lines[last].endswith("\\") and last + 1 < len(lines):
        last += 1
    indent = line[: len(line) - len(line.lstrip())]
    lines[number - 1 : last + 1] = [f"{indent}pass", *[""] * (last - number + 1)]
    return True
