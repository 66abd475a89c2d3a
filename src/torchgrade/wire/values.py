"""Values as JSON nodes and arrays: written by one side, believed by neither."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from torchgrade.wire.limits import DTYPES, Array, WireError, WireLimits, span


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
        if span(array.shape, array.itemsize) > self.limits.array_bytes:
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


#: Integers of more bits are written as text; those of still more do not cross: each that does is a float, too.
_BARE_BITS, _INTEGER_BITS = 53, 1023
#: Keys of a dict that have one hash are compared with each other: of thousands, each with all.
_KEYS_OF_ONE_HASH = 16


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
        hashes: Counter[int] = Counter()
        for pair in self._items(body):
            if not isinstance(pair, list) or len(pair) != 2:
                raise WireError("a dict is not of the agreed form")
            key, value = (self.decode(part, depth + 1) for part in pair)
            try:
                hashes[(found := hash(key))] += 1
            except TypeError:
                raise WireError("a dict key is not hashable") from None
            if hashes[found] > _KEYS_OF_ONE_HASH:
                raise WireError("too many keys of a dict have the same hash")
            out[key] = value
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
