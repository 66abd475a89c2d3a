"""Where no gradebook can be, one line says so."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from torchgrade.errors import UsageError
from torchgrade.gradebook import Gradebook
from torchgrade.model import Verdict


def refusal(url: str | Path) -> str:
    with pytest.raises(UsageError) as told:
        Gradebook.open(url, wait_seconds=0.05)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_not_a_database(tmp_path: Path) -> None:
    (tmp_path / "grades.csv").write_text("student,points\n" * 100)
    assert "grades.csv: is not an SQLite database" in refusal(tmp_path / "grades.csv")


def test_a_folder_or_a_missing_one(tmp_path: Path) -> None:
    assert "is a folder; name a file in it" in refusal(tmp_path)
    assert "nowhere does not exist" in refusal(tmp_path / "nowhere" / "grades.db")
    assert "nowhere does not exist" in refusal(f"sqlite:///{tmp_path}/nowhere/grades.db")


def test_an_url_that_means_nothing() -> None:
    assert "the URL cannot be read" in refusal("://")
    assert "no driver for 'clay' is installed" in refusal("clay://tablet")


def test_a_password_is_not_repeated() -> None:
    assert "hunter2" not in refusal("clay://me:hunter2@host/grades")


def test_a_file_locked_by_another_program(tmp_path: Path) -> None:
    Gradebook.open(tmp_path / "grades.db").close()
    with closing(sqlite3.connect(tmp_path / "grades.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "in use by another program" in refusal(tmp_path / "grades.db")


def test_a_lock_that_comes_later_is_said_too(tmp_path: Path, verdict: Callable[..., Verdict]) -> None:
    with Gradebook.open(tmp_path / "grades.db", wait_seconds=0.05) as book:
        run = book.start_run("softmax", {})
        with closing(sqlite3.connect(tmp_path / "grades.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(UsageError, match="in use by another program"):
                book.record(verdict(), "k1", run)
        book.record(verdict(), "k1", run)
        assert book.verdicts(run) == [verdict()]


def test_a_read_only_file(tmp_path: Path) -> None:
    Gradebook.open(tmp_path / "grades.db").close()
    assert "read-only" in refusal(f"sqlite:///file:{tmp_path}/grades.db?mode=ro&uri=true")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_file_that_may_not_be_written(tmp_path: Path) -> None:
    Gradebook.open(tmp_path / "grades.db").close()
    (tmp_path / "grades.db").chmod(0o400)
    assert "read-only" in refusal(tmp_path / "grades.db")


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "grades.db"
    Gradebook.open(path).close()
    data = bytearray(path.read_bytes())
    data[100:4096] = os.urandom(4096 - 100)
    path.write_bytes(bytes(data))
    assert "is damaged" in refusal(path)


def test_a_reader_does_not_wait_for_the_writer(tmp_path: Path, verdict: Callable[..., Verdict]) -> None:
    with (
        Gradebook.open(tmp_path / "grades.db") as book,
        Gradebook.open(book.name, wait_seconds=0.05) as reader,
    ):
        run = book.start_run("softmax", {})
        with book._writing():
            assert [one.id for one in reader.runs()] == [run]


def test_memory_will_do(verdict: Callable[..., Verdict]) -> None:
    with Gradebook.open("sqlite://") as book:
        run = book.start_run("softmax", {})
        book.record(verdict(), "k1", run)
        assert book.verdicts(run) == [verdict()]


def test_an_open_gradebook_needs_neither_alembic_nor_torch(tmp_path: Path) -> None:
    Gradebook.open(tmp_path / "grades.db").close()
    program = (
        "import sys; from torchgrade.gradebook import Gradebook; Gradebook.open(sys.argv[1]).close();"
        "print(*sorted({'alembic', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "grades.db")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
