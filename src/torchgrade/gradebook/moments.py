"""Moments in the tables: in UTC and without a zone, because databases differ over time zones."""

from __future__ import annotations

from datetime import UTC, datetime


def stored(moment: datetime) -> datetime:
    """A moment, which has a zone, as a column keeps it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def aware(moment: datetime) -> datetime:
    """The moment of a column, with its zone again."""
    return moment.replace(tzinfo=UTC)
