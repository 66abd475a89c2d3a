"""Building, writing and reading the cells of an nbformat 4.5 notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

Notebook = dict[str, Any]
Cell = dict[str, Any]

_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def new_notebook(cells: list[Cell]) -> Notebook:
    """A Python notebook of ``cells``, with no more metadata than it takes to open it."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def new_cell(kind: str, source: str, id: str, tags: Iterable[str] = ()) -> Cell:
    """A cell that was never run; ``kind`` is code, markdown or raw."""
    metadata = {"tags": list(tags)} if tags else {}
    cell: Cell = {"cell_type": kind, "id": id, "metadata": metadata, "source": source}
    return cell | {"execution_count": None, "outputs": []} if kind == "code" else cell


def cell_source(cell: Cell) -> str:
    """The text of a cell, also where a file holds it as a list of lines."""
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else str(source)


def cell_ids(cells: list[Cell]) -> list[str]:
    """One id for each cell: its own if that is valid and new, else ``cell-<number>``. Always the same."""
    own = [_own_id(cell) for cell in cells]
    taken: set[str] = set()
    ids: list[str] = []
    for number, wanted in enumerate(own, 1):
        chosen = wanted if wanted and wanted not in taken else f"cell-{number}"
        while chosen in taken or (chosen != wanted and chosen in own):
            chosen += "-"
        taken.add(chosen)
        ids.append(chosen)
    return ids


def _own_id(cell: Cell) -> str:
    found = cell.get("id")
    return found if isinstance(found, str) and _CELL_ID.fullmatch(found) else ""


def code_cells(nb: Notebook) -> list[tuple[int, str]]:
    """(index among all cells, source) of every code cell, in order."""
    return [(i, cell_source(c)) for i, c in enumerate(nb["cells"]) if c["cell_type"] == "code"]


def dump(nb: Notebook) -> str:
    """The notebook as text, always the same for the same notebook; sources are lists of lines, for diffs."""
    cells = [dict(cell, source=cell_source(cell).splitlines(keepends=True)) for cell in nb["cells"]]
    text = json.dumps(dict(nb, cells=cells), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text + "\n"


def cell_text_outputs(nb: Notebook) -> list[str]:
    """What each code cell of an executed notebook printed or showed as text, one entry for each code cell.

    Colours are taken out; an error is its name and value, without the traceback.
    """
    shown = [c.get("outputs", []) for c in nb["cells"] if c["cell_type"] == "code"]
    return ["".join(_output_text(output) for output in outputs) for outputs in shown]


def _output_text(output: dict[str, Any]) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        return _plain(output.get("text", ""))
    if kind in ("execute_result", "display_data"):
        return _line(_plain(output.get("data", {}).get("text/plain", "")))
    if kind == "error":
        return _line(_plain(f"{output.get('ename', '')}: {output.get('evalue', '')}"))
    return ""


def _plain(text: object) -> str:
    joined = "".join(map(str, text)) if isinstance(text, list) else str(text)
    return _ANSI.sub("", joined)


def _line(text: str) -> str:
    return text + "\n" if text and not text.endswith("\n") else text
