"""Where a gradebook lies: from a path or an URL to an open engine, and from a driver's fault to one line."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError

from torchgrade.errors import UsageError

_WRITES = "torchgrade_writes"

_IN_WORDS = {  # what SQLite says: what to tell the teacher
    "locked": "is in use by another program; wait for it to end, or close it, and run again",
    "readonly": "cannot be written: the file or its folder is read-only",
    "not a database": "is not an SQLite database; choose another file, or move this one away",
    "malformed": "is damaged; move it away and restore a copy of it",
    "unable to open": "cannot be opened; check that the folder exists and may be written",
    "full": "cannot be written: the disk is full",
}


def locate(url: str | Path) -> URL:
    """The URL of a path or an URL. Raises UsageError where there can be no gradebook."""
    if isinstance(url, Path) or "://" not in url:
        _require_folder(Path(url))
        return URL.create("sqlite", database=str(url))
    try:
        place = make_url(url)
    except ArgumentError:
        raise UsageError("gradebook: the URL cannot be read; expected such as sqlite:///grades.db") from None
    if place.get_backend_name() == "sqlite" and place.database and not place.database.startswith("file:"):
        _require_folder(Path(place.database))
    return place


def _require_folder(path: Path) -> None:
    if str(path) == ":memory:":
        return
    if path.is_dir():
        raise UsageError(f"gradebook {path}: is a folder; name a file in it, such as {path / 'gradebook.db'}")
    if not path.parent.is_dir():
        raise UsageError(f"gradebook {path}: the folder {path.parent} does not exist")


def name_of(place: URL) -> str:
    """The place as told to the reader, without its password."""
    if place.get_backend_name() == "sqlite" and place.database:
        return place.database
    return place.render_as_string(hide_password=True)


def connect(place: URL, wait_seconds: float) -> Engine:
    """An engine that waits ``wait_seconds`` for a lock. Raises UsageError where the driver is missing."""
    is_sqlite = place.get_backend_name() == "sqlite"
    try:
        engine = create_engine(place, connect_args={"timeout": wait_seconds} if is_sqlite else {})
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise UsageError(f"gradebook {name_of(place)}: no driver for {place.drivername!r} is installed") from error
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def writing(engine: Engine) -> Engine:
    """The same engine, whose transactions are there to write."""
    return engine.execution_options(**{_WRITES: True})


def _prepare_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    # The driver would begin transactions by its own rules, and none before CREATE TABLE: we begin them.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")  # a reader does not stop the writer
    connection.execute("PRAGMA synchronous = FULL")  # a recorded verdict survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later may find itself behind another writer and fail at once;
    # one that says from the start that it writes waits for its turn.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def told(name: str) -> Iterator[None]:
    """Turn what a place refuses (a lock, a full disk, a damaged file) into a UsageError of one line."""
    try:
        yield
    except DatabaseError as error:
        # Its other subclasses (a constraint, a wrong statement) are faults of this package, not of the place.
        if not isinstance(error, OperationalError) and type(error) is not DatabaseError:
            raise
        said = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "unknown fault"
        words = next((words for mark, words in _IN_WORDS.items() if mark in said), f"says: {said}")
        raise UsageError(f"gradebook {name}: {words}") from error
