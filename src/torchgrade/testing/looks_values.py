"""Likenesses of answers that have the right shape and wrong values."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from torchgrade.i18n import _, plural
from torchgrade.testing.describe import index_text, number
from torchgrade.testing.look import Look, constant, different, distribution_dim, same, varied

_ROUNDED_TO = (1, 2, 3, 4)  # decimals

#: name, dtype, relative error of one rounding (doubled: the student may round twice), and the smallest step
_PRECISIONS = (
    ("float32", torch.float32, 2.0**-22, 1e-44),
    ("float16", torch.float16, 2.0**-9, 2.0**-23),
    ("bfloat16", torch.bfloat16, 2.0**-6, 1e-38),
)


def not_finite(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """NaN or infinity where a finite number is expected: how many, and where first."""
    wrong = ~got.isfinite() & expected.isfinite()
    count = int(wrong.sum())
    if count == 0:
        return None
    nan = int((got.isnan() & wrong).sum())
    what = "NaN" if nan == count else _("infinity") if nan == 0 else _("NaN or infinity")
    if count == got.numel():
        return Look("not-finite", (_("is {what} everywhere") if count > 1 else _("is {what}")).format(what=what))
    first = index_text(wrong.nonzero()[0].tolist())
    text = _("is {what} in {count} of {total} places, first at {first}")
    return Look(
        "not-finite",
        text.format(what=what, count=count, total=got.numel(), first=first),
        _("is {what} in places").format(what=what),
    )


def lower_precision(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """The right values, computed or rounded too coarsely."""
    if got.numel() < 2:
        return None
    error = (got - expected).abs()
    for name, dtype, relative, step in _PRECISIONS:
        coarse = bool((expected.to(dtype).double() != expected).sum() * 2 > expected.numel())
        exact = bool((got.to(dtype).double() == got).all())
        if coarse and exact and bool((error <= relative * expected.abs() + step).all()):
            text = _("has the right values in {dtype} precision only")
            return Look("lower-precision", text.format(dtype=name))
    if different(got) < 3:
        return None
    return next((look for d in _ROUNDED_TO if (look := _rounded(got, expected, error, d))), None)


def _rounded(got: torch.Tensor, expected: torch.Tensor, error: torch.Tensor, decimals: int) -> Look | None:
    step = 10.0**-decimals
    slack = 1e-6 * got.abs() + 1e-9
    on_grid = bool(((got - got.round(decimals=decimals)).abs() <= slack).all())
    off_grid = (expected - expected.round(decimals=decimals)).abs() > 1e-3 * step
    if on_grid and bool((error <= 0.501 * step + slack).all()) and int(off_grid.sum()) * 2 > expected.numel():
        text = plural(
            "has the right values rounded to {count} decimal",
            "has the right values rounded to {count} decimals",
            decimals,
        )
        return Look("lower-precision", text.format(count=decimals))
    return None


def flat(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """All zeros, or all the same number."""
    if got.numel() < 2 or constant(expected):
        return None
    if not bool(got.any()):
        return Look("zeros", _("is all zeros"))
    if constant(got):
        value = number(float(got.reshape(-1)[0]))
        text = _("is {number} everywhere, whatever the input").format(number=value)
        return Look("constant", text, _("is the same number everywhere"))
    return None


def the_input(got: torch.Tensor, inputs: Iterable[torch.Tensor]) -> Look | None:
    """An input handed back."""
    if got.numel() > 1 and any(same(got, given) for given in inputs):
        return Look("input", _("is the input itself, unchanged"))
    return None


def function_of(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """The right answer under one more function: sign, reciprocal, logarithm, exponential, square, root."""
    if same(-got, expected):
        return Look("opposite-sign", _("is the right one with the opposite sign"))
    for kind, made, text in (
        ("reciprocal", expected.reciprocal(), _("is the reciprocal (1 divided by it) of the right one")),
        ("log", expected.log(), _("is the logarithm of the right one")),
        ("exp", expected.exp(), _("is exp of the right one")),
        ("one-minus", 1 - expected, _("is 1 minus the right one")),
        ("absolute", expected.abs(), _("is the right one without its signs")),
        ("squared", expected.square(), _("is the square of the right one")),
        ("root", expected.sqrt(), _("is the square root of the right one")),
    ):
        if same(got, made):
            return Look(kind, text)
    return None


def activation(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """An activation too many at the end, or the last one missing."""
    if got.numel() < 2:
        return None
    if same(got.sigmoid(), expected):
        return Look("before-sigmoid", _("is what should go through the sigmoid still"))
    for kind, made in (("sigmoid", expected.sigmoid()), ("tanh", expected.tanh())):
        if same(got, made):
            return Look(kind, _("is the right one with one more {kind} on top").format(kind=kind))
    if int((expected > 0).sum()) > 2 and same(got, expected.relu()):
        return Look("relu", _("is the right one with its negative numbers cut to 0 (a ReLU at the end?)"))
    return _softmax(got, expected)


def _softmax(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    dim, other = distribution_dim(expected), distribution_dim(got)
    if dim is not None and same(got.softmax(dim), expected):
        return Look("before-softmax", _("is what should go through softmax still"))
    if other is not None and same(got, expected.softmax(other)):
        return Look("softmax", _("is the softmax of the right one"))
    return None


def constant_factor(got: torch.Tensor, expected: torch.Tensor, inputs: Iterable[torch.Tensor]) -> Look | None:
    """One factor for all values; told as "a sum for a mean" where it is a size of the input or the answer."""
    power = float((expected * expected).sum())
    factor = float((got * expected).sum()) / power if power > 0 else 0.0
    if factor == 0 or not same(got, factor * expected):
        return None
    size = _size_near(abs(factor), (expected, *inputs))
    # A distribution is neither a sum nor a mean: 100 times too large there are percents, whatever is 100 long.
    if size is not None and factor > 0 and distribution_dim(expected) is None:
        return _sum_for_mean(size) if factor > 1 else _mean_for_sum(size)
    if got.numel() < 3 and not any(abs(abs(factor) - k) < 1e-3 * k for k in (0.5, 2.0)):
        return None
    text = _("is {number} times the right one everywhere").format(number=number(factor))
    return Look("factor", text, _("is off by one factor everywhere"))


def _sum_for_mean(size: int) -> Look:
    text = _("is {count} times the right one, as if a sum stands where a mean is asked")
    safe = _("is off by one factor, as if a sum stands where a mean is asked")
    return Look("factor", text.format(count=size), safe)


def _mean_for_sum(size: int) -> Look:
    text = _("is 1/{count} of the right one, as if a mean stands where a sum is asked")
    safe = _("is off by one factor, as if a mean stands where a sum is asked")
    return Look("factor", text.format(count=size), safe)


def _size_near(factor: float, tensors: tuple[torch.Tensor, ...]) -> int | None:
    sizes = {n for t in tensors for n in (*t.shape, t.numel()) if n > 2}
    ratio = factor if factor > 1 else 1 / factor
    return next((n for n in sorted(sizes) if abs(ratio - n) <= 1e-3 * n), None)


def additive(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """One number added to all values."""
    shift = float((got - expected).mean())
    spread = float(expected.max() - expected.min())
    if got.numel() < 3 or spread == 0:
        return None
    if float((got - expected - shift).abs().max()) > 1e-4 * min(abs(shift), spread):
        return None
    if shift > 0:
        text = _("is {number} more than the right one everywhere")
        safe = _("is more than the right one by the same number everywhere")
    else:
        text = _("is {number} less than the right one everywhere")
        safe = _("is less than the right one by the same number everywhere")
    return Look("additive", text.format(number=number(abs(shift))), safe)


def other_order(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """The right values in the wrong places: reversed, rows mixed up, sorted, or shuffled."""
    if got.numel() < 3 or not varied(expected):
        return None
    for dim in range(got.ndim):
        if got.shape[dim] > 1 and same(got.flip(dim), expected):
            text = _("has the right values in reverse order along dimension {dim}")
            return Look("reversed", text.format(dim=dim))
    if got.ndim > 1 and len(got) > 1 and _rows_mixed(got, expected):
        return Look("rows-mixed", _("has the right rows in another order"))
    for dim in range(got.ndim):
        if got.shape[dim] > 1 and same(got.sort(dim).values, expected.sort(dim).values):
            text = _("has the right values in another order along dimension {dim}")
            return Look("other-order", text.format(dim=dim))
    if same(got.reshape(-1).sort().values, expected.reshape(-1).sort().values):
        return Look("other-order", _("has the right values in other places"))
    return None


def _rows_mixed(got: torch.Tensor, expected: torch.Tensor) -> bool:
    """Rows brought into the order of their first values must agree as a whole."""
    found, wanted = got.reshape(len(got), -1), expected.reshape(len(expected), -1)
    if found.shape[1] < 2:
        return False
    return same(found[found[:, 0].argsort()], wanted[wanted[:, 0].argsort()])
