"""What the wire's tests share: a value sent through a real frame, and a stream that is only bytes."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np

from torchgrade.wire import DTYPES, Decoder, Encoder, Frame, WireLimits, pack_header, receive_frame

LIMITS = WireLimits()


def arrays_pass(value: Any) -> Any:
    """The ``special`` of a side that knows arrays alone."""
    return value if isinstance(value, np.ndarray) else None


class Bytes:
    """A stream that holds these bytes and then ends, in parts of at most ``part`` bytes."""

    def __init__(self, data: bytes, part: int = 1 << 30) -> None:
        self.data, self.part, self.at = memoryview(data), part, 0

    def settimeout(self, _: float | None) -> None:
        """Nothing waits here."""

    def recv_into(self, view: memoryview) -> int:
        count = min(len(view), self.part, len(self.data) - self.at)
        view[:count] = self.data[self.at : self.at + count]
        self.at += count
        return count


def frame_bytes(value: Any, **fields: Any) -> bytes:
    """A whole frame, as an honest sender writes it."""
    encoder = Encoder(arrays_pass, LIMITS)
    node = encoder.encode(value)
    header = pack_header({**fields, "value": node}, encoder.arrays)
    return header + b"".join(a.tobytes() for a in encoder.arrays)


def raw_frame(header: Any, body: bytes = b"") -> bytes:
    """A frame with this header, JSON-like or already bytes."""
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<I", len(data)) + data + body


def read(data: bytes, limits: WireLimits = LIMITS) -> Frame:
    """The frame in these bytes. Raises WireError."""
    return receive_frame(Bytes(data), limits, 5.0)  # type: ignore[arg-type]


def round_trip(value: Any) -> Any:
    """``value`` after encoding, a frame and decoding."""
    frame = read(frame_bytes(value))
    return Decoder(frame.arrays, LIMITS).decode(frame.fields["value"])


def same(a: Any, b: Any) -> bool:
    """Equal in type and value all the way down; NaN is itself, and arrays agree in dtype, shape and bytes."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a), list(b)) and same(list(a.values()), list(b.values()))
    return bool(a == b)


def is_declared(value: Any) -> bool:
    """Whether a decoded value is of the kinds that the wire promises, and nothing else."""
    if isinstance(value, np.ndarray):
        return type(value) is np.ndarray and value.dtype.str in DTYPES
    if isinstance(value, str):
        return type(value) is str and value == value.encode("utf-8", "replace").decode()
    if type(value) in (list, tuple):
        return all(map(is_declared, value))
    if type(value) is dict:
        return all(is_declared(k) and is_declared(v) for k, v in value.items())
    if type(value) is int:
        return value.bit_length() <= 1023
    return value is None or type(value) in (bool, float)
