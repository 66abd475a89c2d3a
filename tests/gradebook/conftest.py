"""Verdicts and gradebooks for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from postgres_server import Server, find_initdb, running_server

from torchgrade.gradebook import Gradebook
from torchgrade.model import (
    CellReport,
    CriterionResult,
    Evidence,
    Limits,
    Outcome,
    Status,
    Verdict,
    Visibility,
)


def make_verdict(student: str = "ivanov", **changes: Any) -> Verdict:
    """A verdict with something in every field."""
    shown = Evidence("what came back", (2, 2), "float32", (("0.1", "0.9"), ("0.5", "0.5")), cut=True)
    rows_sum = CriterionResult("rows", "Rows sum to one", Outcome.PASSED, 2.0, 2.0, evidence=(shown,), seconds=0.1)
    hidden = CriterionResult(
        "stable",
        "Large inputs",
        Outcome.FAILED,
        0.0,
        1.0,
        True,
        Visibility.HIDDEN,
        "NaN came back",
        "Subtract.",
        (),
        "x=1000",
    )
    fields: dict[str, Any] = {
        "student": student,
        "assignment": "softmax",
        "status": Status.GRADED,
        "points": 2.0,
        "max_points": 2.0,
        "bonus": 0.0,
        "criteria": (rows_sum, hidden),
        "cells": (CellReport(0, "error", 0.2, "NameError", "name 'z' is not defined", 3),),
        "notes": ("A byte order mark was removed.",),
        "seconds": 0.31,
        "peak_memory_mb": 213.5,
        "seed": "5f1c",
        "digests": {"notebook": "sha256:" + student},
        "versions": {"torch": "2.13.0"},
        "limits": Limits(cell_seconds=5.0),
        "notebook": {"nbformat": 4, "cells": [{"source": "softmax(x)", "outputs": []}]},
    }
    return Verdict(**{**fields, **changes})


@pytest.fixture
def verdict() -> Callable[..., Verdict]:
    """The maker of verdicts."""
    return make_verdict


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A real PostgreSQL, ours alone."""
    pytest.importorskip("psycopg", reason="no driver: pip install 'torchgrade[postgres]'")
    initdb = find_initdb()
    if initdb is None:
        pytest.skip("no PostgreSQL server is installed here (Debian: apt-get install postgresql)")
    with running_server(initdb) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty gradebook can be made: a file, and a database of a server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'grades.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.url(server.new_database())


@pytest.fixture
def gradebook(place: str) -> Iterator[Gradebook]:
    """An empty gradebook, once of each kind."""
    with Gradebook.open(place) as opened:
        yield opened


@pytest.fixture
def in_a_file(tmp_path: Path) -> Iterator[Gradebook]:
    """An empty gradebook in an SQLite file, its name the file's path."""
    with Gradebook.open(tmp_path / "grades.db") as opened:
        yield opened
