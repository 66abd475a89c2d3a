"""Frames on a stream: a length, a JSON header, the bytes of arrays. Sizes are checked before memory is taken."""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from torchgrade.wire.limits import DTYPES, Array, WireClosed, WireError, WireLimits, WireTimeout, span


@dataclass(frozen=True)
class Frame:
    """One message: the sender's fields, and the arrays that belong to it."""

    fields: dict[str, Any]
    arrays: list[Array]


def pack_header(fields: dict[str, Any], arrays: list[Array]) -> bytes:
    """Length and header of a frame; the arrays' bytes follow it in order. Raises WireError."""
    listed = [[a.dtype.str, list(a.shape), a.nbytes] for a in arrays]
    header = json.dumps({**fields, "arrays": listed}, allow_nan=False).encode("ascii")
    if len(header) > WireLimits.header_bytes:  # a string may grow twelvefold in JSON
        raise WireError("the value is too large to be handed over")
    return struct.pack("<I", len(header)) + header


def send_frame(stream: socket.socket, fields: dict[str, Any], arrays: list[Array], timeout: float) -> None:
    """Send one frame. Raises WireClosed, WireTimeout, or WireError, with nothing sent, when it is too large."""
    deadline = time.monotonic() + timeout
    _send_all(stream, memoryview(pack_header(fields, arrays)), deadline)
    for array in arrays:
        if array.size:
            _send_all(stream, _bytes_of(array), deadline)


def _send_all(stream: socket.socket, data: memoryview, deadline: float) -> None:
    while data:
        left = deadline - time.monotonic()
        if left <= 0:
            raise WireTimeout("the other side does not read")
        try:
            stream.settimeout(left)
            data = data[stream.send(data[: 1 << 20]) :]
        except TimeoutError:
            raise WireTimeout("the other side does not read") from None
        except OSError as error:
            raise WireClosed(str(error)) from None


def receive_frame(stream: socket.socket, limits: WireLimits, timeout: float | None) -> Frame:
    """Read one frame. Raises WireClosed, WireTimeout, or WireError when the bytes are not a frame."""
    deadline = None if timeout is None else time.monotonic() + timeout
    (length,) = struct.unpack("<I", _receive_exactly(stream, 4, deadline))
    if length > limits.header_bytes:
        raise WireError("a header is too long")
    header = parse_header(bytes(_receive_exactly(stream, length, deadline)), limits)
    arrays = [_receive_array(stream, a, deadline) for a in header.pop("arrays")]
    return Frame(header, arrays)


def parse_header(data: bytes, limits: WireLimits) -> dict[str, Any]:
    """The checked header: ``arrays`` in it is a list of (numpy dtype, shape, nbytes). Raises WireError."""
    try:
        header = json.loads(data.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise WireError("a header is not JSON") from None
    if not isinstance(header, dict) or not isinstance(header.get("arrays"), list):
        raise WireError("a header is not of the agreed form")
    if len(header["arrays"]) > limits.arrays:
        raise WireError("too many arrays")
    header["arrays"] = [_check_array(a, limits) for a in header["arrays"]]
    if sum(a[2] for a in header["arrays"]) > limits.array_bytes:
        raise WireError(f"the arrays are too large: over {limits.array_bytes >> 20} MiB")
    return header


def _refuse_constant(_: str) -> Any:
    raise ValueError("a bare NaN or infinity")


def _check_array(listed: Any, limits: WireLimits) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    if not isinstance(listed, list) or len(listed) != 3:
        raise WireError("an array is not of the agreed form")
    dtype, shape, nbytes = listed
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise WireError("an array has a dtype that is not allowed")
    if not isinstance(shape, list) or len(shape) > limits.dimensions:
        raise WireError("an array has a shape that is not allowed")
    if not all(type(n) is int and 0 <= n < 1 << 48 for n in shape):
        raise WireError("an array has a shape that is not allowed")
    itemsize = np.dtype(dtype).itemsize
    size = math.prod(shape) * itemsize
    if type(nbytes) is not int or nbytes != size or span(tuple(shape), itemsize) > limits.array_bytes:
        raise WireError("an array's size does not fit its shape, or is too large")
    return np.dtype(dtype), tuple(shape), nbytes


def _receive_array(
    stream: socket.socket, listed: tuple[np.dtype[Any], tuple[int, ...], int], deadline: float | None
) -> Array:
    dtype, shape, nbytes = listed
    array: Array = np.empty(shape, dtype)
    if nbytes:
        _receive_into(stream, _bytes_of(array), deadline)
    if dtype.kind == "b":  # any byte but 0 and 1 would be an undefined bool
        flat = array.view(np.uint8)
        np.minimum(flat, 1, out=flat)
    return array


def _bytes_of(array: Array) -> memoryview:
    flat: Any = array.reshape(-1).view(np.uint8)
    return memoryview(flat)


def _receive_exactly(stream: socket.socket, count: int, deadline: float | None) -> bytearray:
    data = bytearray(count)
    _receive_into(stream, memoryview(data), deadline)
    return data


def _receive_into(stream: socket.socket, view: memoryview, deadline: float | None) -> None:
    while view:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise WireTimeout("no answer in time")
        try:
            stream.settimeout(left)
            count = stream.recv_into(view)
        except TimeoutError:
            raise WireTimeout("no answer in time") from None
        except OSError as error:
            raise WireClosed(str(error)) from None
        if count == 0:
            raise WireClosed("the other side closed the stream")
        view = view[count:]
