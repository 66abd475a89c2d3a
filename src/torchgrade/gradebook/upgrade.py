"""Bring a database to the newest revision. Alone in importing Alembic, which an up-to-date one needs not."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine

from torchgrade.errors import UsageError
from torchgrade.gradebook.place import writing

MIGRATIONS = Path(__file__).parent / "migrations"
_TARGET = "head"


def newest_revision() -> str | None:
    """The head of the migration scripts."""
    head: str | None = ScriptDirectory.from_config(_config()).get_current_head()
    return head


def upgrade(engine: Engine, stored: str | None, name: str) -> None:
    """Run the migrations after ``stored``, each in a transaction of its own.

    Raises UsageError where this version of torchgrade does not know ``stored``.
    """
    config = _config()
    if stored is not None and not _knows(config, stored):
        raise UsageError(
            f"gradebook {name}: was written by a newer torchgrade (revision {stored}); install that version"
        )
    with writing(engine).connect() as connection:  # of two programs at once, one waits for the other
        config.attributes["connection"] = connection
        command.upgrade(config, _TARGET)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _knows(config: Config, revision: str) -> bool:
    try:
        return ScriptDirectory.from_config(config).get_revision(revision) is not None
    except CommandError:
        return False
