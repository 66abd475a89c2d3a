"""Plain values over a byte stream: a JSON header and raw array bytes. No pickle in either direction.

A frame is ``u32 header length (little endian) | header | array bytes…``. The header is a JSON object with
the sender's fields, and ``arrays``: a list of ``[dtype, shape, nbytes]`` in the order of the bytes that
follow. A value is a tree of the tagged nodes that ``Encoder`` writes and ``Decoder`` reads.

Both sides of the wall use this module, so it knows numpy and the standard library alone. The reader
believes nothing: sizes are checked against its limits before memory is taken.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
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


# --- values ------------------------------------------------------------------------------------------------


class Encoder:
    """Turns a value into JSON nodes and a list of arrays.

    ``special`` is asked for each value that is not a plain one; it returns a numpy array, a ``Reference``,
    a ``Plain`` or None (not known).
    """

    def __init__(self, special: Callable[[Any], Array | Reference | Plain | None], limits: WireLimits) -> None:
        self.special, self.limits = special, limits
        self.arrays: list[Array] = []
        self.array_bytes = 0
        self.nodes = 0

    def encode(self, value: Any, depth: int = 0) -> Any:
        """The node of ``value``. Raises WireError for a value of another type or too large a one."""
        self.nodes += 1
        if depth > self.limits.depth or self.nodes > self.limits.nodes:
            raise WireError("the value is nested too deeply or has too many parts")
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return _int_node(value)
        if kind is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if kind is str:
            return _text_node(value, self.limits)
        if kind in (list, tuple):
            return {kind.__name__: [self.encode(v, depth + 1) for v in value]}
        if kind is dict:
            return {"dict": [[self.encode(part, depth + 1) for part in item] for item in value.items()]}
        found = self.special(value)
        if found is None:
            raise WireError(f"a value of type {kind.__name__} cannot be handed over")
        if isinstance(found, Plain):
            return self.encode(found.value, depth + 1)
        return {"handle": found.id} if isinstance(found, Reference) else self._array(found)

    def _array(self, array: Array) -> Any:
        if array.dtype.str not in DTYPES:
            raise WireError(f"an array of dtype {array.dtype} cannot be handed over")
        self.array_bytes += array.nbytes
        if self.array_bytes > self.limits.array_bytes or len(self.arrays) >= self.limits.arrays:
            raise WireError(f"the arrays are too large: over {self.limits.array_bytes >> 20} MiB")
        if array.ndim > self.limits.dimensions:
            raise WireError(f"an array of {array.ndim} dimensions cannot be handed over")
        if _span(array.shape, array.itemsize) > self.limits.array_bytes:
            raise WireError(f"an array of shape {array.shape} cannot be handed over")
        # ascontiguousarray() would make a 0-d array 1-d.
        self.arrays.append(array if array.flags.c_contiguous else np.ascontiguousarray(array))
        return {"array": len(self.arrays) - 1}


@dataclass(frozen=True)
class Plain:
    """A plain value that stands for another one: ``tuple`` for ``torch.Size``, ``float`` for ``numpy.float64``."""

    value: Any


@dataclass(frozen=True)
class Reference:
    """Stands for an object that stays on its side of the wall."""

    id: int


#: Integers of more bits are written as text; those of still more do not cross.
_BARE_BITS, _INTEGER_BITS = 53, 1024


def _int_node(value: int) -> Any:
    if value.bit_length() > _INTEGER_BITS:
        raise WireError(f"an integer of more than {_INTEGER_BITS} bits cannot be handed over")
    return value if value.bit_length() <= _BARE_BITS else {"int": str(value)}


def _text_node(value: str, limits: WireLimits) -> str:
    if len(value) > limits.header_bytes // 8:
        raise WireError("a string is too long to be handed over")
    if not _is_text(value):
        raise WireError("a string that is not valid Unicode cannot be handed over")
    return value


def _is_text(value: str) -> bool:
    """Half a surrogate pair is a Python string, but no file and no page could hold it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _span(shape: tuple[int, ...], itemsize: int) -> int:
    """Bytes of an array of this shape, empty dimensions counted as 1: numpy multiplies the others all the same."""
    return itemsize * math.prod(max(1, n) for n in shape)


