"""Jupyter messages from a kernel that may be hostile: which of them are of the protocol's form.

The protocol: https://jupyter-client.readthedocs.io/en/stable/messaging.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

#: Kinds that may become an output of a cell.
OUTPUTS = frozenset({"stream", "display_data", "execute_result", "update_display_data", "error"})

#: In the metadata of an output message of the guest's: so much was left out that the cell should be stopped.
FLOOD = "torchgrade_flood"


#: Values in one message, at most: read, each takes fifty times the two bytes that it may have.
PARTS = 500_000
#: How deep an output may be nested.
_DEPTH = 40
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def unpack(raw: bytes | memoryview) -> Any:
    """What the JSON of a message says. Raises ValueError where it is none, and where it is of too many parts."""
    data = bytes(raw)
    if _has_too_many_parts(data):
        raise ValueError("a message of too many parts")
    return json.loads(data.decode("utf-8", "replace"))


def _has_too_many_parts(data: bytes) -> bool:
    if _marks(data, 0, len(data)) <= PARTS:
        return False
    count = end = 0
    while count <= PARTS and (start := data.find(b'"', end)) >= 0:
        count += 1 + _marks(data, end, start)
        if (string := _STRING.match(data, start)) is None:
            return False  # never closed: the parser stops here, too
        end = string.end()  # what stands inside strings takes no more than it has
    return count + _marks(data, end, len(data)) > PARTS


def _marks(data: bytes, start: int, end: int) -> int:
    return sum(data.count(mark, start, end) for mark in (b",", b":", b"[", b"{", b'"'))


def tells_flood(msg: dict[str, Any]) -> bool:
    """Whether the guest says so. A student who says it too stops no cell but their own."""
    metadata = msg.get("metadata")
    return isinstance(metadata, dict) and metadata.get(FLOOD) is True


def is_sound(msg: Any) -> bool:
    """Whether a message has the fields that its kind needs, of the right types; unknown kinds are not."""
    if not isinstance(msg, dict):
        return False
    kind, content = msg.get("msg_type"), msg.get("content")
    if not isinstance(kind, str) or not isinstance(content, dict):
        return False
    if not _is_count(content.get("execution_count")) or not _is_transient(content.get("transient")):
        return False
    check = _CHECKS.get(kind)
    return kind.startswith("comm") or (check is not None and check(content))


def _is_count(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value < 1 << 31)


def _is_transient(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict) and isinstance(value.get("display_id", ""), (str, type(None)))
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(v, str) for v in value))


def _status(content: dict[str, Any]) -> bool:
    return isinstance(content.get("execution_state"), str)


def _stream(content: dict[str, Any]) -> bool:
    return content.get("name") in ("stdout", "stderr") and isinstance(content.get("text"), str)


def _display(content: dict[str, Any]) -> bool:
    data, metadata = content.get("data"), content.get("metadata")
    if not isinstance(data, dict) or not isinstance(metadata, dict):
        return False
    if not _is_shallow(data) or not _is_shallow(metadata):
        return False
    return all(_is_text(v) or kind.endswith("json") for kind, v in data.items())


def _is_shallow(value: Any) -> bool:
    """Outputs go through other processes as JSON, and each of them has its own limit of recursion."""
    level = [value]
    for _ in range(_DEPTH):
        inner = [v.values() if isinstance(v, dict) else v for v in level if isinstance(v, (dict, list))]
        if not inner:
            return True
        level = [v for values in inner for v in values]
    return False


def _error(content: dict[str, Any]) -> bool:
    named = isinstance(content.get("ename"), str) and isinstance(content.get("evalue"), str)
    return named and isinstance(content.get("traceback"), list) and _is_text(content["traceback"])


def _clear(content: dict[str, Any]) -> bool:
    return isinstance(content.get("wait"), bool)


def _anything(_: dict[str, Any]) -> bool:
    return True


_CHECKS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "status": _status,
    "stream": _stream,
    "display_data": _display,
    "execute_result": _display,
    "update_display_data": _display,
    "error": _error,
    "clear_output": _clear,
    "execute_input": _anything,
}
