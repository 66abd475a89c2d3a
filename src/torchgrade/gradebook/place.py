"""Where a gradebook lies: from a path or an URL to an open engine, and from a driver's fault to one line."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError

from torchgrade.errors import UsageError

_WRITES = "torchgrade_writes"
_ADVISORY_LOCK = 0x746F726368  # programs that share a database agree on numbers; this one spells "torch"
_ADVICE = {"postgresql": ": pip install 'torchgrade[postgres]', and begin the URL with postgresql+psycopg://"}

_SQLITE = {  # what SQLite says: what to tell the teacher
    "locked": "is in use by another program; wait for it to end, or close it, and run again",
    "readonly": "cannot be written: the file or its folder is read-only",
    "not a database": "is not an SQLite database; choose another file, or move this one away",
    "malformed": "is damaged; move it away and restore a copy of it",
    "unable to open": "cannot be opened; check that the folder exists and may be written",
    "full": "cannot be written: the disk is full",
}
_SERVER = {  # what PostgreSQL and its drivers say, the more exact first
    "password authentication failed": "the server refuses this name or password",
    "no password supplied": "the server asks for a password: postgresql+psycopg://name:password@host/database",
    "FATAL:  database": "there is no such database on the server; make it with createdb",
    "Connection refused": "no server answers there; is it started, and the port right?",
    "failed to resolve": "there is no server of that name",
    "timeout expired": "no server answers there",
    "lock timeout": "is in use by another program; wait for it to end, and run again",
    "permission denied": "this name may not make or write tables there; grant it USAGE and CREATE on the schema",
    "read-only transaction": "cannot be written: the server is read-only",
    "No space left": "cannot be written: the disk of the server is full",
    "terminating connection": "the server has ended the connection; run again when it is there",
    "closed the connection": "the server has ended the connection; run again when it is there",
    "invalid connection option": "the URL has an option that the driver does not know",
}


def locate(url: str | Path) -> URL:
    """The URL of a path or an URL. Raises UsageError where there can be no gradebook."""
    if isinstance(url, Path) or "://" not in url:
        _require_folder(Path(url))
        return URL.create("sqlite", database=str(url))
    try:
        place = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
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
    backend = place.get_backend_name()
    settings: dict[str, Any] = {"pool_pre_ping": True}  # a server may have ended a connection that was long idle
    if backend == "sqlite":
        settings = {"connect_args": {"timeout": wait_seconds}}
    elif backend == "postgresql" and "connect_timeout" not in place.query:
        settings["connect_args"] = {"connect_timeout": max(2, round(wait_seconds))}
    try:
        engine = create_engine(place, **settings)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        missing = f"no driver for {place.drivername!r} is installed{_ADVICE.get(backend, '')}"
        raise UsageError(f"gradebook {name_of(place)}: {missing}") from error
    if backend == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    elif backend == "postgresql":
        event.listen(engine, "begin", partial(_begin_postgresql, wait_seconds))
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


def _begin_postgresql(wait_seconds: float, connection: Connection) -> None:
    # As in SQLite there is one writer at a time: two that read first and write later would disagree over what
    # is there already. The lock is given back with the end of the transaction, however it ends.
    if connection.get_execution_options().get(_WRITES, False):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, round(1000 * wait_seconds))}")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")


@contextmanager
def told(name: str) -> Iterator[None]:
    """Turn what a place refuses (a lock, a full disk, a wrong password) into a UsageError of one line."""
    try:
        yield
    except DatabaseError as error:
        said = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "unknown fault"
        marks = _SQLITE if isinstance(error.orig, sqlite3.Error) else _SERVER
        words = next((words for mark, words in marks.items() if mark in said), "")
        # Its other subclasses (a constraint, a wrong statement) are faults of this package, not of the place.
        if not isinstance(error, OperationalError) and type(error) is not DatabaseError and not _refused(error):
            raise
        raise UsageError(f"gradebook {name}: {words or f'says: {said}'}") from error


def _refused(error: DatabaseError) -> bool:
    """What some drivers call a wrong statement though the place refuses it."""
    return any(mark in str(error.orig) for mark in ("permission denied", "invalid connection option"))
