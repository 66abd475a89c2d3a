"""Random numbers that are the same on every machine and with every version of numpy.

numpy promises stable bits of its bit generators, not of the distributions on top; and sines and exponentials
differ in the last bit between processors. So the stand-ins are drawn from raw Philox bits with nothing but
additions, multiplications, divisions and comparisons, which IEEE 754 fixes to the last bit.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


class Draws:
    """Draws from a seed; ``about`` tells streams of one seed apart."""

    def __init__(self, seed: bytes, *about: object) -> None:
        import numpy as np

        key = hashlib.sha256(b"\0".join([seed, *(str(a).encode() for a in about)])).digest()
        self._np: Any = np
        self._bits = np.random.Philox(key=int.from_bytes(key[:16], "little"))

    def bytes(self, *shape: int) -> np.ndarray:
        """uint8, every value equally likely."""
        count = self._count(shape)
        raw = self._bits.random_raw((count + 7) // 8).astype("<u8", copy=False)
        return raw.view(self._np.uint8)[:count].reshape(shape)  # type: ignore[no-any-return]

    def uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
        """float32, at steps of 2^-24 of the range."""
        raw = self._bits.random_raw(self._count(shape)) >> self._np.uint64(40)
        unit = raw.astype(self._np.float32) * self._np.float32(2.0**-24)
        return (unit * self._np.float32(high - low) + self._np.float32(low)).reshape(shape)  # type: ignore[no-any-return]

    def bell(self, width: float, *shape: int) -> np.ndarray:
        """float32 with mean 0 and standard deviation ``width``: the sum of four bytes, close to a normal."""
        total = self.bytes(*shape).astype(self._np.float32)
        for _ in range(3):
            total += self.bytes(*shape)
        # A byte's variance is (256² - 1) / 12; four of them have a standard deviation of 147.8.
        return (total - self._np.float32(510.0)) * self._np.float32(width / 147.80054)  # type: ignore[no-any-return]

    def below(self, bound: int, *shape: int) -> np.ndarray:
        """int64 from 0 to bound - 1. The bias, below 2^-32, is nobody's concern."""
        raw = self._bits.random_raw(self._count(shape)) >> self._np.uint64(32)
        return ((raw * self._np.uint64(bound)) >> self._np.uint64(32)).astype(self._np.int64).reshape(shape)  # type: ignore[no-any-return]

    def order(self, count: int) -> np.ndarray:
        """A random order of 0 … count - 1."""
        return self._np.argsort(self._bits.random_raw(count), kind="stable")  # type: ignore[no-any-return]

    @staticmethod
    def _count(shape: tuple[int, ...]) -> int:
        count = 1
        for size in shape:
            count *= int(size)
        return count
