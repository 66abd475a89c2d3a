"""``check --watch``: a line that stays below all that is printed; simple lines where nothing can stay."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from small_course import double_course, write_notebook

from torchgrade.cli import checks
from torchgrade.errors import BrokenError
from torchgrade.model import Assignment, CriterionResult, Outcome, Status, Verdict
from torchgrade.pipeline import checking
from torchgrade.pipeline.checking import Checked

_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class PretendedChecker:
    """Prepares data, then finds what the notebook's only cell says."""

    seen: list[str]

    def __init__(self, *, plain: bool | None, tell: Any, out: io.StringIO) -> None:
        self._tell, self._out = tell, out
        self.seen = []

    def check(self, course: Any, path: Path, assignment: str) -> Checked:
        self._tell("preparing the pictures")
        self.seen.append(last_line(self._out))
        if "broken" in path.read_text(encoding="utf-8"):
            raise BrokenError("broken on purpose")
        result = CriterionResult("c", "The criterion", Outcome.FAILED, 0, 1, message="not so")
        verdict = Verdict("you", "double", Status.GRADED, 0.0, 1.0, 0.0, (result,))
        return Checked(Assignment("double", "The title", (), ()), verdict, 0)

    def close(self) -> None: ...


def last_line(out: io.StringIO) -> str:
    """What stands in the last line of the terminal now."""
    erased = out.getvalue().replace("\x1b[2K", "\x1b[2K\0").rsplit("\0", 1)[-1]
    return _CONTROLS.sub("", erased).rsplit("\n", 1)[-1]


def watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> tuple[str, list[str], PretendedChecker]:
    """Everything that was printed, and the last line after each of two checks, the second of them broken."""
    out, lines, made = io.StringIO(), [], []
    double_course(tmp_path)
    path = write_notebook(tmp_path / "double.ipynb", "a = 1")

    def saves(_: Path) -> Iterator[None]:
        yield
        lines.append(last_line(out))
        write_notebook(path, "broken")
        yield
        lines.append(last_line(out))

    def checker(**arguments: Any) -> PretendedChecker:
        made.append(PretendedChecker(**arguments, out=out))
        return made[-1]

    monkeypatch.setattr(checking, "Checker", checker)
    monkeypatch.setattr(checks, "_saves", saves)
    monkeypatch.setattr(checks, "_console", partial(Console, file=out, width=80, highlight=False, **settings))
    checks.watch_notebook(path, "", plain=None)
    return out.getvalue(), lines, made[0]


def test_on_a_terminal_the_footer_is_below_everything_at_every_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    printed, lines, checker = watched(tmp_path, monkeypatch, force_terminal=True, color_system=None)
    assert [re.sub(r"[\d.]+ s|\d\d:\d\d:\d\d", "…", line) for line in lines] == [
        "● double.ipynb · … at … · save it to check again · Ctrl-C stops"
    ] * 2
    assert checker.seen == ["◌ double.ipynb · preparing the pictures · Ctrl-C stops"] * 2
    for words in ("✗ failed", "not so", "torchgrade: broken on purpose"):
        assert words in printed


@pytest.mark.parametrize("settings", [{}, {"force_terminal": True}], ids=["pipe", "dumb terminal"])
def test_elsewhere_it_is_a_line_after_each_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    printed, _, _ = watched(tmp_path, monkeypatch, color_system=None, **settings)
    assert "\x1b" not in printed
    assert "\r" not in printed
    assert printed.count("watching double.ipynb (") == 2
    assert printed.count("preparing the pictures\n") == 1
    assert "examining" not in printed


def test_each_save_is_seen_once_and_a_file_that_is_away_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, slept = tmp_path / "a.ipynb", []
    path.write_text("1", encoding="utf-8")

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            path.unlink()
        if len(slept) == 4:
            path.write_text("22", encoding="utf-8")
        if len(slept) == 6:  # as an editor that writes beside it and renames
            (tmp_path / "b").write_text("33", encoding="utf-8")
            os.replace(tmp_path / "b", path)

    monkeypatch.setattr(checks.time, "sleep", sleep)
    saves = checks._saves(path)
    found = []
    for _ in range(3):
        next(saves)
        found.append((path.read_text(encoding="utf-8"), len(slept)))
    assert found == [("1", 0), ("22", 4), ("33", 6)]
