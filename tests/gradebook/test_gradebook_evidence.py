"""Evidence of every kind comes out of the gradebook as it went in, also what an earlier version kept."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from torchgrade.gradebook import Gradebook
from torchgrade.model import Evidence, Verdict

ERRORS = Evidence(
    "relative error", (2,), "float64", (("w", "0.5", "1e-06"), ("b", "none", "1e-06")), kind="errors"
)


def with_errors(verdict: Verdict) -> Verdict:
    first, *others = verdict.criteria
    return replace(verdict, criteria=(replace(first, evidence=(ERRORS, *first.evidence)), *others))


def test_a_table_of_errors_comes_back_equal(gradebook: Gradebook, verdict: Callable[..., Verdict]) -> None:
    given = with_errors(verdict())
    run = gradebook.start_run("softmax", {})
    gradebook.record(given, "k1", run)
    assert gradebook.verdicts(run) == [given]


def test_evidence_that_was_kept_before_there_were_kinds_is_an_array(
    tmp_path: Path, verdict: Callable[..., Verdict]
) -> None:
    path = tmp_path / "grades.db"
    with Gradebook.open(path) as book:
        run = book.start_run("softmax", {})
        book.record(verdict(), "k1", run)
    forget_kinds(path)
    with Gradebook.open(path) as book:
        assert book.verdicts(run) == [verdict()]


def forget_kinds(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        for rowid, text in database.execute("select rowid, evidence from criterion_result").fetchall():
            shown = [{k: v for k, v in e.items() if k != "kind"} for e in json.loads(text)]
            database.execute(
                "update criterion_result set evidence = ? where rowid = ?", (json.dumps(shown), rowid)
            )
