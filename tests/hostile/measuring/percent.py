"""Percent files to notebooks: our own kinds of attack, in the form of the corpus, armed and disguised like it.

A header of ``# key: value`` lines, then code cells, each below a line ``# %%``. The header is dropped, so that a
notebook does not say that it is an attack.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

#: Words of attacks that a harness might look for; a disguise renames them. Order and draws are the corpus's.
MARKS = ("ATTACK_ARMED", "ATTACK_PWNED", "ATTACK_STATE", "HIDDEN-INPUT", "XSS-FIRED", "REMEMBERED", "LOOT")
ARMED = "ATTACK_ARMED = True\n"


def words(seed: str) -> dict[str, str]:
    """What each mark is called under this seed."""
    draw = random.Random(seed)
    return {m: "".join(draw.choice("bcdfghjklmnprstvwz") + draw.choice("aeiou") for _ in range(5)) for m in MARKS}


def read(path: Path) -> tuple[dict[str, str], list[str]]:
    """Header and cells of a percent file."""
    head, *cells = re.split(r"(?m)^# %%\n", path.read_text(encoding="utf-8"))
    return dict(re.findall(r"(?m)^# (\w+): (.*)$", head)), [cell.strip("\n") + "\n" for cell in cells]


def notebook(cells: list[str]) -> dict[str, Any]:
    """An nbformat 4.5 notebook of these code cells."""
    built = [
        {
            "cell_type": "code",
            "id": f"cell-{n}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": s,
        }
        for n, s in enumerate(cells)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "cells": built, "metadata": {"kernelspec": kernel}}


def convert(folder: Path, out: Path, seed: str, *, armed: bool) -> dict[str, tuple[Path, dict[str, str]]]:
    """Write the folder's files as notebooks; path and header by slug."""
    out.mkdir(parents=True, exist_ok=True)
    found = {}
    for path in sorted(folder.glob("*.py")):
        header, cells = read(path)
        slug = header.get("attack") or header["control"]
        text = json.dumps(notebook([ARMED, *cells] if armed else cells))
        for mark, word in words(seed).items():
            text = text.replace(mark, word)
        (out / f"{slug}.ipynb").write_text(text, encoding="utf-8")
        found[slug] = (out / f"{slug}.ipynb", {**header, "slug": slug})
    return found
