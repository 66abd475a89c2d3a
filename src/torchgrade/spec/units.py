"""Amounts with units, as course files write them: "20 s", "5 min", "2 GiB".

Every function takes what YAML gave and raises ValueError whose text is for the person who wrote the file.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping

SECONDS: Mapping[str, float] = {"ms": 0.001, "s": 1, "min": 60, "h": 3600}
BYTES: Mapping[str, float] = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

_AMOUNT = re.compile(r"\s*(?P<number>\d{1,12}(\.\d{1,6})?)\s*(?P<unit>\S*)\s*")


def seconds(value: object) -> float:
    """Seconds in a time such as ``"20 s"`` or ``"5 min"``."""
    return _amount(value, SECONDS, "20 s")


def mebibytes(value: object) -> int:
    """Whole MiB in a size such as ``"2 GiB"``."""
    return _whole(_amount(value, BYTES, "256 MiB"), "MiB")


def kibibytes(value: object) -> int:
    """Whole KiB in a size such as ``"1 MiB"``."""
    return _whole(_amount(value, BYTES, "1 MiB"), "KiB")


def _amount(value: object, units: Mapping[str, float], example: str) -> float:
    allowed = ", ".join(units)
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"needs a unit; allowed: {allowed} (such as '{example}')")
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"must be a number with a unit, such as '{example}'; allowed units: {allowed}")
    number, unit = float(match["number"]), match["unit"]
    if not unit:
        raise ValueError(f"needs a unit; allowed: {allowed} (such as '{example}')")
    if unit not in units:
        near = difflib.get_close_matches(unit, units, n=1)
        meant = f"; did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"unknown unit '{unit}'; allowed: {allowed}{meant}")
    if number == 0:
        raise ValueError("must be more than 0")
    return number * units[unit]


def _whole(size: float, unit: str) -> int:
    count = size / BYTES[unit]
    if count < 1 or not math.isclose(count, round(count), rel_tol=1e-9):
        raise ValueError(f"must be a whole number of {unit}, at least 1")
    return round(count)
