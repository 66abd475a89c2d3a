"""Runs a grader's functions against code in this process: the verdict in words, without room, plugin or points."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from torchgrade.grading.reference import SLOW_TAG
from torchgrade.model import Assignment
from torchgrade.notebook import code_cells, find_definition, from_percent, percent_header
from torchgrade.spec import load_assignment
from torchgrade.testing import ProbeFailure, collected

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENTS = (
    "softmax",
    "forward_pass",
    "manual_backprop",
    "padding",
    "normalize_pictures",
    "linear_regression",
    "xor_autograd",
)


def load(path: Path, name: str = "") -> ModuleType:
    """A file as a module, outside of sys.modules and without leaving a cache beside it."""
    spec = importlib.util.spec_from_file_location(name or f"loaded_{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    kept, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = kept
    return module


CELLS = "_cells_"  # the global under which ``run`` leaves the source of what it ran
in_process = load(ROOT / "tests" / "testing" / "in_process.py")


class Student(in_process.InProcess):
    """What a room would show of the code in ``space``, aliases and sources too. What is defined, functions see."""

    def __init__(self, spec: Assignment, space: dict[str, Any], *, may_explain: bool) -> None:
        super().__init__(space, may_explain=may_explain)
        self._aliases = spec.aliases

    def _own(self, name: str) -> str:
        return next((n for n in (name, *self._aliases.get(name, ())) if n in self.namespace), name)

    def _named(self, name: str) -> Any:
        return super()._named(self._own(name))

    def define(self, name: str, value: Any) -> None:
        super().define(self._own(name), value)

    def source(self, name: str) -> str:
        cells = "\n".join(f"# %%\n{cell}" for cell in self.namespace.get(CELLS, ["pass"]))
        found = find_definition(from_percent(cells), self._own(name))
        return found[2] if found else ""


@dataclass(frozen=True)
class Partial:
    """Less than full marks: what was awarded, and why."""

    fraction: float
    because: str


@dataclass
class Judged:
    """What became of every criterion: ``passed``, ``skipped``, or the failure; and the hints that were said."""

    results: dict[str, Any] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)

    @property
    def lost(self) -> set[str]:
        return {id for id, result in self.results.items() if result != "passed"}


def sources(path: Path, *, slow: bool = True) -> list[str]:
    """The code cells of a notebook or a percent script; without ``slow`` those that a reference leaves out."""
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text) if path.suffix == ".ipynb" else from_percent(text, path)
    left_out = set() if slow else {SLOW_TAG}
    return [
        s for n, s in code_cells(notebook) if not left_out & set(notebook["cells"][n]["metadata"].get("tags", ()))
    ]


def header(path: Path) -> dict[str, str]:
    return percent_header(path.read_text(encoding="utf-8"))


def listed(text: str) -> set[str]:
    return {part.strip() for part in text.split(",") if part.strip()}


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """As in a room. On small tensors, and beside others, two threads take ten times as long as one."""
    kept = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(kept)


@one_thread()
def run(assignment: str, cells: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The globals after the cells, with the assignment's helper files importable, and the errors on the way."""
    folder = ROOT / "assignments" / assignment / "files"
    kept = {name: sys.modules.pop(name, None) for name in ("helper",)}
    sys.path.insert(0, str(folder))
    was, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    dtype = torch.get_default_dtype()
    try:
        torch.manual_seed(1)
        space, errors = in_process.run_cells(cells)
        space[CELLS] = cells
        return space, errors
    finally:
        torch.set_default_dtype(dtype)  # a notebook may change it
        sys.dont_write_bytecode = was
        sys.path.remove(str(folder))
        for name, module in kept.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module


@one_thread()
def judge(assignment: str, space: dict[str, Any], seed: int = 0) -> Judged:
    """Put every grader of the assignment to the code in ``space``."""
    spec = load_assignment(ROOT, assignment)
    judged, failed = Judged(), {}
    for function, criterion, public in graders(assignment):
        failure = _outcome(spec, function, criterion, public, space, judged, seed)
        if failure is not None:
            failed.setdefault(criterion, failure)
    for criterion in spec.criteria:
        judged.results[criterion.id] = failed.get(criterion.id, "passed")
    for criterion in spec.criteria:
        if judged.results[criterion.id] == "passed" and any(
            judged.results[n] != "passed" for n in criterion.needs
        ):
            judged.results[criterion.id] = "skipped"
    return judged


def graders(assignment: str) -> list[tuple[Any, str, bool]]:
    """Every grader function with its criterion and whether it is public."""
    found = []
    for name in ("test_public", "test_hidden"):
        module = load(ROOT / "graders" / assignment / f"{name}.py")
        for function in vars(module).values():
            for mark in getattr(function, "pytestmark", []):
                found.append((function, mark.args[0], name == "test_public"))
    return found


def _outcome(
    spec: Assignment, function: Any, criterion: str, public: bool, space: Any, judged: Judged, seed: int
) -> Exception | Partial | None:
    awarded: list[Partial] = []
    fixtures = {
        "submission": Student(spec, space, may_explain=public),
        "award": lambda fraction, because="": awarded.append(Partial(fraction, because)),
        "rng": torch.Generator().manual_seed(seed),
        "device": "cpu",
        "hint": lambda text: judged.hints.setdefault(criterion, text),
        "exhibit": collected,
    }
    wanted = inspect.signature(function).parameters
    if "reference" in wanted:
        assert not public, "public graders have no reference"
        fixtures["reference"] = in_process.InProcess(run(spec.id, sources(spec.solution, slow=False))[0])
    try:
        function(**{name: fixtures[name] for name in wanted})
    except (AssertionError, ProbeFailure) as failure:
        return failure
    return next((a for a in awarded if a.fraction < 1), None)
