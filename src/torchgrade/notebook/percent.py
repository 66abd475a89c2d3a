"""Notebooks written as scripts: ``# %%`` begins a code cell, ``# %% [markdown]`` a text cell."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from torchgrade.errors import SpecError
from torchgrade.notebook.cells import new_cell, new_notebook

_MARK = re.compile(r"^#\s?%%(?!%)(?P<title>.*)$")
_KIND = re.compile(r"\[(markdown|md|raw)\]")
_TAGS = re.compile(r"\btags=(\[[^\]]*\])")
_HEADER = re.compile(r"^# (?P<key>[A-Za-z][\w-]*):[ \t]*(?P<value>.*)$")


def from_percent(text: str, name: Path | str = "script") -> dict[str, Any]:
    """A notebook from a percent script; everything above the first ``# %%`` is left out.

    ``tags=["a", "b"]`` behind the mark become the cell's tags. ``name`` is how the error calls the script.
    Raises SpecError where there is no ``# %%`` at all or where the tags are not a list of texts.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    starts = [i for i, line in enumerate(lines) if _MARK.match(line)]
    if not starts:
        raise SpecError(name, None, "", "has no line '# %%', so it has no cells")
    ends = [*starts[1:], len(lines)]
    cells = [_cell(lines[a:b], n, a + 1, name) for n, (a, b) in enumerate(zip(starts, ends, strict=True), 1)]
    return new_notebook(cells)


def percent_header(text: str) -> dict[str, str]:
    """``# key: value`` lines above the first cell; a value goes on over lines that begin with ``#   ``."""
    header: dict[str, str] = {}
    key = ""
    for line in text.removeprefix("\ufeff").splitlines():
        if _MARK.match(line):
            break
        if match := _HEADER.match(line):
            key = match["key"]
            header[key] = match["value"].strip()
        elif key and line.startswith("#   ") and line[4:].strip():
            header[key] = f"{header[key]} {line[4:].strip()}".strip()
        else:
            key = ""
    return header


def _cell(lines: list[str], number: int, first_line: int, name: Path | str) -> dict[str, Any]:
    """One cell from its mark and the lines below."""
    match = _MARK.match(lines[0])
    title = match["title"] if match else ""
    kind = _KIND.search(title)
    cell_type = "code" if kind is None else "raw" if kind[1] == "raw" else "markdown"
    body = lines[1:] if cell_type == "code" else [re.sub(r"^# ?", "", line) for line in lines[1:]]
    return new_cell(cell_type, "\n".join(body).strip("\n"), f"cell-{number}", _tags(title, first_line, name))


def _tags(title: str, line: int, name: Path | str) -> list[str]:
    match = _TAGS.search(title)
    if match is None:
        return []
    try:
        tags = json.loads(match[1])
    except ValueError as e:
        raise SpecError(name, line, "tags", 'must be a list of texts, such as ["solution-only"]') from e
    if not all(isinstance(tag, str) and tag and "," not in tag for tag in tags):
        raise SpecError(name, line, "tags", "each tag must be text without a comma")
    return list(dict.fromkeys(tags))
