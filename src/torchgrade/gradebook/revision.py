"""Which revision a database has, and the short way past Alembic when it is the newest."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from torchgrade.gradebook.place import writing
from torchgrade.gradebook.schema import REVISION, REVISION_TABLE


def ensure_newest(engine: Engine, name: str) -> None:
    """Bring a database to ``REVISION``; one that has it already costs a query. ``name`` is told in errors."""
    with writing(engine).begin() as db:
        stored = stored_revision(db)
        if stored is not None:  # a place that cannot be written is told of here, not after an hour of grading
            db.execute(text(f"DELETE FROM {REVISION_TABLE} WHERE 1 = 0"))  # noqa: S608 (our constant)
    if stored == REVISION:
        return
    from torchgrade.gradebook.upgrade import upgrade  # Alembic takes longer to import than all else here

    while True:
        try:
            upgrade(engine, stored, name)
            return
        except DBAPIError:
            # Programs may open a gradebook at once, and each migration is a transaction of its own: the slower one
            # finds a step made, and goes on from there. Where nobody else moved, it is a fault.
            with engine.connect() as db:
                before, stored = stored, stored_revision(db)
            if stored == REVISION:
                return
            if stored == before:
                raise


def stored_revision(db: Connection) -> str | None:
    """The revision of the tables that are there, or None in a database that has none."""
    if not inspect(db).has_table(REVISION_TABLE):
        return None
    found = db.scalar(text(f"SELECT version_num FROM {REVISION_TABLE}"))  # noqa: S608 (our constant)
    return None if found is None else str(found)
