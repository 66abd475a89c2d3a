"""Says what a wrong answer looks like, so that a student can find the mistake; silent when not sure."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from torchgrade.i18n import _
from torchgrade.testing import looks_rows as rows
from torchgrade.testing import looks_shape as shape
from torchgrade.testing import looks_values as values
from torchgrade.testing.look import Look, plain, same

_MOST_ELEMENTS = 1_000_000  # larger answers are not looked at

Inputs = torch.Tensor | Mapping[str, torch.Tensor] | None


def looks_like(got: torch.Tensor, expected: torch.Tensor, input: Inputs = None) -> str | None:
    """What a wrong ``got`` looks like beside ``expected``, as "the answer …"; None when nothing fits.

    ``input`` is what the answer was computed from, or several by name. It helps to tell "the input itself"
    and "the sum over the other dimension". Nothing is said about an answer that is right.
    """
    found = find_look(got, expected, input)
    return _("the answer {look}").format(look=found.text) if found else None


def find_look(got: torch.Tensor, expected: torch.Tensor, input: Inputs = None) -> Look | None:
    """``looks_like`` with its kind and the words that may be shown for a hidden criterion."""
    if max(got.numel(), expected.numel()) > _MOST_ELEMENTS or min(got.numel(), expected.numel()) == 0:
        return None
    if got.is_complex() or expected.is_complex():
        return None
    given = tuple(_doubles(t) for t in _tensors(input))
    a, b = _doubles(got), _doubles(expected)
    return _of_shape(a, b, given) if a.shape != b.shape else _of_values(a, b, given)


def _of_shape(got: torch.Tensor, expected: torch.Tensor, given: tuple[torch.Tensor, ...]) -> Look | None:
    return (
        shape.dims_of_one(got, expected)
        or shape.permuted(got, expected)
        or shape.flattened(got, expected)
        or shape.broadcast(got, expected)
        or next((look for g in given if (look := shape.other_reduction(got, expected, g))), None)
        or shape.one_item(got, expected)
        or shape.reduced(got, expected)
    )


def _of_values(got: torch.Tensor, expected: torch.Tensor, given: tuple[torch.Tensor, ...]) -> Look | None:
    odd = values.not_finite(got, expected)
    if odd or not (bool(got.isfinite().all()) and bool(expected.isfinite().all())):
        return odd
    coarse = values.lower_precision(got, expected)
    if coarse or same(got, expected):
        return coarse
    return (
        values.flat(got, expected)
        or values.the_input(got, given)
        or values.function_of(got, expected)
        or values.activation(got, expected)
        or shape.permuted(got, expected)
        or values.other_order(got, expected)
        or rows.other_dimension(got, expected)
        or rows.over_everything(got, expected)
        or values.constant_factor(got, expected, given)
        or values.additive(got, expected)
        or rows.tempered(got, expected)
        or rows.not_normalised(got, expected)
        or next((look for g in given if (look := shape.other_reduction(got, expected, g))), None)
    )


def _tensors(input: Inputs) -> tuple[torch.Tensor, ...]:
    if input is None:
        return ()
    found = (input,) if isinstance(input, torch.Tensor) else tuple(input.values())
    return tuple(t for t in found if not t.is_complex())


def _doubles(value: torch.Tensor) -> torch.Tensor:
    return plain(value).to(torch.float64)
