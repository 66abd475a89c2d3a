"""The migrations lead to the tables of the code, one revision after the other."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from torchgrade.errors import UsageError
from torchgrade.gradebook import Gradebook, revision, rows, upgrade
from torchgrade.gradebook.schema import REVISION, REVISION_TABLE, metadata
from torchgrade.gradebook.verdict_tables import link, put, put_parts
from torchgrade.model import Verdict


def test_the_constant_is_the_newest_migration() -> None:
    assert upgrade.newest_revision() == REVISION


def test_revisions_are_numbered_in_order() -> None:
    scripts = list(ScriptDirectory(str(upgrade.MIGRATIONS)).walk_revisions())[::-1]
    assert [one.revision for one in scripts] == [f"{n:04}" for n in range(1, len(scripts) + 1)]
    assert all(Path(one.path).name.startswith(f"v{one.revision}_") for one in scripts)


def test_migrations_make_the_tables_of_the_code(gradebook: Gradebook) -> None:
    with gradebook._reading() as db:
        context = MigrationContext.configure(db, opts={"version_table": REVISION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_database_of_a_newer_torchgrade_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "grades.db"
    Gradebook.open(path).close()
    with closing(sqlite3.connect(path)) as plain:
        plain.execute(f"UPDATE {REVISION_TABLE} SET version_num = '0999'")
        plain.commit()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="newer torchgrade \\(revision 0999\\)"):
        Gradebook.open(path)
    assert path.read_bytes() == before


def test_a_migration_that_was_cut_off_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "grades.db"
    with closing(sqlite3.connect(path)) as plain:  # as left by a kill before the first migration was committed
        plain.execute(f"CREATE TABLE {REVISION_TABLE} (version_num VARCHAR(32) NOT NULL)")
    with Gradebook.open(path) as book:
        assert book.runs() == []


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "grades.db"
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("CREATE TABLE attempt (theirs TEXT)")  # the last table of the first migration
    with pytest.raises(UsageError, match="already exists"):
        Gradebook.open(path)
    with closing(sqlite3.connect(path)) as plain:
        tables = {name for (name,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables <= {"attempt", REVISION_TABLE}


TWO_MORE = {
    1: "op.create_table('room', sa.Column('name', sa.Text()))",
    2: "op.create_table('half', sa.Column('name', sa.Text()))\n    op.create_table('room')",
}


def test_each_migration_has_a_transaction_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = shutil.copytree(upgrade.MIGRATIONS, tmp_path / "migrations")
    for more, body in TWO_MORE.items():
        number = int(REVISION) + more
        head = f"import sqlalchemy as sa\nfrom alembic import op\nrevision = '{number:04}'\n"
        source = f"{head}down_revision = '{number - 1:04}'\ndef upgrade():\n    {body}\n"
        (scripts / "versions" / f"v{number:04}_more.py").write_text(source)
    monkeypatch.setattr(upgrade, "MIGRATIONS", scripts)
    with pytest.raises(UsageError, match="room already exists"):
        Gradebook.open(tmp_path / "grades.db")
    with closing(sqlite3.connect(tmp_path / "grades.db")) as plain:
        tables = {name for (name,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        stored = plain.execute(f"SELECT version_num FROM {REVISION_TABLE}").fetchall()
    assert {"verdict", "room"} <= tables and "half" not in tables
    assert stored == [(f"{int(REVISION) + 1:04}",)]


def test_what_a_gradebook_of_one_course_held_is_there_in_one_of_many(
    place: str, verdict: Callable[..., Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:  # what the first release made
        patched.setattr(upgrade, "_TARGET", "0001")
        patched.setattr(revision, "REVISION", "0001")
        book = Gradebook.open(place)
    row, lines = rows.split(verdict())
    for line in lines:  # columns of a later revision
        del line["mistake"], line["fingerprint"]
    with book, book._writing() as db:
        db.execute(text("INSERT INTO run VALUES ('r1', 'softmax', '2026-09-01 09:00:00', NULL, '{}')"))
        verdict_id = put(db, None, row | {"key": "k1", "created_at": datetime(2026, 9, 1)})
        put_parts(db, verdict_id, lines, rows.pack(verdict().notebook or {}))
        link(db, "r1", verdict_id)
        db.execute(text("INSERT INTO attempt VALUES ('softmax', 'ivanov', 3, 'd3', '2026-09-01 09:00:00.000000')"))
    for _ in range(2):  # migrated by the first, found so by the second
        with Gradebook.open(place) as book:
            assert [(run.id, run.course, run.verdicts) for run in book.runs()] == [("r1", "", 1)]
            assert book.verdicts("r1") == [verdict()]
            assert book.attempt_numbers("softmax", [("ivanov", "d3")], course="2026") == [3]
            assert book.last_digests("softmax", course="2026") == {"ivanov": verdict().digests}


def test_programs_may_open_a_new_one_at_once(place: str) -> None:
    program = "import sys; from torchgrade.gradebook import Gradebook; print(Gradebook.open(sys.argv[1]).runs())"
    command = [sys.executable, "-c", program, place]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [one.communicate()[0].strip() or one.communicate()[1] for one in both] == ["[]"] * 4
