"""Moments as people write them: never without a zone, since a deadline without one is another for everybody."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from torchgrade.errors import UsageError
from torchgrade.policy.moments import Written

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]+(\d\d:\d\d(?::\d\d)?)\s*(\S*))?")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_EXAMPLE = "2026-11-01T23:59+03:00 or '2026-11-01 23:59 Europe/Moscow'"


def moment(text: str, what: str) -> datetime:
    """A day, a time and a zone. ``what``: how an error calls it. Raises UsageError."""
    match = _MOMENT.fullmatch(text.strip())
    if match is None or match[2] is None:
        raise UsageError(f"{what} {text}: is not a day with a time and a zone; write {_EXAMPLE}")
    try:
        naive = datetime.fromisoformat(f"{match[1]}T{match[2]}")
    except ValueError as e:
        raise UsageError(f"{what} {text}: there is no such day or time ({e})") from None
    if not match[3]:
        raise UsageError(f"{what} {text}: says no time zone; write {_EXAMPLE}")
    found = with_zone(naive, match[3])
    if found is None:
        raise UsageError(f"{what} {text}: there is no time zone '{match[3]}'; write {_EXAMPLE}")
    try:
        return Written(naive, found.tzinfo).at(None)  # as `due` is read where clocks are put forward or back
    except ValueError as e:
        raise UsageError(f"{what} {text}: {e}") from None


def with_zone(naive: datetime, zone: str) -> datetime | None:
    """``zone``: UTC, an offset, or a name of the tz database; None for any other, of which PST is one."""
    if zone in ("UTC", "GMT", "Z"):
        return naive.replace(tzinfo=UTC)
    try:
        if offset := _OFFSET.fullmatch(zone):
            size = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
            return naive.replace(tzinfo=timezone(size if offset[1] == "+" else -size))
        return naive.replace(tzinfo=ZoneInfo(zone)) if "/" in zone else None
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None


def shown_moment(at: datetime) -> str:
    """As messages say it: to the minute, with its zone."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
