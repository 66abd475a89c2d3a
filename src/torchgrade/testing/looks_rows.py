"""Likenesses of answers whose rows should be distributions, or are right up to a factor of their own."""

from __future__ import annotations

import torch

from torchgrade.i18n import _
from torchgrade.testing.describe import number
from torchgrade.testing.look import CLOSE, Look, distribution_dim, lines, same, sums_to_one


def other_dimension(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """Sums to 1 over a dimension, but not over the one where it should."""
    right = distribution_dim(expected)
    if right is None or got.numel() < 4 or sums_to_one(got, right):
        return None
    wrong = next((d for d in range(got.ndim) if d != right and got.shape[d] > 1 and sums_to_one(got, d)), None)
    if wrong is None:
        return None
    text = _(
        "looks normalised over dimension {wrong}, where dimension {right} is asked: "
        "each {summed} sums to 1, but each {line} should"
    ).format(wrong=wrong, right=right, summed=lines(got, wrong), line=lines(got, right))
    return Look("other-dimension", text, _("looks normalised over the other dimension"))


def over_everything(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """Sums to 1 in total, where every row should."""
    right = distribution_dim(expected)
    if (
        right is None
        or expected.numel() == expected.shape[right]
        or not same(got.sum()[None], torch.ones(1).double())
    ):
        return None
    text = _("sums to 1 in total: it looks normalised over everything at once, not {line} by {line}")
    return Look("normalised-over-everything", text.format(line=lines(got, right)))


def not_normalised(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """Every row, or every slice that more dimensions run through, is the right one times a number of its own."""
    if expected.ndim < 2 or expected.numel() - expected.numel() // expected.shape[-1] < 3:
        return None
    largest = expected.abs().argmax(-1, keepdim=True)
    top = expected.gather(-1, largest)
    if bool((top == 0).any()):
        return None
    factor = got.gather(-1, largest) / top
    if bool((factor == 0).any()) or not all(
        same(g, f * e) for g, f, e in zip(_rows(got), _rows(factor), _rows(expected), strict=True)
    ):
        return None
    if distribution_dim(expected) == expected.ndim - 1:
        text = _("has the right proportions within each {line}, but is not divided by the sum of that {line}")
        return Look("not-normalised", text.format(line=lines(got, got.ndim - 1)))
    text = _("is the right one with each {line} multiplied by a number of its own")
    alike = [
        d
        for d in range(got.ndim - 1)
        if bool((factor.amax(d) - factor.amin(d) <= CLOSE * factor.abs().amax(d)).all())
    ]
    return Look("not-normalised", text.format(line=lines(got, *alike, got.ndim - 1)))


def tempered(got: torch.Tensor, expected: torch.Tensor) -> Look | None:
    """A softmax of the input times another number: turned round, flatter or sharper."""
    dim = distribution_dim(expected)
    if dim is None or expected.numel() < 4 or expected.shape[dim] < 2:
        return None
    if bool((got <= 0).any()) or bool((expected <= 0).any()) or not sums_to_one(got, dim):
        return None
    found, wanted = _centred_log(got, dim), _centred_log(expected, dim)
    power = float((found * wanted).sum() / (wanted * wanted).sum()) if bool(wanted.any()) else 0.0
    if abs(power) < 1e-2 or not same(found, power * wanted):
        return None
    if power < 0:
        return Look("turned-round", _("is largest where it should be smallest: a sign is the wrong way round"))
    if power < 1:
        safe = _("is flatter than it should be, as if the input were scaled first")
        text = _(
            "is flatter than it should be, as if the input were multiplied by {number} (a base other than e?)"
        )
    else:
        safe = _("is sharper than it should be, as if the input were scaled first")
        text = _(
            "is sharper than it should be, as if the input were multiplied by {number} (a base other than e?)"
        )
    return Look("tempered", text.format(number=number(power)), safe)


def _centred_log(a: torch.Tensor, dim: int) -> torch.Tensor:
    log = a.log()
    return log - log.mean(dim, keepdim=True)


def _rows(a: torch.Tensor) -> torch.Tensor:
    return a.reshape(-1, a.shape[-1])
