"""What an examiner prepares once for an assignment, before the first submission comes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from torchgrade.data import PreparedData
from torchgrade.errors import BrokenError
from torchgrade.grading.answers import load_answers, read_trusted
from torchgrade.grading.misconceptions import KnownMistakes
from torchgrade.grading.plugin import ExamPlugin, ImportErrors
from torchgrade.grading.reference import NamespaceExaminee, load_namespace
from torchgrade.model import Assignment
from torchgrade.sandbox import compat, room_data
from torchgrade.spec import Hint, load_hints


class Desk:
    """Reference, known wrong answers, and the graders, which pytest collects once (``open``).

    Raises SpecError when the solution is missing, BrokenError when it does not run.
    """

    def __init__(
        self,
        assignment: Assignment,
        hidden: tuple[str, ...],
        *,
        public_only: bool,
        data: PreparedData | None = None,
    ) -> None:
        self.assignment, self.hidden, self.data = assignment, hidden, data
        if data is not None:
            _let_solution_find(data)
        self.reference: NamespaceExaminee | None = None
        self.mistakes = KnownMistakes(())
        self.hints: dict[tuple[str, str], Hint] = {}
        self.files = [assignment.graders / "test_public.py"]
        if not public_only:
            self.files.append(assignment.graders / "test_hidden.py")
            self.reference = self._load_reference()
            self.mistakes = KnownMistakes(load_answers(assignment.graders, "wrong"), assignment.files)
            self.hints = load_hints(assignment)
        self.plugin = ExamPlugin(assignment, self.reference, data)
        self.import_errors = ""

    def open(self, serve: Callable[[], None]) -> None:
        """Call ``serve`` inside a session of pytest that has collected the graders.

        Processes that are forked in there examine one submission each. A grader file that cannot be imported is
        told in ``import_errors``, and the others are collected. Raises what ``serve`` does, and BrokenError where
        there is nothing to collect from or pytest does not come so far.
        """
        files = [f for f in self.files if f.is_file()]
        if not files:
            raise BrokenError(f"there are no graders in {self.assignment.graders}")
        imported, called = ImportErrors(), []

        def inside() -> None:
            called.append(True)
            self.import_errors = "\n".join(imported.errors)
            serve()

        self.plugin.inside = inside
        code = _run_pytest(files, self.assignment.graders, [self.plugin, imported])
        if self.plugin.fault is not None:
            raise self.plugin.fault
        if not called:
            raise BrokenError(f"pytest could not collect the graders (exit code {int(code)})")

    def _load_reference(self) -> NamespaceExaminee:
        path, files = self.assignment.solution, self.assignment.files
        notebook = read_trusted(path)
        return NamespaceExaminee(load_namespace(notebook, path.name, files), notebook)


def _let_solution_find(data: PreparedData) -> None:
    """The solution and the known wrong answers load data sets as a student's notebook does in the room."""
    compat.when_torchvision_is_imported(lambda: room_data.install(str(data.room_root)))
    for name in data.names:
        data.load(name)  # so that one without its files is seen before the first submission


def _run_pytest(files: list[Path], root: Path, plugins: list[object]) -> int:
    """One pytest session with a fixed root, no configuration, no plugins but its own and ours; its exit code."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.dont_write_bytecode = True  # nothing is written beside the graders
    arguments = [
        *map(str, files), f"--rootdir={root}", "-c", os.devnull, "--noconftest", "--import-mode=importlib",
        "-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:faulthandler", "-p", "no:junitxml",
        "-p", "no:unraisableexception", "-p", "no:threadexception", "-p", "no:doctest", "-p", "no:logging",
        "-p", "no:unittest", "-p", "no:tmpdir", "-s", "-W", "ignore",
    ]  # fmt: skip
    return int(pytest.main(arguments, plugins=plugins))
