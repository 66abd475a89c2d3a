"""Likenesses of answers whose shape is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

import torch

from torchgrade.i18n import _, plural
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
        return Look("dims-of-one", _("has the right values, but its dimension of size 1 is in the wrong place"))
    if extra > 0:
        safe = _("has the right values, but too many dimensions of size 1")
        text = plural(
            "has the right values, but {count} dimension of size 1 too many",
            "has the right values, but {count} dimensions of size 1 too many",
            extra,
        )
    else:
        safe = _("has the right values, but too few dimensions of size 1")
        text = plural(
            "has the right values, but {count} dimension of size 1 too few",
            "has the right values, but {count} dimensions of size 1 too few",
            -extra,
        )
    return Look("dims-of-one", text.format(count=abs(extra)), safe)


def permuted(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """The right values with the dimensions in another order; a matrix is then called transposed."""
    if got.ndim != expected.ndim or not 2 <= got.ndim <= _MOST_DIMS or sorted(got.shape) != sorted(expected.shape):
        return None
    for order in permutations(range(got.ndim)):
        if order != tuple(range(got.ndim)) and same(got.permute(order), expected):
            return Look("transposed", _("looks transposed") if got.ndim == 2 else _order_text(order))
    return None


def _order_text(order: Sequence[int]) -> str:
    said = _("has its dimensions in another order: permute{order} would put them right")
    return said.format(order=tuple(order))


def flattened(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """The right values in the right order under another shape."""
    if got.numel() != expected.numel() or got.numel() < 3 or not same(got.reshape(-1), expected.reshape(-1)):
        return None
    if got.ndim == 1:
        return Look("flattened", _("has the right values in the right order, but is flattened"))
    return Look(
        "flattened",
        _("has the right values in the right order, but another shape (a view or reshape too many?)"),
    )


def reduced(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """The right answer, but summed or averaged at the end; or the sum or mean that is asked not taken yet."""
    if got.numel() < expected.numel() and distribution_dim(expected) is None:
        how = _reduction(expected, got)
        said = _("looks like the right one {how} at the end")
        return Look("reduced", said.format(how=how)) if how else None
    if got.numel() > expected.numel():
        how = _reduction(got, expected)
        said = _("looks right but for the last step: it is not {how} yet")
        return Look("not-reduced", said.format(how=how)) if how else None
    return None


def _reduction(whole: torch.Tensor, part: torch.Tensor) -> str:
    """How ``part`` comes from ``whole``, e.g. "averaged over dimension 1"; empty if it does not."""
    if whole.numel() < 3:
        return ""
    flat = part.reshape(-1)
    for how, everything, along in (
        ("sum", _("summed over everything"), _("summed over dimension {dim}")),
        ("mean", _("averaged over everything"), _("averaged over dimension {dim}")),
    ):
        if same(flat, REDUCTIONS[how](whole.reshape(-1), 0).reshape(-1)):
            return everything
        for dim in range(whole.ndim):
            less = REDUCTIONS[how](whole, dim).reshape(-1)
            if less.numel() > 1 and not constant(less) and same(flat, less):
                return along.format(dim=dim)
    return ""


def one_item(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """Only the first or the last item of the batch."""
    if expected.ndim < 2 or len(expected) < 2 or got.numel() != expected[0].numel() or got.numel() < 2:
        return None
    flat = got.reshape(-1)
    if same(flat, expected[0].reshape(-1)):
        return Look("one-item", _("holds the right values of the first row alone (a return inside the loop?)"))
    if same(flat, expected[-1].reshape(-1)):
        return Look(
            "one-item", _("holds the right values of the last row alone (is each row overwritten by the next?)")
        )
    return None


def broadcast(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """An (N, N) table where N values are expected: a column met a row."""
    n = expected.numel()
    if n < 3 or got.shape != (n, n) or not same(got.diagonal(), expected.reshape(-1)):
        return None
    text = _("is a square table with the right values on its diagonal: a column (N, 1) met a row (N,)")
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
            text = _("looks like the {how} over dimension {wrong}, where dimension {right} is asked")
            safe = _("looks like the {how} over the other dimension").format(how=_noun(how))
            return Look("other-dimension", text.format(how=_noun(how), wrong=wrong, right=right), safe)
    return None


def _noun(how: str) -> str:
    """What a reduction gives."""
    return {"sum": _("sum"), "mean": _("mean"), "maximum": _("maximum"), "minimum": _("minimum")}[how]


def _squeezed(a: torch.Tensor) -> tuple[int, ...]:
    return tuple(size for size in a.shape if size != 1)
