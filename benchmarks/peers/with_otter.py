"""The same assignment and submissions in Otter-Grader's form: exception-based tests in an autograder.zip."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import nbformat

from benchmarks.light import KINDS, Kind
from benchmarks.peers import environments
from benchmarks.peers.checks import CHECKS, Check

STARTS_ONCE = False  # a command for each notebook
COMMANDS = ("otter run --no-logo -a autograder.zip -o OUT NOTEBOOK (for each)",)


class Course:
    """An autograder and the hand-ins in a folder of its own."""

    def __init__(self, programs: Path, folder: Path, kind: Kind = KINDS["few"]) -> None:
        self.programs, self.folder, self.kind = programs, folder, kind
        (folder / "tests").mkdir(parents=True)
        for check in CHECKS:
            (folder / "tests" / f"{check.slug}.py").write_text(test_file(check), encoding="utf-8")
        for file in kind.files:
            shutil.copy(file, folder)
        self._otter(
            "generate",
            "-t",
            "tests",
            "-o",
            "autograder.zip",
            "--no-config",
            "--no-requirements",
            "--no-environment",
            *(file.name for file in kind.files),
        )
        self.numbers: list[int] = []

    def _otter(self, *arguments: str) -> str:
        return environments.run([str(self.programs / "otter"), *arguments], self.programs, self.folder)

    def hand_in(self, numbers: Iterable[int], wrong: frozenset[int]) -> None:
        """One notebook for each student."""
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        for number in numbers:
            cells = [nbformat.v4.new_code_cell(c) for c in self.kind.cells(number, number in wrong)]
            nbformat.write(
                nbformat.v4.new_notebook(cells=cells, metadata=kernel), self.folder / f"student{number:03}.ipynb"
            )
            (self.folder / f"out{number:03}").mkdir()
            self.numbers.append(number)

    def time(self) -> float:
        """Seconds of one command for each hand-in, one after another."""
        begin = time.perf_counter()
        for number in self.numbers:
            self._otter(
                "run", "--no-logo", "-a", "autograder.zip", "-o", f"out{number:03}", f"student{number:03}.ipynb"
            )
        return time.perf_counter() - begin

    def points(self) -> dict[str, float]:
        """What every student got, by Otter's own results.json."""
        out = {}
        for number in self.numbers:
            said = json.loads((self.folder / f"out{number:03}" / "results.json").read_text(encoding="utf-8"))
            out[f"student{number:03}"] = sum(float(test.get("score", 0)) for test in said["tests"])
        return out


def test_file(check: Check) -> str:
    """One question in Otter's exception-based form."""
    function = check.function(f"test_{check.slug}")
    return (
        "from otter.test_files import test_case\n\nOK_FORMAT = False\n\n"
        f"name = {check.slug!r}\npoints = {check.points}\n\n\n"
        f"@test_case(points=None, hidden={check.hidden})\n{function}"
    )
