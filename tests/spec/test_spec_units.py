"""Amounts with units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchgrade.spec.units import kibibytes, mebibytes, seconds


@pytest.mark.parametrize(
    ("written", "value"),
    [("20 s", 20), ("5 min", 300), ("1 h", 3600), ("250 ms", 0.25), ("1.5 min", 90), ("20s", 20)],
)
def test_times(written: str, value: float) -> None:
    assert seconds(written) == pytest.approx(value)


@pytest.mark.parametrize(
    ("written", "value"), [("2 GiB", 2048), ("256 MiB", 256), ("2048 KiB", 2), ("1.5 GiB", 1536)]
)
def test_sizes_in_mebibytes(written: str, value: int) -> None:
    assert mebibytes(written) == value


def test_sizes_in_kibibytes() -> None:
    assert kibibytes("1 MiB") == 1024


@pytest.mark.parametrize("bare", [20, 20.5, "20", 0])
def test_a_bare_number_is_told_the_units(bare: object) -> None:
    with pytest.raises(ValueError, match="needs a unit; allowed: ms, s, min, h"):
        seconds(bare)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("20 sec", "unknown unit 'sec'; allowed: ms, s, min, h"),
        ("5 mins", "did you mean 'min'"),
        ("-5 s", "must be a number with a unit"),
        ("nan s", "must be a number with a unit"),
        ("0 s", "must be more than 0"),
        ("soon", "must be a number with a unit"),
        (True, "must be a number with a unit"),
        (None, "must be a number with a unit"),
        (["5 s"], "must be a number with a unit"),
    ],
)
def test_wrong_times(wrong: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        seconds(wrong)


@pytest.mark.parametrize("wrong", ["1 KiB", "1.0001 MiB"])
def test_a_size_must_be_whole(wrong: str) -> None:
    with pytest.raises(ValueError, match="whole number of MiB, at least 1"):
        mebibytes(wrong)


@given(st.integers(1, 10**6), st.sampled_from(["MiB", "GiB"]))
def test_sizes_are_exact(count: int, unit: str) -> None:
    assert mebibytes(f"{count} {unit}") == count * {"MiB": 1, "GiB": 1024}[unit]
    assert kibibytes(f"{count} {unit}") == 1024 * mebibytes(f"{count} {unit}")
