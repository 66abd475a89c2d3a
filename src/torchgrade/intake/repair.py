"""From any JSON data to a clean notebook of nbformat 4.5, built anew from the few things that are needed.

Stored outputs, execution counts and metadata never come along: a submission cannot bring its own results.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from torchgrade.intake.entries import Refused
from torchgrade.intake.upgrade import upgraded_cells

MAX_CELLS = 10_000
MAX_SOURCE = 16 * 2**20  # characters in all cells together

_KINDS = ("code", "markdown", "raw")
_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_VERSION = re.compile(r"\d{1,3}(\.\d{1,3}){0,2}")
_NEWEST = 4
_MAX_TAGS = 50

_PYTHON = re.compile(r"i?python|pyspark|sage|xeus-python|xpython", re.IGNORECASE)
_KERNELS = {"ir": "R", "r": "R", "irkernel": "R", "julia": "Julia", "octave": "Octave", "matlab": "MATLAB"}


def clean_notebook(data: Any) -> tuple[dict[str, Any], list[str]]:
    """A valid notebook and the repairs that a reader should know of. Raises Refused in words for the student."""
    if not isinstance(data, dict):
        raise Refused("The file is JSON but not a notebook: a notebook is a JSON object with cells.")
    if not {"cells", "worksheets", "nbformat"} & data.keys():
        raise Refused("The file is JSON but not a notebook: it has no cells.")
    return _Repair(data).result()


class _Repair:
    """One notebook on its way; ``missing`` and ``notes`` gather what was mended."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data
        self._missing: dict[str, None] = {}
        self._notes: Counter[str] = Counter()

    def result(self) -> tuple[dict[str, Any], list[str]]:
        metadata = self._object(self._data, "metadata")
        _check_language(metadata)
        sources = self._cells(self._version())
        if len(sources) > MAX_CELLS:
            raise Refused(f"The notebook has more than {MAX_CELLS} cells. Hand in the notebook of the assignment.")
        cells = self._with_ids([self._cell(cell) for cell in sources if self._is_cell(cell)])
        if sum(len(cell["source"]) for cell in cells) > MAX_SOURCE:
            raise Refused(
                "The text of the notebook's cells is far too long. Move data into files or leave it out."
            )
        notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": _metadata(metadata), "cells": cells}
        return notebook, self._told()

    def _told(self) -> list[str]:
        notes = [words if n == 1 else f"{words} ({n} times)" for words, n in self._notes.items()]
        if self._missing:
            notes.insert(0, f"Missing fields were filled in: {', '.join(self._missing)}.")
        return notes

    def _version(self) -> int:
        """The major version of the format, guessed where the file does not say."""
        number = self._data.get("nbformat")
        if isinstance(number, str) and number.isdecimal() and len(number) == 1:
            number = int(number)
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            self._missing["nbformat"] = None
            return self._guess()
        if number > _NEWEST:
            self._notes[f"The notebook says nbformat {str(number)[:9]}; it was read as nbformat {_NEWEST}."] += 1
        elif number == _NEWEST and not isinstance(self._data.get("nbformat_minor"), int):
            self._missing["nbformat_minor"] = None
        has_cells = isinstance(self._data.get("cells"), list)
        return _NEWEST if number in (2, 3) and has_cells else min(number, _NEWEST)

    def _guess(self) -> int:
        cells = self._data.get("cells")
        if not isinstance(cells, list):
            return 3 if "worksheets" in self._data else _NEWEST
        oldest = any(isinstance(c, dict) and "code" in c and "source" not in c for c in cells)
        return 1 if oldest else _NEWEST

    def _cells(self, version: int) -> list[Any]:
        if version < _NEWEST:
            self._notes[f"The notebook was upgraded from nbformat {version}."] += 1
            return upgraded_cells(self._data, version)
        cells = self._data.get("cells")
        if cells is None:
            self._missing["cells"] = None
            return []
        if not isinstance(cells, list):
            raise Refused("The file is JSON but not a notebook: its cells are not a list.")
        return cells

    def _is_cell(self, cell: Any) -> bool:
        if not isinstance(cell, dict):
            self._notes["Something among the cells that is not a cell was left out."] += 1
        return isinstance(cell, dict)

    def _cell(self, cell: dict[str, Any]) -> dict[str, Any]:
        kind = cell.get("cell_type")
        if kind is None:
            self._missing["cell_type"] = None
            kind = "code"
        elif kind not in _KINDS:
            self._notes["A cell of an unknown type was kept as raw text and is not run."] += 1
            kind = "raw"
        tags = _tags(self._object(cell, "metadata").get("tags"))
        clean = {"cell_type": kind, "id": cell.get("id"), "metadata": tags, "source": self._source(cell)}
        if cell.get("attachments"):
            self._notes["Pictures attached to a text cell were left out."] += 1
        if kind == "code":
            self._missing.update(dict.fromkeys(k for k in ("outputs", "execution_count") if k not in cell))
            clean |= {"execution_count": None, "outputs": []}
        return clean

    def _source(self, cell: dict[str, Any]) -> str:
        source = cell.get("source")
        if isinstance(source, list):
            texts = [piece for piece in source if isinstance(piece, str)]
            if len(texts) < len(source):
                self._notes["Something in a cell's source that is not text was left out."] += 1
            source = "".join(texts)
        if source is None:
            self._missing["source"] = None
        elif not isinstance(source, str):
            self._notes["A cell whose source is not text was emptied."] += 1
        text = source if isinstance(source, str) else ""
        if _SURROGATE.search(text):
            self._notes["Halves of characters in a cell were replaced by '\ufffd'."] += 1
            text = _SURROGATE.sub("\ufffd", text)
        return text

    def _object(self, holder: dict[str, Any], key: str) -> dict[str, Any]:
        value = holder.get(key)
        if isinstance(value, dict):
            return value
        if value is None:
            self._missing[key] = None
        else:
            self._notes["Metadata that is not a JSON object was left out."] += 1
        return {}

    def _with_ids(self, cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Give every cell a valid id of its own: the one it has, else always the same one, from its number."""
        own = {cell["id"] for cell in cells if _is_id(cell["id"])}
        taken: set[str] = set()
        for number, cell in enumerate(cells, 1):
            wanted = cell["id"]
            if not _is_id(wanted) or wanted in taken:
                if wanted is not None:
                    self._notes["A cell got a new id, because its own was not valid or not the only one."] += 1
                cell["id"] = _fresh_id(number, own)
            taken.add(cell["id"])
        return cells


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _CELL_ID.fullmatch(value) is not None


def _fresh_id(number: int, own: set[str]) -> str:
    fresh, again = f"cell-{number}", 0
    while fresh in own:
        again += 1
        fresh = f"cell-{number}-{again}"
    return fresh


def _tags(tags: Any) -> dict[str, Any]:
    """Cell metadata with the valid tags alone."""
    if not isinstance(tags, list):
        return {}
    valid = [t for t in tags if isinstance(t, str) and 0 < len(t) <= 64 and re.fullmatch(r"[^,\ud800-\udfff]+", t)]
    kept = list(dict.fromkeys(valid))[:_MAX_TAGS]
    return {"tags": kept} if kept else {}


def _metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """The one kernel that rooms have, and under which Python the notebook was saved."""
    language = {"name": "python"}
    info = metadata.get("language_info")
    version = info.get("version") if isinstance(info, dict) else None
    if isinstance(version, str) and _VERSION.fullmatch(version):
        language["version"] = version
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"kernelspec": kernel, "language_info": language}


def _check_language(metadata: dict[str, Any]) -> None:
    """Raise Refused where everything that names a language names another than Python."""
    spec, info = (
        value if isinstance(value, dict) else {} for value in map(metadata.get, ("kernelspec", "language_info"))
    )
    named = [
        n for n in (info.get("name"), spec.get("language"), metadata.get("language")) if isinstance(n, str) and n
    ]
    if not named and isinstance(spec.get("name"), str):
        kernel = re.split(r"[-_.\d]", spec["name"].casefold())[0]
        named = [_KERNELS[kernel]] if kernel in _KERNELS else []
    if named and not any(_PYTHON.match(name) for name in named):
        language = _SURROGATE.sub("\ufffd", named[0][:20])
        raise Refused(
            f"The notebook is written in {language}, but this course needs Python. Choose a Python kernel."
        )
