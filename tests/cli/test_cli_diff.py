"""``torchgrade diff`` as it is typed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from torchgrade.gradebook import Gradebook
from torchgrade.model import CriterionResult, Outcome, Status, Verdict


def record(folder: Path, **passed: bool) -> str:
    """A run in which each of these students passed or failed the one criterion."""
    folder.mkdir(exist_ok=True)
    with Gradebook.open(folder / "gradebook.sqlite") as book:
        run_id = book.start_run("double", {})
        for name, right in passed.items():
            student = name.replace("_", "\x1b[31m")
            outcome = Outcome.PASSED if right else Outcome.FAILED
            message = "fine" if right else "wrong \x1b[2J\nin two lines"
            result = CriterionResult("doubles", "D", outcome, 2.0 * right, 2.0, message=message)
            verdict = Verdict(student, "double", Status.GRADED, 2.0 * right, 2.0, 0.0, (result,))
            book.record(verdict, f"{run_id} {student}", run_id)
        book.end_run(run_id)
    return run_id


@pytest.fixture
def out(tmp_path: Path) -> Path:
    record(tmp_path / "out", anna=True, boris=False, clara=True, dora=True, _evil=True)
    record(tmp_path / "out", anna=False, boris=True, clara=True, eve=True, _evil=False)
    return tmp_path / "out"


def test_who_loses_and_gains_is_told_in_words(run: Any, out: Path) -> None:
    said = run("diff", "previous", "newest", "--out", out)
    assert (said.code, said.err) == (0, "")
    assert "double: 4 students in both runs" in said.out
    assert "2 lose points" in said.out and "1 gains points" in said.out
    assert re.search("  anna +2 → 0 \\(\N{MINUS SIGN}2\\)\n", said.out)
    assert "      doubles: passed → failed (\N{MINUS SIGN}2)\n" in said.out
    assert "unchanged: 1, lose: 2, gain: 1" in said.out
    assert "only in RUN1 (1): dora\nonly in RUN2 (1): eve\n" in said.out
    assert "what else differs: nothing" in said.out


def test_nothing_that_a_student_wrote_steers_the_terminal(run: Any, out: Path) -> None:
    said = run("diff", "previous", "newest", "--out", out)
    assert "\x1b" not in said.out and "wrong ·[2J in two lines" in said.out
    assert "\x1b" not in run("diff", "previous", "newest", "--out", out, "--json").out


def test_a_program_gets_json(run: Any, out: Path) -> None:
    said = run("diff", "previous", "newest", "--out", out, "--json")
    assert said.code == 0 and json.loads(said.out)["gaining"][0]["student"] == "boris"


def test_two_folders_are_compared(run: Any, out: Path, tmp_path: Path) -> None:
    record(tmp_path / "new", anna=True)
    said = run("diff", out, tmp_path / "new")
    assert said.code == 0 and "1 gains points" in said.out


def test_where_nothing_was_handed_in_that_is_said_once(run: Any, out: Path) -> None:
    results = tuple(
        CriterionResult(id, "D", Outcome.FAILED, 0.0, 2.0, message="nothing was handed in")
        for id in ("doubles", "other")
    )
    with Gradebook.open(out / "gradebook.sqlite") as book:
        run_id = book.start_run("double", {})
        gone = Verdict(
            "boris", "double", Status.UNREADABLE, 0.0, 2.0, 0.0, results, reason="nothing was handed in"
        )
        book.record(gone, f"{run_id} boris", run_id)
        book.end_run(run_id)
    said = run("diff", "previous", "newest", "--out", out).out
    assert "  boris  2 → 0 (\N{MINUS SIGN}2)  unreadable: nothing was handed in\n\n" in said
    assert "another notebook" not in said
    back = run("diff", "newest", "previous", "--out", out).out
    assert "  boris  0 → 2 (+2)  unreadable before: nothing was handed in\n" in back


def test_nothing_is_written_and_a_wrong_run_is_one_line(run: Any, out: Path) -> None:
    before = sorted(p.name for p in out.rglob("*"))
    said = run("diff", "newest", "20260101T000000Z-00000000", "--out", out)
    assert said.code == 2 and said.out == "" and said.err.count("\n") == 1
    assert "there is no run '20260101T000000Z-00000000'" in said.err
    assert sorted(p.name for p in out.rglob("*")) == before
