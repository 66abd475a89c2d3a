"""A cohort of attacks with honest students before, beside and after them, under names that tell nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import percent

RIGHT = "import torch\n\ndef softmax(x):\n    e = torch.exp(x - x.max(dim=1, keepdim=True).values)\n"
RIGHT += "    return e / e.sum(dim=1, keepdim=True)\n"
# What an attack of score 0 may earn is what honest code earns that returns the same arrays.
YARDSTICKS = {
    "zeros": "import torch\n\ndef softmax(x):\n    return torch.zeros_like(x)\n",
    "uniform": "import torch\n\ndef softmax(x):\n    return torch.full_like(x, 1.0 / x.shape[1])\n",
}
UNIFORM = "1.0 / x.shape[1]"
PLAIN = "plain-correct"


@dataclass(frozen=True)
class Case:
    """One submission of the cohort. ``kind``: attack, malformed, control, yardstick or victim."""

    student: str
    slug: str
    kind: str
    score: str
    category: str = ""
    place: str = ""  # of a control: before, beside, after
    like: str = "zeros"  # the yardstick of an attack of score 0


@dataclass(frozen=True)
class Corpus:
    """Ready files by slug, and the words that stand for the marks of the attacks."""

    attacks: dict[str, tuple[Path, dict[str, Any]]]
    controls: dict[str, tuple[Path, dict[str, Any]]]
    malformed: dict[str, tuple[Path, dict[str, Any]]]
    marks: dict[str, str]


def make_corpus(attacks: list[Path], scratch: Path, seed: str) -> Corpus:
    """Arm and disguise the attacks of all folders. Nothing of them is run here.

    A folder with tools of its own is made by them; another one is percent files, and ``controls`` below it.
    """
    whole = Corpus({}, {}, {}, percent.words(seed))
    for number, folder in enumerate(attacks):
        part = scratch / str(number)
        own = (folder / "to_ipynb.py").is_file()
        made = _made_by_its_tools(folder, part, seed) if own else _made_of_percent_files(folder, part, seed)
        whole.marks.update(made.marks)
        for name in ("attacks", "malformed"):
            getattr(whole, name).update(getattr(made, name))
        for slug, control in made.controls.items():
            whole.controls.setdefault(slug, control)
    return whole


def _made_of_percent_files(folder: Path, scratch: Path, seed: str) -> Corpus:
    attacks = percent.convert(folder, scratch / "attacks", seed, armed=True)
    controls = percent.convert(folder / "controls", scratch / "controls", seed, armed=False)
    return Corpus(attacks, controls, {}, percent.words(seed))


def _made_by_its_tools(attacks: Path, scratch: Path, seed: str) -> Corpus:
    made = {name: scratch / name for name in ("attacks", "controls", "malformed")}
    scratch.mkdir(parents=True)
    notebooks = attacks / "to_ipynb.py"
    sources = sorted(d for d in attacks.iterdir() if d.is_dir() and d.name not in ("controls", "__pycache__"))
    _tool(notebooks, made["attacks"], *sources, "--armed", "--disguise", seed)
    _tool(notebooks, made["controls"], attacks / "controls", "--disguise", seed)
    _tool(attacks / "make_malformed.py", made["malformed"])
    return Corpus(
        attacks=_listed(made["attacks"], ".ipynb"),
        controls=_listed(made["controls"], ".ipynb"),
        malformed=_listed(made["malformed"], ""),
        marks=json.loads((made["attacks"] / "marks.json").read_text()),
    )


def _tool(script: Path, *arguments: Path | str) -> None:
    command = [sys.executable, "-B", str(script), *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, text=True)


def _listed(folder: Path, ending: str) -> dict[str, tuple[Path, dict[str, Any]]]:
    cases = json.loads((folder / "cases.json").read_text())
    return {case["slug"]: (folder / (case["slug"] + ending), case) for case in cases}


def make_cohort(corpus: Corpus, folder: Path, canary: str, only: str | None = None, beside: int = 1) -> list[Case]:
    """Write the submissions into ``folder``; their cases in the order of the students' names.

    After each ``beside`` attacks comes an honest submission.
    """
    folder.mkdir(parents=True)
    plan = list(_plan(corpus, canary, only, beside))
    return [_hand_in(folder, f"s{number:04}", source, case) for number, (source, case) in enumerate(plan)]


def _plan(
    corpus: Corpus, canary: str, only: str | None, beside: int
) -> Iterator[tuple[Path | str, dict[str, Any]]]:
    """(source, fields of the case) of each submission: a path to move, or the code of a notebook."""
    plain, facts = corpus.controls[PLAIN]
    honest = {s: c for s, c in corpus.controls.items() if only is None or s == PLAIN}
    chosen = [(kind, *each) for kind in ("attacks", "malformed") for each in getattr(corpus, kind).items()]
    chosen = [each for each in chosen if only in (None, each[1])]
    for slug, code in YARDSTICKS.items():
        yield code, {"slug": slug, "kind": "yardstick", "score": "any"}
    for path, control in honest.values():
        yield path, _control(control, "before")
    for number, (kind, slug, (path, case)) in enumerate(chosen):
        if number == len(chosen) // 2:
            secret = f"# {canary}\nprint({canary!r})\n{RIGHT}"
            yield secret, {"slug": "another-student", "kind": "victim", "score": "full"}
        yield path, _attack(slug, "attack" if kind == "attacks" else "malformed", case, path)
        if number % beside == 0:
            yield plain, _control(facts, "beside")
    for path, control in honest.values():
        yield path, _control(control, "after")


def _control(case: dict[str, Any], place: str) -> dict[str, Any]:
    return {"slug": case["slug"], "kind": "control", "score": case["score"], "place": place}


def _attack(slug: str, kind: str, case: dict[str, Any], path: Path) -> dict[str, Any]:
    uniform = kind == "attack" and UNIFORM in path.read_text(encoding="utf-8")
    like = "uniform" if uniform else "zeros"
    return {
        "slug": slug,
        "kind": kind,
        "score": case["score"],
        "category": case.get("category", kind),
        "like": like,
    }


def _hand_in(folder: Path, student: str, source: Path | str, fields: dict[str, Any]) -> Case:
    if isinstance(source, str):
        (folder / f"{student}.ipynb").write_text(json.dumps(_notebook(source)), encoding="utf-8")
    elif source.is_dir():
        source.rename(folder / student)  # moved: a copy would open the pipes among them
    else:
        shutil.copyfile(source, folder / f"{student}.ipynb")
    return Case(student=student, **fields)


def _notebook(code: str) -> dict[str, Any]:
    cell = {
        "cell_type": "code",
        "id": "c0",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": code,
    }
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": [cell]}
