"""Values in a few words: what came back, said so that it fits in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from torchgrade.i18n import _

LONGEST = 90  # characters of one description
_SHOWN = 3  # items of a list that are described


def number(value: float) -> str:
    """A number in at most four significant digits; ``nan`` and ``inf`` as Python writes them."""
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e6 else f"{value:.4g}"


def index_text(index: Sequence[int]) -> str:
    """``[3, 7]``; the only element of a scalar is called the value itself."""
    return f"[{', '.join(map(str, index))}]" if index else _("the value itself")


def argument(number: int) -> str:
    """What an argument without a name is called."""
    return _("argument {number}").format(number=number)


def dtype_text(dtype: torch.dtype) -> str:
    """``float32`` rather than ``torch.float32``."""
    return str(dtype).removeprefix("torch.")


def describe(value: Any) -> str:
    """Say in one line, of at most ``LONGEST`` characters, what kind of value this is."""
    return _cut(_describe(value, deep=True), LONGEST)


def _describe(value: Any, *, deep: bool) -> str:
    if isinstance(value, torch.Tensor):
        return _("tensor {shape} {dtype}").format(shape=tuple(value.shape), dtype=dtype_text(value.dtype))
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        kind = type(value).__name__
        return f"{kind} {value!r}" if abs(value) < 1e15 else _("{type}, huge").format(type=kind)
    if isinstance(value, str | bytes):
        return f"{type(value).__name__} {_cut(repr(value[:60]), 40)}"
    if isinstance(value, dict):
        said = _("dict of {count} with keys {keys}") if deep and value else _("dict of {count}")
        return said.format(count=len(value), keys=_keys(value))
    if isinstance(value, list | tuple | set | frozenset):
        said = _("{type} of {count}").format(type=type(value).__name__, count=len(value))
        return said + (_items(value) if deep and value else "")
    return _("an object of type {type}").format(type=_cut(type(value).__name__, 40))


def _items(value: Any) -> str:
    shown = [_describe(item, deep=False) for item, _n in zip(value, range(_SHOWN), strict=False)]
    return f" ({', '.join(shown)}{', …' if len(value) > _SHOWN else ''})"


def _keys(value: dict[Any, Any]) -> str:
    shown = [_cut(repr(key), 24) for key, _n in zip(value, range(_SHOWN), strict=False)]
    return f"{', '.join(shown)}{', …' if len(value) > _SHOWN else ''}"


def _cut(text: str, limit: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
