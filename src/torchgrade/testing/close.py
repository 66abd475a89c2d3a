"""Comparisons that explain themselves: to the student with values, for hidden criteria without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
import torch

from torchgrade.i18n import _, english, plural
from torchgrade.model import Evidence
from torchgrade.testing.describe import describe, dtype_text, index_text, number
from torchgrade.testing.excerpt import excerpt
from torchgrade.testing.look import Look, plain
from torchgrade.testing.looks import Inputs, find_look
from torchgrade.testing.outcomes import ComparisonFailure


class Mismatch(ComparisonFailure):
    """A failed comparison that knows its ``kind``: which test failed, and what the answer looked like."""

    def __init__(
        self, message: str, *, kind: tuple[str, ...], safe: str = "", evidence: tuple[Evidence, ...] = ()
    ) -> None:
        super().__init__(message, safe=safe, evidence=evidence)
        self.kind = kind


def require(
    condition: Any,
    message: str,
    *,
    safe: str = "",
    input: Inputs = None,
    got: torch.Tensor | None = None,
    expected: torch.Tensor | None = None,
) -> None:
    """Raise ``ComparisonFailure(message)`` unless ``condition`` holds.

    ``message`` may hold values; ``safe`` must not, and is needed wherever ``message`` does. ``input``, ``got``
    and ``expected`` are shown as evidence; where both of the latter are given, it is also told what ``got``
    looks like. A condition that is a tensor of several elements must hold in all of them.
    """
    if bool(condition.all()) if isinstance(condition, torch.Tensor) else bool(condition):
        return
    look = None if got is None or expected is None else find_look(got, expected, input)
    parts = ((_("came back"), got), (_("expected"), expected))
    shown = tuple(excerpt(label, value) for label, value in parts if value is not None)
    raise Mismatch(
        _(message) + _likeness(look),
        kind=("require", english(safe or message), look.kind if look else ""),
        safe=_(safe or message) + _likeness(look, safe=True),
        evidence=(*_inputs(input), *shown),
    )


def require_tensor(got: Any, shape: tuple[int, ...] | torch.Size | None = None, *, name: str = "") -> torch.Tensor:
    """``got``, if it is a tensor of finite floating numbers, of this shape; else ``ComparisonFailure``.

    ``name`` is how messages call it, by default the answer.
    """
    name = _(name) or _("the answer")
    tensor = _tensor(got, shape, name)
    if shape is not None and tensor.shape != torch.Size(shape):
        _wrong_shape(tensor, torch.Size(shape), name, None, None)
    if tensor.dtype is torch.bool or not tensor.dtype.is_floating_point:
        _wrong_dtype(tensor, None, name)
    odd = tensor.numel() - int(tensor.isfinite().sum())
    if odd:
        first = (~tensor.isfinite()).nonzero()[0].tolist()
        text = _("{name} holds NaN or infinity in {count} of {total} places, first at {first}.")
        text = text.format(name=name, count=odd, total=tensor.numel(), first=index_text(first))
        safe = _("{name} holds NaN or infinity.").format(name=name)
        raise Mismatch(text, kind=("finite",), safe=safe, evidence=(excerpt(_("came back"), tensor, first),))
    return tensor


def assert_tensor_close(
    got: Any,
    expected: torch.Tensor,
    *,
    rtol: float = 1e-4,
    atol: float = 1e-6,
    name: str = "",
    input: Inputs = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Raise ``ComparisonFailure`` unless ``got`` is a tensor like ``expected``.

    Same shape; a floating dtype where a floating one is expected (exactly ``dtype``, if that is given); and
    ``|got - expected| <= atol + rtol * |expected|`` in float64, so that a NaN fails. Where NaN or infinity is
    expected, the same must come. ``input`` is what the answer was computed from: a tensor, or some by name;
    ``name`` is how messages call it, by default the answer.
    """
    name = _(name) or _("the answer")
    tensor = _tensor(got, expected.shape, name)
    if tensor.shape != expected.shape:
        _wrong_shape(tensor, expected.shape, name, expected, input)
    if tensor.is_complex() != expected.is_complex() or not _dtype_fits(tensor.dtype, expected.dtype, dtype):
        _wrong_dtype(tensor, dtype, name)
    wrong, error = _wrong_places(tensor, expected, rtol, atol)
    if bool(wrong.any()):
        _wrong_values(tensor, plain(expected), wrong, error, name, input)


def _tensor(got: Any, shape: tuple[int, ...] | torch.Size | None, name: str) -> torch.Tensor:
    """``got`` on the CPU, detached; a ComparisonFailure that says what else came back."""
    if isinstance(got, torch.Tensor):
        return plain(got)
    if shape is None:
        text = _("{name} should be a tensor, but it is {given}.")
    else:
        text = _("{name} should be a tensor of shape {shape}, but it is {given}.")
    text = text.format(name=name, shape=tuple(shape or ()), given=describe(got)) + _advice(got)
    kinds = {
        type(None): "None",
        bool: _("a truth value"),
        int: _("a plain number"),
        float: _("a plain number"),
        str: _("text"),
    }
    kind = kinds.get(type(got)) or _("a {type}").format(type=type(got).__name__)
    safe = _("{name} should be a tensor, but it is {given}.").format(name=name, given=kind) + _advice(got)
    raise Mismatch(text, kind=("type", type(got).__name__), safe=safe)


def _advice(got: Any) -> str:
    """What to do about an answer that is no tensor, behind a blank; empty where nothing is to be said."""
    if got is None:
        return " " + _("Is a `return` missing?")
    if isinstance(got, int | float):
        return " " + _("A plain Python number has no gradient and no shape: leave out .item() or float().")
    if isinstance(got, list | tuple):
        if got and all(isinstance(part, torch.Tensor) and part.shape == got[0].shape for part in got):
            return " " + _("torch.stack makes one tensor of a list of tensors.")
        return " " + _("One tensor is wanted, not a {type}.").format(type=type(got).__name__)
    return ""