class Decoder:
    """Turns nodes back into a value. Every node is checked; what is not of the form raises WireError."""

    def __init__(
        self,
        arrays: list[Array],
        limits: WireLimits,
        array: Callable[[Array], Any] = lambda a: a,
        handle: Callable[[int], Any] | None = None,
    ) -> None:
        self.arrays, self.limits, self.array, self.handle = arrays, limits, array, handle
        self.nodes = 0

    def decode(self, node: Any, depth: int = 0) -> Any:
        """The value of ``node``. Raises WireError."""
        self.nodes += 1
        if depth > self.limits.depth or self.nodes > self.limits.nodes:
            raise WireError("a value is nested too deeply or has too many parts")
        if node is None or isinstance(node, bool):
            return node
        if isinstance(node, str):
            if not _is_text(node):
                raise WireError("a string that is not valid Unicode")
            return node
        if isinstance(node, int):
            if node.bit_length() > _BARE_BITS:
                raise WireError("a bare integer that is too large")
            return node
        if isinstance(node, float):
            if not math.isfinite(node):
                raise WireError("a bare number that is not finite")
            return node
        if not isinstance(node, dict) or len(node) != 1:
            raise WireError("a value is not of the agreed form")
        ((tag, body),) = node.items()
        reader = _READERS.get(tag)
        if reader is None:
            raise WireError("a value is not of the agreed form")
        return reader(self, body, depth)

    def _items(self, body: Any) -> list[Any]:
        if not isinstance(body, list):
            raise WireError("a list is not of the agreed form")
        return body

    def _list(self, body: Any, depth: int) -> list[Any]:
        return [self.decode(v, depth + 1) for v in self._items(body)]

    def _tuple(self, body: Any, depth: int) -> tuple[Any, ...]:
        return tuple(self._list(body, depth))

    def _dict(self, body: Any, depth: int) -> dict[Any, Any]:
        out: dict[Any, Any] = {}
        for pair in self._items(body):
            if not isinstance(pair, list) or len(pair) != 2:
                raise WireError("a dict is not of the agreed form")
            key, value = (self.decode(part, depth + 1) for part in pair)
            try:
                out[key] = value
            except TypeError:
                raise WireError("a dict key is not hashable") from None
        return out

    def _array(self, body: Any, depth: int) -> Any:
        if type(body) is not int or not 0 <= body < len(self.arrays):
            raise WireError("an array is named that did not come")
        return self.array(self.arrays[body])

    def _handle(self, body: Any, depth: int) -> Any:
        if type(body) is not int or not 0 <= body < 1 << 31 or self.handle is None:
            raise WireError("an object is named that is not known")
        return self.handle(body)

    def _int(self, body: Any, depth: int) -> int:
        if not isinstance(body, str) or len(body) > 320:
            raise WireError("an integer is not of the agreed form")
        try:
            value = int(body)
        except ValueError:
            raise WireError("an integer is not of the agreed form") from None
        if value.bit_length() > _INTEGER_BITS:
            raise WireError("an integer is too large")
        return value

    def _float(self, body: Any, depth: int) -> float:
        if body not in ("nan", "inf", "-inf"):
            raise WireError("a number is not of the agreed form")
        return float(body)


_READERS: dict[str, Callable[[Decoder, Any, int], Any]] = {
    "list": Decoder._list,
    "tuple": Decoder._tuple,
    "dict": Decoder._dict,
    "array": Decoder._array,
    "handle": Decoder._handle,
    "int": Decoder._int,
    "float": Decoder._float,
}


# --- frames ------------------------------------------------------------------------------------------------


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
    if type(nbytes) is not int or nbytes != size or _span(tuple(shape), itemsize) > limits.array_bytes:
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
