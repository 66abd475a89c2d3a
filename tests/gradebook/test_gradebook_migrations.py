"""The migrations lead to the tables of the code, one revision after the other."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from torchgrade.errors import UsageError
from torchgrade.gradebook import Gradebook, upgrade
from torchgrade.gradebook.schema import REVISION, REVISION_TABLE, metadata


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
    "v0002_room.py": "op.create_table('room', sa.Column('name', sa.Text()))",
    "v0003_faulty.py": "op.create_table('half', sa.Column('name', sa.Text()))\n    op.create_table('room')",
}


def test_each_migration_has_a_transaction_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = shutil.copytree(upgrade.MIGRATIONS, tmp_path / "migrations")
    for name, body in TWO_MORE.items():
        number = int(name[1:5])
        head = f"import sqlalchemy as sa\nfrom alembic import op\nrevision = '{number:04}'\n"
        source = f"{head}down_revision = '{number - 1:04}'\ndef upgrade():\n    {body}\n"
        (scripts / "versions" / name).write_text(source)
    monkeypatch.setattr(upgrade, "MIGRATIONS", scripts)
    with pytest.raises(UsageError, match="room already exists"):
        Gradebook.open(tmp_path / "grades.db")
    with closing(sqlite3.connect(tmp_path / "grades.db")) as plain:
        tables = {name for (name,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        stored = plain.execute(f"SELECT version_num FROM {REVISION_TABLE}").fetchall()
    assert {"verdict", "room"} <= tables and "half" not in tables
    assert stored == [("0002",)]


def test_two_programs_may_open_a_new_one_at_once(tmp_path: Path) -> None:
    program = "import sys; from torchgrade.gradebook import Gradebook; print(Gradebook.open(sys.argv[1]).runs())"
    command = [sys.executable, "-c", program, str(tmp_path / "grades.db")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [one.communicate()[0].strip() or one.communicate()[1] for one in both] == ["[]"] * 4