def _wrong_shape(
    got: torch.Tensor, shape: torch.Size, name: str, expected: torch.Tensor | None, input: Inputs
) -> NoReturn:
    look = find_look(got, expected, input) if expected is not None else None
    text = _("{name} has shape {shape}, but {wanted} is expected.")
    text = text.format(name=name, shape=tuple(got.shape), wanted=tuple(shape)) + _likeness(look)
    safe = _("The shape of {name} is wrong.").format(name=name) + _likeness(look, safe=True)
    right = () if expected is None else (excerpt(_("expected"), expected),)
    shown = (*_inputs(input), excerpt(_("came back"), got), *right)
    raise Mismatch(text, kind=("shape", look.kind if look else ""), safe=safe, evidence=shown)


def _dtype_fits(got: torch.dtype, expected: torch.dtype, asked: torch.dtype | None) -> bool:
    if asked is not None:
        return got == asked
    return got.is_floating_point or not expected.is_floating_point


def _wrong_dtype(got: torch.Tensor, asked: torch.dtype | None, name: str) -> NoReturn:
    wanted = dtype_text(asked) if asked else _("a floating type such as float32")
    text = _("{name} has dtype {dtype}, but {wanted} is expected.")
    text = text.format(name=name, dtype=dtype_text(got.dtype), wanted=wanted)
    if not got.dtype.is_floating_point:
        text += " " + _("Was it rounded, compared, or turned into whole numbers?")
    raise Mismatch(text, kind=("dtype",), safe=text, evidence=(excerpt(_("came back"), got),))


def _wrong_places(
    got: torch.Tensor, expected: torch.Tensor, rtol: float, atol: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the two differ, and by how much. In float64 or complex128; NaN and infinity must match."""
    wide = torch.complex128 if expected.is_complex() else torch.float64
    a, b = got.to(wide), plain(expected).to(wide)
    odd = ~b.isfinite()
    alike = (a == b) | (a.isnan() & b.isnan())
    error = (a - b).abs()
    within = error <= atol + rtol * b.abs()
    return torch.where(odd, ~alike, ~within), error


def _wrong_values(
    got: torch.Tensor,
    expected: torch.Tensor,
    wrong: torch.Tensor,
    error: torch.Tensor,
    name: str,
    input: Inputs,
) -> NoReturn:
    at = _worst(wrong, error, expected)
    look = find_look(got, expected, input)
    text = f"{_how_many(wrong, name)} {_compared(got[at], expected[at], at)}{_likeness(look)}"
    safe = _("The values of {name} are wrong.").format(name=name) + _likeness(look, safe=True)
    shown = (*_inputs(input), excerpt(_("came back"), got, at), excerpt(_("expected"), expected, at))
    raise Mismatch(text, kind=("values", look.kind if look else ""), safe=safe, evidence=shown)


def _worst(wrong: torch.Tensor, error: torch.Tensor, expected: torch.Tensor) -> tuple[int, ...]:
    """The index of the largest error; a NaN or an infinity counts as larger than any."""
    size = torch.where(error.isfinite(), error, torch.inf)
    flat = int(torch.where(wrong, size, -1.0).reshape(-1).argmax())
    # numpy's: torch's own unravel_index imports sympy, half a second in each freshly forked examiner.
    return tuple(int(i) for i in np.unravel_index(flat, tuple(expected.shape)))


def _how_many(wrong: torch.Tensor, name: str) -> str:
    bad, total = int(wrong.sum()), wrong.numel()
    shape = tuple(wrong.shape)
    if total == 1:
        said = _("{name} has the wrong value (shape {shape}).")
    elif bad == total:
        said = _("{name} has the right shape {shape}, but all of its {count} values are wrong.")
    else:
        said = plural(
            "{name} has the right shape {shape}, but {count} value is wrong.",
            "{name} has the right shape {shape}, but {count} values are wrong.",
            bad,
        )
    return said.format(name=name, shape=shape, count=bad)


def _compared(got: torch.Tensor, expected: torch.Tensor, at: tuple[int, ...]) -> str:
    if got.is_complex():
        said = _("At {place}, {wanted} is expected and {given} came.")
        return said.format(place=index_text(at), wanted=expected.item(), given=got.item())
    a, b = float(got), float(expected)
    left, right = _told_apart(a, b)
    relative = abs(a - b) / abs(b) if b else float("nan")
    known = relative == relative and relative != float("inf")
    if known:
        said = _("{wanted} is expected, {given} came back (relative error {error}).")
    else:
        said = _("{wanted} is expected, {given} came back.")
    said = said.format(wanted=left, given=right, error=f"{relative:.2g}")
    return _("Worst at {place}: {said}").format(place=index_text(at), said=said) if at else said


def _told_apart(got: float, expected: float) -> tuple[str, str]:
    """Both as short text, expected first, with as many digits as it takes to tell them apart."""
    short = number(expected), number(got)
    return short if short[0] != short[1] else (f"{expected:.9g}", f"{got:.9g}")


def _likeness(look: Look | None, *, safe: bool = False) -> str:
    if look is None:
        return ""
    return " " + _("The answer {look}.").format(look=look.told_safely if safe else look.text)


def _inputs(input: Inputs) -> tuple[Evidence, ...]:
    if input is None:
        return ()
    named: Mapping[str, torch.Tensor] = {_("input"): input} if isinstance(input, torch.Tensor) else input
    return tuple(excerpt(label, value) for label, value in named.items())
