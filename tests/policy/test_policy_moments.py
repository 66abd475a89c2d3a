"""Moments as they are written, and days as the clock on the wall has them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from torchgrade.policy.moments import Span, days_begun, elapsed, hours_begun, later, span, written, zone_named

BERLIN = ZoneInfo("Europe/Berlin")  # 2026: forward on 29 March at 02:00, back on 25 October at 03:00
MOSCOW = ZoneInfo("Europe/Moscow")


def at(text: str) -> datetime:
    return written(text).at(None)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-01 23:59 Europe/Moscow", "2026-03-01 20:59:00"),
        ("2026-03-01 23:59:30 Europe/Moscow", "2026-03-01 20:59:30"),
        ("2026-03-01T23:59+03:00", "2026-03-01 20:59:00"),
        ("2026-03-01 23:59 +0300", "2026-03-01 20:59:00"),
        ("2026-03-01 23:59 -05:30", "2026-03-02 05:29:00"),
        ("2026-03-01T23:59:00Z", "2026-03-01 23:59:00"),
        ("2026-03-01 23:59 UTC", "2026-03-01 23:59:00"),
        ("2026-03-01 0:00 UTC", "2026-03-01 00:00:00"),
        ("2026-03-01 24:00 UTC", "2026-03-02 00:00:00"),  # the end of the day
        ("2026-12-31 24:00 UTC", "2027-01-01 00:00:00"),
        ("2028-02-28 24:00 UTC", "2028-02-29 00:00:00"),  # a leap year has one day more
        ("2026-02-28 24:00 UTC", "2026-03-01 00:00:00"),
        ("2028-02-29 12:00 Europe/Berlin", "2028-02-29 11:00:00"),
        ("2026-10-25 02:30 Europe/Berlin", "2026-10-25 01:30:00"),  # shown twice: the second
        ("2026-10-25 01:59 Europe/Berlin", "2026-10-24 23:59:00"),
        ("2026-03-29 03:00 Europe/Berlin", "2026-03-29 01:00:00"),
    ],
)
def test_a_moment_is_what_was_written(text: str, utc: str) -> None:
    assert at(text).astimezone(UTC) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("2026-03-01", "a date without a time"),
        (date(2026, 3, 1), "a date without a time"),
        ("tomorrow", "such as '2026-03-01 23:59 Europe/Moscow'"),
        (20260301, "such as"),
        (True, "such as"),
        (None, "such as"),
        ("", "such as"),
        ("2026-02-29 12:00 UTC", "there is no day 2026-02-29"),
        ("2026-13-01 12:00 UTC", "there is no day 2026-13-01"),
        ("2026-03-01 25:00 UTC", "there is no time 25:00"),
        ("2026-03-01 24:01 UTC", "there is no time 24:01"),
        ("2026-03-01 23:60 UTC", "there is no time 23:60"),
        ("0026-03-01 23:59 UTC", "the year 26 is not one of"),
        ("2026-03-01 23:59 Europe/Moskow", "no time zone 'Europe/Moskow'; did you mean 'Europe/Moscow'?"),
        ("2026-03-01 23:59 moscow", "did you mean 'Europe/Moscow'?"),
        ("2026-03-01 23:59 MSK", "no time zone 'MSK'; they are named like"),  # not Omsk
        ("2026-03-01 23:59 GMT+3", "did you mean '+03:00'?"),  # Etc/GMT+3 is three hours on the other side
        ("2026-03-01 23:59 utc-10", "did you mean '-10:00'?"),
        ("2026-03-01 23:59 GMT3", "no time zone 'GMT3'; they are named like"),
        ("2026-03-01 23:59 ../../etc/passwd", "no time zone"),
        ("2026-03-01 23:59 Europe", "no time zone 'Europe'"),
        ("2026-03-01 23:59 +25:00", "there is no offset +25:00"),
    ],
)
def test_what_is_no_moment_is_told(value: object, told: str) -> None:
    with pytest.raises(ValueError) as caught:
        written(value)
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_yaml_reads_some_moments_by_itself() -> None:
    assert written(datetime(2026, 3, 1, 23, 59)).zone is None
    aware = datetime(2026, 3, 1, 23, 59, tzinfo=timezone(timedelta(hours=3)))
    assert written(aware).at(BERLIN) == aware


def test_a_moment_without_a_zone_takes_the_one_that_is_given_or_is_refused() -> None:
    assert written("2026-03-01 23:59").at(MOSCOW) == at("2026-03-01 23:59 Europe/Moscow")
    with pytest.raises(ValueError, match="without a zone"):
        written("2026-03-01 23:59").at(None)


@pytest.mark.parametrize("text", ["2026-03-29 02:00", "2026-03-29 02:30", "2026-03-29 02:59:59"])
def test_a_time_that_the_clock_passes_over_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="does not exist in Europe/Berlin"):
        written(text).at(BERLIN)


def test_hours_are_those_that_pass() -> None:
    due = at("2026-03-29 01:30 Europe/Berlin")
    assert [hours_begun(due, due + timedelta(microseconds=n)) for n in (0, 1)] == [0, 1]
    assert hours_begun(due, at("2026-03-29 03:30 Europe/Berlin")) == 1, "the clock says two"
    assert hours_begun(due, at("2026-03-29 03:31 Europe/Berlin")) == 2
    assert hours_begun(due, due - timedelta(days=1)) == 0
    autumn = at("2026-10-25 01:30 Europe/Berlin")
    assert hours_begun(autumn, at("2026-10-25 03:30 Europe/Berlin")) == 3


@pytest.mark.parametrize(
    ("due", "same_time"),
    [
        ("2026-06-01 23:59 Europe/Berlin", "2026-06-02 23:59 Europe/Berlin"),
        ("2026-03-28 23:59 Europe/Berlin", "2026-03-29 23:59 Europe/Berlin"),  # 23 hours
        ("2026-10-24 23:59 Europe/Berlin", "2026-10-25 23:59 Europe/Berlin"),  # 25 hours
        ("2028-02-28 12:00 Europe/Berlin", "2028-02-29 12:00 Europe/Berlin"),
        ("2028-02-29 12:00 Europe/Berlin", "2028-03-01 12:00 Europe/Berlin"),
        ("2026-02-28 12:00 Europe/Berlin", "2026-03-01 12:00 Europe/Berlin"),
        ("2026-12-31 23:59 Europe/Berlin", "2027-01-01 23:59 Europe/Berlin"),
        ("2026-03-28 02:30 Europe/Berlin", "2026-03-29 03:30 Europe/Berlin"),  # 02:30 is passed over
        ("2026-10-24 02:30 Europe/Berlin", "2026-10-25 02:30 Europe/Berlin"),  # the second 02:30
    ],
)
def test_a_day_lasts_until_the_clock_shows_the_same_again(due: str, same_time: str) -> None:
    begin, end = at(due), at(same_time)
    assert days_begun(begin, later(end, 0)) == 1
    assert days_begun(begin, later(end, 0.001)) == 2
    assert days_begun(begin, later(begin, 0.001)) == 1
    assert days_begun(begin, begin) == 0
    assert elapsed(Span(1).after(begin), end) == 0


def test_the_zone_in_which_something_was_handed_in_does_not_matter() -> None:
    due = at("2026-03-28 23:59 Europe/Berlin")
    there = at("2026-03-29 23:59 Europe/Berlin").astimezone(ZoneInfo("America/New_York"))
    assert days_begun(due, there) == 1


def test_many_days_are_counted() -> None:
    assert days_begun(at("2026-01-01 12:00 Europe/Berlin"), at("2027-01-01 12:00 Europe/Berlin")) == 365
    assert days_begun(at("2028-01-01 12:00 Europe/Berlin"), at("2029-01-01 12:01 Europe/Berlin")) == 367


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("15 min", Span(0, 900)),
        ("36 h", Span(0, 36 * 3600)),
        ("1.5h", Span(0, 5400)),
        ("2 d", Span(2)),
        ("1 w", Span(7)),
        ("2 days", Span(2)),
        ("1 hour", Span(0, 3600)),
        ("15 minutes", Span(0, 900)),
        ("0 min", Span()),
    ],
)
def test_a_span_is_what_was_written(text: str, found: Span) -> None:
    assert span(text) == found


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (15, "needs a unit"),
        ("15", "needs a unit"),
        ("2 months", "there is no unit 'months'; units: s, min, h, d, w"),
        ("1.5 d", "write hours"),
        ("-1 d", "must be a time"),
        ("999999 w", "longer than ten years"),
        (None, "must be a time"),
    ],
)
def test_what_is_no_span_is_told(value: object, told: str) -> None:
    with pytest.raises(ValueError) as caught:
        span(value)
    assert told in str(caught.value)


def test_a_zone_may_be_an_offset() -> None:
    assert zone_named("+05:30").utcoffset(None) == timedelta(hours=5, minutes=30)
