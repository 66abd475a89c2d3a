"""Which notebook is meant where a handout lies in several languages: the one in the language that is spoken."""

from __future__ import annotations

import sys
from pathlib import Path

from torchgrade.feedback.terminal import clean
from torchgrade.i18n import LANGUAGES, _, language


def meant_notebook(path: Path | None) -> Path:
    """The notebook to check; what was chosen of two languages is told on standard error. Raises UsageError."""
    from torchgrade.pipeline.checking import find_notebook

    chosen, others = _of_languages(path or Path())
    if chosen is None:
        return find_notebook(path)
    said = _("Checking {name}. For the other one: torchgrade check {other}")
    print(clean(said.format(name=chosen.name, other=others[0])), file=sys.stderr, flush=True)
    return chosen


def handout_stem(name: str) -> str:
    """The name of a handout without its ending and its language: ``softmax.ru.ipynb`` is softmax."""
    stem = name.removesuffix(".ipynb")
    before, _dot, said = stem.rpartition(".")
    return before if before and said in LANGUAGES else stem


def _of_languages(folder: Path) -> tuple[Path | None, list[Path]]:
    """Of a folder with one handout in several languages and no other notebook: the right one, and the others."""
    try:
        found = sorted(p for p in folder.glob("*.ipynb") if p.is_file())
    except OSError:
        return None, []
    stems = {handout_stem(p.name) for p in found}
    if len(found) < 2 or len(stems) != 1:
        return None, []
    (stem,) = stems
    by_name = {p.name: p for p in found}
    chosen = by_name.get(f"{stem}.{language()}.ipynb") or by_name.get(f"{stem}.ipynb")
    return chosen, [p for p in found if p != chosen]
