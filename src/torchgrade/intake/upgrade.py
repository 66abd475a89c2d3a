"""Notebooks of nbformat 1 to 3, brought to 4 by nbformat itself from a form that cannot make it stumble."""

from __future__ import annotations

from typing import Any

from torchgrade.intake.entries import Refused

_TEXT_KINDS = ("markdown", "raw", "heading", "html")


def upgraded_cells(data: dict[str, Any], version: int) -> list[Any]:
    """The cells of an old notebook as nbformat 4 has them, without ids, outputs and metadata."""
    import nbformat  # takes a tenth of a second, and few notebooks are that old

    old = _first_format(data) if version == 1 else _worksheet_format(data, version)
    converted = nbformat.convert(nbformat.from_dict(old), 4)
    return [{key: cell[key] for key in _keys(cell)} for cell in converted["cells"]]


def _keys(cell: dict[str, Any]) -> list[str]:
    return [key for key in ("cell_type", "source", "metadata", "outputs", "execution_count") if key in cell]


def _first_format(data: dict[str, Any]) -> dict[str, Any]:
    cells = []
    for cell in _listed(data.get("cells"), "cells"):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            cells.append({"cell_type": "code", "code": _text(cell.get("code"))})
        elif isinstance(cell, dict):
            cells.append({"cell_type": "text", "text": _text(cell.get("text"))})
    return {"nbformat": 1, "cells": cells}


def _worksheet_format(data: dict[str, Any], version: int) -> dict[str, Any]:
    """Several worksheets become one after another, as nbformat does it."""
    sheets = []
    for sheet in _listed(data.get("worksheets"), "worksheets"):
        cells = sheet.get("cells") if isinstance(sheet, dict) else None
        listed = [c for c in cells if isinstance(c, dict)] if isinstance(cells, list) else []
        sheets.append({"metadata": {}, "cells": [_worksheet_cell(c) for c in listed]})
    return {"nbformat": version, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": sheets}


def _worksheet_cell(cell: dict[str, Any]) -> dict[str, Any]:
    kind = cell.get("cell_type")
    if kind == "code":
        source = cell["input"] if "input" in cell else cell.get("source")
        code = {"language": "python", "collapsed": False, "outputs": [], "input": _text(source)}
        return {"cell_type": "code", "metadata": {}, **code}
    kept = kind if kind in _TEXT_KINDS else "raw"
    made: dict[str, Any] = {"cell_type": kept, "metadata": {}, "source": _text(cell.get("source"))}
    if kept == "heading":
        level = cell.get("level")
        made["level"] = level if isinstance(level, int) and 1 <= level <= 6 else 1
    return made


def _text(source: Any) -> str:
    if isinstance(source, list):
        return "".join(piece for piece in source if isinstance(piece, str))
    return source if isinstance(source, str) else ""


def _listed(value: Any, key: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Refused(f"The file is JSON but not a notebook: its {key} are not a list.")
    return value
