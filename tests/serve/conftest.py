"""A small course with a gradebook, and the server before it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.extend(str(Path(__file__).parents[1] / folder) for folder in ("grading", "feedback", "gradebook"))

from serving import COURSE, RUBRIC, TOKEN, Client, make_verdict, record
from small_course import add_assignment, write_course

from torchgrade.gradebook import Decisions, Gradebook
from torchgrade.serve.desk import Desk
from torchgrade.spec import load_course


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The course."""
    return add_assignment(write_course(tmp_path / "course"), rubric=RUBRIC)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Gradebook]:
    """A gradebook with the verdicts of anna and boris."""
    with Gradebook.open(tmp_path / "gradebook.sqlite") as opened:
        record(opened, make_verdict("anna"), make_verdict("boris"))
        yield opened


@pytest.fixture
def mine(book: Gradebook) -> Decisions:
    """The teachers' part of it."""
    return Decisions(book, COURSE)


@pytest.fixture
def desk(root: Path, book: Gradebook, tmp_path: Path) -> Desk:
    """What the pages work on."""
    return Desk(book, load_course(root, only=""), tmp_path / "out", "frau lehrerin")


@pytest.fixture
def stranger(desk: Desk) -> Client:
    """A browser that has shown no token."""
    pytest.importorskip("starlette", reason="pip install 'torchgrade[serve]'")
    from torchgrade.serve.app import make_app
    from torchgrade.serve.door import Hosts, Keys

    keys = Keys(TOKEN)
    return Client(make_app(desk, keys, Hosts.of(("localhost", "127.0.0.1", "::1"), 8000)), keys)


@pytest.fixture
def client(stranger: Client) -> Client:
    """A teacher's browser."""
    return stranger.enter()
