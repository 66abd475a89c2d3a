"""Jupyter messages from a kernel that may be hostile: which of them are of the protocol's form.

The protocol: https://jupyter-client.readthedocs.io/en/stable/messaging.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: Kinds that may become an output of a cell.
OUTPUTS = frozenset({"stream", "display_data", "execute_result", "update_display_data", "error"})

#: In the metadata of an output message of the guest's: so much was left out that the cell should be stopped.
FLOOD = "torchgrade_flood"


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
    return all(_is_text(v) or kind.endswith("json") for kind, v in data.items())


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
