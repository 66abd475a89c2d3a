"""What may cross the wall at all: array types, sizes, and the errors that say that something may not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]

#: Array types that may cross the wall, as numpy spells them (little endian).
DTYPES = frozenset(
    {"<f2", "<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "|u1", "|b1", "<c8", "<c16", "<u2", "<u4", "<u8"}
)


class WireError(Exception):
    """The bytes are not a frame, or a value may not cross the wall."""


class WireClosed(WireError):
    """The other side closed the stream."""


class WireTimeout(WireError):
    """No whole frame arrived before the deadline."""


@dataclass(frozen=True)
class WireLimits:
    """What a reader takes at most. Bytes unless named otherwise."""

    header_bytes: int = 4 << 20
    array_bytes: int = 128 << 20
    arrays: int = 4096
    dimensions: int = 16
    nodes: int = 100_000
    depth: int = 40


def span(shape: tuple[int, ...], itemsize: int) -> int:
    """Bytes of an array of this shape, empty dimensions counted as 1: numpy multiplies the others all the same."""
    return itemsize * math.prod(max(1, n) for n in shape)
