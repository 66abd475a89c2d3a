"""Faults that are ours or the course's. What a student does wrong is never an exception: it is a verdict.

TorchgradeError
├── UsageError        the command line asks for something impossible
├── SpecError         course.yaml, assignment.yaml, a roster or a grader is wrong: file, line, key
├── RoomError         a room could not be built or sealed
└── BrokenError       the engine or a grader failed: the verdict is ``broken`` and costs no point
"""

from __future__ import annotations

from pathlib import Path


class TorchgradeError(Exception):
    """Base of all faults that end a command with exit code 2 and one clear line."""


class UsageError(TorchgradeError):
    """The command line asks for something that cannot be done."""


class SpecError(TorchgradeError):
    """A course file is wrong. ``str()`` is one line: ``file:line: key: what is wrong``."""

    def __init__(self, path: Path | str, line: int | None, key: str, problem: str) -> None:
        self.path, self.line, self.key, self.problem = path, line, key, problem
        where = f"{path}:{line}" if line else f"{path}"
        super().__init__(f"{where}: {key}: {problem}" if key else f"{where}: {problem}")


class RoomError(TorchgradeError):
    """A room could not be built or sealed on this machine."""


class BrokenError(TorchgradeError):
    """The engine or a grader failed in the middle of an examination."""
