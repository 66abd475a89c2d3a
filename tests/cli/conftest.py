"""Makes the small courses of tests/grading importable here, and runs the command line in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "grading"))


@dataclass
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """run("grade", "double", …): the command as its entry point runs it."""
    from torchgrade.cli import main

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["torchgrade", *map(str, arguments)])
        code: object = 0
        capsys.readouterr()
        try:
            main()
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return Said(int(code or 0), said.out, said.err)  # type: ignore[call-overload]

    return call
