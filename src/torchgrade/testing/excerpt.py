"""Small windows on arrays, for the reader's eye: at most 8 rows by 10 columns of short numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from torchgrade.i18n import _
from torchgrade.model import Evidence
from torchgrade.testing.describe import dtype_text, number
from torchgrade.testing.look import plain

ROWS, COLUMNS = 8, 10


def excerpt(label: str, value: torch.Tensor, around: Sequence[int] = ()) -> Evidence:
    """The part of ``value`` that holds the element ``around``; the beginning where that is not given.

    The label tells which rows, columns and leading indices are shown whenever it is not the beginning.
    """
    bare = plain(value)
    index = tuple(around) if len(around) == bare.ndim else (0,) * bare.ndim
    table, leading = _table(bare, index)
    row, column = (0, *index)[-2:] if index else (0, 0)
    top, left = _start(table.shape[0], row, ROWS), _start(table.shape[1], column, COLUMNS)
    window = table[top : top + ROWS, left : left + COLUMNS]
    where = [_("index {numbers}").format(numbers=", ".join(map(str, leading)))] if any(leading) else []
    where += [_("rows from {number}").format(number=top)] if top else []
    where += [_("columns from {number}").format(number=left)] if left else []
    return Evidence(
        label=f"{label} ({', '.join(where)})" if where else label,
        shape=tuple(bare.shape),
        dtype=dtype_text(bare.dtype),
        rows=tuple(tuple(number(v) for v in r) for r in window.tolist()),
        cut=window.numel() < bare.numel(),
    )


def _table(value: torch.Tensor, index: tuple[int, ...]) -> tuple[torch.Tensor, tuple[int, ...]]:
    """The last two dimensions at ``index``, as a matrix, and the leading indices that were fixed."""
    if value.is_complex():
        value = value.abs()
    if value.ndim < 2:
        return value.reshape(1, -1), ()
    if 0 in value.shape:
        return value.new_zeros((0, 0)), ()
    leading = index[:-2]
    return value[leading] if leading else value, leading


def _start(size: int, wanted: int, shown: int) -> int:
    """Where a window of ``shown`` begins that holds ``wanted``; 0 as long as the beginning holds it."""
    return 0 if wanted < shown or size <= shown else min(wanted - shown // 2, size - shown)
