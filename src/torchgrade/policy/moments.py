"""Moments and spans of time as teachers write them: with a zone, and with days as the clock on the wall has them.

Every function that reads text raises ValueError whose words are for the person who wrote it.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

EXAMPLE = "2026-03-01 23:59 Europe/Moscow"

_MOMENT = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"([T ]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(:(?P<second>\d{2}))?)?"
    r"\s*(?P<zone>\S.*)?"
)
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})?")
_FROM_UTC = re.compile(r"(?:UTC|GMT)(?P<sign>[+-])(?P<hours>\d{1,2})", re.IGNORECASE)
_SHORT = re.compile(r"[A-Z]{1,5}\d*")  # MSK: a name that looks like it says nothing
_SPAN = re.compile(r"(?P<number>\d{1,6}(\.\d{1,3})?)\s*(?P<unit>[A-Za-z]*)")
_YEARS = (2000, 2200)
_LONGEST = 3660 * 86_400.0

#: Units of a span: whole days on the wall, or seconds that pass.
_DAYS = {"d": 1, "w": 7}
_SECONDS = {"s": 1, "min": 60, "h": 3600}
_WORDS = {"second": "s", "sec": "s", "minute": "min", "hour": "h", "day": "d", "week": "w"}


@dataclass(frozen=True)
class Written:
    """A moment as it was written. ``zone`` is None where the text names none."""

    naive: datetime
    zone: tzinfo | None = None

    def at(self, zone: tzinfo | None) -> datetime:
        """The moment, in the zone that it names or else in ``zone``.

        Of a time that the clock shows twice it is the second.
        Raises ValueError where there is no zone, or where the clock passes the time over.
        """
        found = self.zone or zone
        if found is None:
            raise ValueError(
                f"a time without a zone; write one, such as '{EXAMPLE}', or `policy: zone:` in course.yaml"
            )
        moment = self.naive.replace(tzinfo=found, fold=1)
        if moment.astimezone(UTC).astimezone(found).replace(tzinfo=None, fold=0) != self.naive:
            raise ValueError(f"{self.naive:%Y-%m-%d %H:%M} does not exist in {found}: the clocks go forward there")
        return moment


@dataclass(frozen=True)
class Span:
    """``days`` by the clock on the wall, then ``seconds`` that pass."""

    days: int = 0
    seconds: float = 0.0

    def after(self, moment: datetime) -> datetime:
        """The moment that lies this span after ``moment``, in its zone."""
        return later(_same_clock(moment, self.days), self.seconds)

    def __bool__(self) -> bool:
        return bool(self.days or self.seconds)


def later(moment: datetime, seconds: float) -> datetime:
    """So many seconds that pass after ``moment``, in its zone, whatever the clocks do meanwhile."""
    return (moment.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(moment.tzinfo)


def elapsed(begin: datetime, end: datetime) -> float:
    """Seconds that pass from one moment to the other. Subtraction alone would read the clocks on the wall."""
    return (end.astimezone(UTC) - begin.astimezone(UTC)).total_seconds()


def hours_begun(begin: datetime, end: datetime) -> int:
    """How many hours have begun at ``end``: none at ``begin`` itself, one from then to 60 min later."""
    seconds = elapsed(begin, end)
    return 0 if seconds <= 0 else -int(-seconds // 3600)


def days_begun(begin: datetime, end: datetime) -> int:
    """How many days have begun at ``end``: none at ``begin`` itself.

    A day lasts until the clock in the zone of ``begin`` shows the same time again: 23 or 25 hours where it is put
    forward or back.
    """
    if elapsed(begin, end) <= 0:
        return 0
    days = max(int(elapsed(begin, end) // 86_400) - 1, 1)
    while elapsed(_same_clock(begin, days), end) > 0:
        days += 1
    return days


def _same_clock(moment: datetime, days: int) -> datetime:
    """The same time on the wall ``days`` later: the second of two; what is passed over comes as much after."""
    if not days:
        return moment
    wall = (moment + timedelta(days=days)).replace(fold=1)
    there = wall.astimezone(UTC).astimezone(wall.tzinfo)
    if there.replace(tzinfo=None) == wall.replace(tzinfo=None):
        return wall
    return wall.replace(fold=0).astimezone(UTC).astimezone(wall.tzinfo)


def written(value: object) -> Written:
    """What a course file says: ``2026-03-01 23:59 Europe/Moscow``, ISO with an offset, or without a zone."""
    if isinstance(value, datetime):  # YAML reads some of them by itself
        return Written(value.replace(tzinfo=None), value.tzinfo)
    if isinstance(value, date):
        raise ValueError(f"a date without a time; write one, such as '{EXAMPLE}'")
    match = _MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"must be a date, a time and a zone, such as '{EXAMPLE}'")
    if match["hour"] is None:
        raise ValueError(f"a date without a time; write one, such as '{EXAMPLE}'")
    return Written(_naive(match), zone_named(match["zone"].strip()) if match["zone"] else None)


def _naive(match: re.Match[str]) -> datetime:
    try:
        day = date.fromisoformat(match["date"])
    except ValueError:
        raise ValueError(f"there is no day {match['date']}") from None
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise ValueError(f"the year {day.year} is not one of {_YEARS[0]} to {_YEARS[1]}")
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    if (hour, minute, second) == (24, 0, 0):  # the end of the day
        return datetime(day.year, day.month, day.day) + timedelta(days=1)
    try:
        return datetime(day.year, day.month, day.day, hour, minute, second)
    except ValueError:
        shown = f"{hour}:{minute:02}" + (f":{second:02}" if second else "")
        raise ValueError(f"there is no time {shown}; the end of a day is 23:59 or 24:00") from None


def zone_named(name: str) -> tzinfo:
    """``Europe/Moscow``, ``UTC``, ``Z`` or ``+03:00``. Raises ValueError with the nearest name that there is."""
    if name in ("Z", "UTC"):
        return UTC
    if match := _OFFSET.fullmatch(name):
        hours, minutes = int(match["hours"]), int(match["minutes"] or 0)
        if hours > 14 or minutes > 59:
            raise ValueError(f"there is no offset {name}; they go from -12:00 to +14:00")
        offset = timedelta(hours=hours, minutes=minutes)
        return timezone(-offset if match["sign"] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone '{name[:60]}'{_nearest_zone(name)}") from None


def _nearest_zone(name: str) -> str:
    known = _zones()
    if not known:
        return " on this machine, which has no list of zones: `pip install tzdata`"
    if match := _FROM_UTC.fullmatch(name):
        return f"; did you mean '{match['sign']}{int(match['hours']):02}:00'?"
    near = [] if _SHORT.fullmatch(name) else difflib.get_close_matches(name.casefold(), known, 1)
    return f"; did you mean '{known[near[0]]}'?" if near else "; they are named like Europe/Moscow, UTC or +03:00"


@cache
def _zones() -> dict[str, str]:
    """By the name in small letters, and by the city alone."""
    listed = {zone for zone in available_timezones() if not zone.startswith("Etc/")}  # Etc/GMT+3 is -03:00
    names = sorted(listed, key=lambda zone: (zone.count("/") != 1, zone))
    found = {zone.casefold(): zone for zone in names}
    for zone in names:
        found.setdefault(zone.rpartition("/")[2].casefold(), zone)
    return found


def span(value: object) -> Span:
    """``15 min``, ``36 h``, ``2 d``, ``1 w``: days and weeks are those of the clock on the wall."""
    allowed = ", ".join((*_SECONDS, *_DAYS))
    match = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        wrong = "needs a unit" if is_number else "must be a time"
        raise ValueError(f"{wrong}, such as '15 min' or '2 d'; units: {allowed}")
    number, word = float(match["number"]), match["unit"]
    unit = _WORDS.get(word.removesuffix("s"), word)
    if unit not in _SECONDS and unit not in _DAYS:
        wrong = f"there is no unit '{unit}'" if unit else "needs a unit"
        raise ValueError(f"{wrong}; units: {allowed}")
    if number * _SECONDS.get(unit, 86_400 * _DAYS.get(unit, 0)) > _LONGEST:
        raise ValueError("is longer than ten years")
    if unit in _SECONDS:
        return Span(0, number * _SECONDS[unit])
    if number != int(number):
        raise ValueError("days and weeks are counted whole; write hours, such as '36 h'")
    return Span(int(number) * _DAYS[unit])
