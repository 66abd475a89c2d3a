"""The same assignment and submissions in nbgrader's form: a course folder, and its two commands."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat

from benchmarks.light import KINDS, Kind
from benchmarks.peers import environments
from benchmarks.peers.checks import CHECKS, Check

NAME = "softmax"
STARTS_ONCE = True
COMMANDS = (f"nbgrader autograde {NAME}", f"nbgrader generate_feedback {NAME}")
_SOLUTIONS = ("out", "softmax")


class Course:
    """A course of one assignment in a folder of its own."""

    def __init__(self, programs: Path, folder: Path, kind: Kind = KINDS["few"]) -> None:
        self.programs, self.folder, self.kind = programs, folder, kind
        folder.mkdir()
        config = "c = get_config()\nc.CourseDirectory.course_id = 'benchmark'\n"
        (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
        _write(folder / "source" / NAME / f"{NAME}.ipynb", source_cells(kind))
        for file in kind.files:
            shutil.copy(file, folder / "source" / NAME)
        self._nbgrader("generate_assignment", NAME)
        self.release = nbformat.read(folder / "release" / NAME / f"{NAME}.ipynb", as_version=4)

    def _nbgrader(self, *arguments: str) -> str:
        return environments.run([str(self.programs / "nbgrader"), *arguments], self.programs, self.folder)

    def hand_in(self, numbers: Iterable[int], wrong: frozenset[int]) -> None:
        """The released notebook with each student's own code in the cells for it."""
        for number in numbers:
            own = _named(self.kind.cells(number, number in wrong))
            notebook = nbformat.from_dict(self.release)
            for cell in notebook.cells:
                name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
                cell.source = own.get(name, cell.source)
            path = self.folder / "submitted" / f"student{number:03}" / NAME / f"{NAME}.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(notebook, path)

    def time(self) -> float:
        """Seconds of both commands over everything handed in."""
        begin = time.perf_counter()
        self._nbgrader("autograde", NAME)
        self._nbgrader("generate_feedback", NAME)
        return time.perf_counter() - begin

    def points(self) -> dict[str, float]:
        """What every student got, by nbgrader's own export. Raises AssertionError where there is no feedback."""
        self._nbgrader("export")
        with (self.folder / "grades.csv").open(encoding="utf-8", newline="") as file:
            points = {row["student_id"]: float(row["score"] or 0) for row in csv.DictReader(file)}
        pages = {p.parts[-3] for p in self.folder.glob(f"feedback/*/{NAME}/{NAME}.html")}
        assert pages == set(points), "nbgrader made no feedback for somebody"
        return points


def _named(cells: list[str]) -> dict[str, str]:
    """The cells by what nbgrader knows them by."""
    return {f"part-{number}": code for number, code in enumerate(cells, 1)}


def source_cells(kind: Kind = KINDS["few"]) -> list[Any]:
    """The instructor's version: the student's cells, then one cell for each check."""
    made = [_cell(code, name, solution=True) for name, code in _named(kind.cells(0, False)).items()]
    return [*made, *(_cell(_test(check), check.id, points=check.points) for check in CHECKS)]


def _cell(code: str, name: str, *, solution: bool = False, points: float | None = None) -> Any:
    test = points is not None
    about = {"grade_id": name, "schema_version": 3, "solution": solution, "grade": test, "locked": test}
    about |= {"task": False} | ({"points": points} if test else {})
    return nbformat.v4.new_code_cell(code, metadata={"nbgrader": about}, id=f"cell-{name}")


def _test(check: Check) -> str:
    code = f"{check.function('check')}\n\ncheck(softmax, out)\n"
    return f"### BEGIN HIDDEN TESTS\n{code}### END HIDDEN TESTS\n" if check.hidden else code


def _write(path: Path, cells: list[Any]) -> None:
    path.parent.mkdir(parents=True)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
