"""Likenesses of answers whose shape is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

import torch

from torchgrade.testing.describe import plural
from torchgrade.testing.look import Look, constant, distribution_dim, same

_MOST_DIMS = 4  # 24 orders of dimensions at most are tried

REDUCTIONS: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {
    "sum": lambda a, d: a.sum(d),
    "mean": lambda a, d: a.mean(d),
    "maximum": lambda a, d: a.amax(d),
    "minimum": lambda a, d: a.amin(d),
}


def dims_of_one(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """The right values, but with dimensions of size 1 too many or too few."""
    if _squeezed(got) != _squeezed(expected) or not same(got.reshape(expected.shape), expected):
        return None
    extra = got.ndim - expected.ndim
    if extra == 0:
        return Look("dims-of-one", "has the right values, but its dimension of size 1 is in the wrong place")
    what, few = plural(abs(extra), "dimension"), "many" if extra > 0 else "few"
    safe = f"has the right values, but too {few} dimensions of size 1"
    return Look("dims-of-one", f"has the right values, but {what} of size 1 too {few}", safe)


def permuted(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """The right values with the dimensions in another order; a matrix is then called transposed."""
    if got.ndim != expected.ndim or not 2 <= got.ndim <= _MOST_DIMS or sorted(got.shape) != sorted(expected.shape):
        return None
    for order in permutations(range(got.ndim)):
        if order != tuple(range(got.ndim)) and same(got.permute(order), expected):
            return Look("transposed", "looks transposed" if got.ndim == 2 else _order_text(order))
    return None


def _order_text(order: Sequence[int]) -> str:
    return f"has its dimensions in another order: permute{tuple(order)} would put them right"


def flattened(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """The right values in the right order under another shape."""
    if got.numel() != expected.numel() or got.numel() < 3 or not same(got.reshape(-1), expected.reshape(-1)):
        return None
    if got.ndim == 1:
        return Look("flattened", "has the right values in the right order, but is flattened")
    return Look(
        "flattened",
        "has the right values in the right order, but another shape (a view or reshape too many?)",
    )


def reduced(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """The right answer, but summed or averaged at the end; or the sum or mean that is asked not taken yet."""
    if got.numel() < expected.numel() and distribution_dim(expected) is None:
        how = _reduction(expected, got)
        return Look("reduced", f"looks like the right one {how} at the end") if how else None
    if got.numel() > expected.numel():
        how = _reduction(got, expected)
        return Look("not-reduced", f"looks right but for the last step: it is not {how} yet") if how else None
    return None


def _reduction(whole: torch.Tensor, part: torch.Tensor) -> str:
    """How ``part`` comes from ``whole``, e.g. "averaged over dimension 1"; empty if it does not."""
    if whole.numel() < 3:
        return ""
    flat = part.reshape(-1)
    for how, word in (("sum", "summed"), ("mean", "averaged")):
        if same(flat, REDUCTIONS[how](whole.reshape(-1), 0).reshape(-1)):
            return f"{word} over everything"
        for dim in range(whole.ndim):
            less = REDUCTIONS[how](whole, dim).reshape(-1)
            if less.numel() > 1 and not constant(less) and same(flat, less):
                return f"{word} over dimension {dim}"
    return ""


def one_item(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """Only the first or the last item of the batch."""
    if expected.ndim < 2 or len(expected) < 2 or got.numel() != expected[0].numel() or got.numel() < 2:
        return None
    flat = got.reshape(-1)
    if same(flat, expected[0].reshape(-1)):
        return Look("one-item", "holds the right values of the first row alone (a return inside the loop?)")
    if same(flat, expected[-1].reshape(-1)):
        return Look(
            "one-item", "holds the right values of the last row alone (is each row overwritten by the next?)"
        )
    return None


def broadcast(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """An (N, N) table where N values are expected: a column met a row."""
    n = expected.numel()
    if n < 3 or got.shape != (n, n) or not same(got.diagonal(), expected.reshape(-1)):
        return None
    text = "is a square table with the right values on its diagonal: a column (N, 1) met a row (N,)"
    return Look("broadcast", text)


def other_reduction(got: torch.Tensor, expected: torch.Tensor, given: torch.Tensor) -> Look | None:
    """A sum, mean, maximum or minimum of the input over another dimension than the expected one."""
    if given.ndim < 2 or given.ndim > _MOST_DIMS or given.numel() < 4:
        return None
    found, wanted = got.squeeze(), expected.squeeze()
    for how, reduce in REDUCTIONS.items():
        right = next((d for d in range(given.ndim) if same(reduce(given, d).squeeze(), wanted)), None)
        if right is None:
            continue
        wrong = next(
            (d for d in range(given.ndim) if d != right and same(reduce(given, d).squeeze(), found)), None
        )
        if wrong is not None:
            text = f"looks like the {how} over dimension {wrong}, where dimension {right} is asked"
            return Look("other-dimension", text, f"looks like the {how} over the other dimension")
    return None


def _squeezed(a: torch.Tensor) -> tuple[int, ...]:
    return tuple(size for size in a.shape if size != 1)
