"""Arrays of a student's network, sorted into the places of ours, whatever they are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch

from torchgrade.i18n import _, plural
from torchgrade.testing.close import Mismatch
from torchgrade.testing.describe import dtype_text
from torchgrade.testing.look import plain
from torchgrade.testing.pairing import MOST_PAIRINGS, Pairing, in_order, orders

_SHOWN = 4  # shapes that a message lists


def pairings(
    module: torch.nn.Module,
    state: Mapping[str, torch.Tensor],
    *,
    most: int = MOST_PAIRINGS,
    say: Callable[[str], None] | None = None,
) -> Iterator[Pairing]:
    """The ways in which ``state`` fits into the places of ``module``, at most ``most``, the likeliest first.

    The first one raises ``Mismatch`` when arrays are missing or left over, or hold NaN or infinity. ``say`` hears
    about half precision.
    """
    given = {name: plain(value) for name, value in state.items()}
    places = {name: plain(value) for name, value in module.state_dict().items()}
    first, missing, free = in_order(places, given)
    if missing or free:
        raise _does_not_fit(places, given, [places[n] for n in missing], {n: given[n] for n in free})
    _refuse_nan(given)
    tell_half(given, say)
    yield from orders(places, given, first, most)


def _does_not_fit(
    places: Mapping[str, torch.Tensor],
    given: Mapping[str, torch.Tensor],
    missing: list[torch.Tensor],
    free: Mapping[str, torch.Tensor],
) -> Mismatch:
    wanted, there = count(places), count(given)
    said = _("{wanted} parameters are expected; this network has {there}.")
    parts = [said.format(wanted=spaced(wanted), there=spaced(there))]
    if missing:
        parts.append(_("Missing: {shapes}.").format(shapes=_shapes([("", p) for p in missing])))
    if free:
        parts.append(_("Not expected: {shapes}.").format(shapes=_shapes(list(free.items()))))
    if not missing:
        parts.append(_("A layer too many is another network."))
    safe = _(
        "The parameters do not have the shapes of the network that is asked for: see the criterion on its size."
    )
    return Mismatch(" ".join(parts), kind=("weights", "shapes"), safe=safe)


def _shapes(tensors: list[tuple[str, torch.Tensor]]) -> str:
    shown = [f"`{name}` {tuple(t.shape)}" if name else f"{tuple(t.shape)}" for name, t in tensors[:_SHOWN]]
    more = len(tensors) - len(shown)
    listed = ", ".join(shown)
    return _("{shapes} and {count} more").format(shapes=listed, count=more) if more else listed


def count(state: Mapping[str, torch.Tensor]) -> int:
    """How many numbers a state holds, counters (whole numbers) left out."""
    return sum(t.numel() for t in state.values() if t.dtype.is_floating_point)


def spaced(number: int) -> str:
    """``61 706``."""
    return f"{number:,}".replace(",", "\u00a0")


def _refuse_nan(given: Mapping[str, torch.Tensor]) -> None:
    bad = [name for name, t in given.items() if not bool(t.isfinite().all())]
    if not bad:
        return
    text = plural(
        "The weights hold NaN or infinity ({count} tensor, first `{name}`): the training went astray. "
        "A smaller learning rate and inputs of moderate size help.",
        "The weights hold NaN or infinity ({count} tensors, first `{name}`): the training went astray. "
        "A smaller learning rate and inputs of moderate size help.",
        len(bad),
    ).format(count=len(bad), name=bad[0])
    safe = _("The weights hold NaN or infinity: the training went astray.")
    raise Mismatch(text, kind=("weights", "finite"), safe=safe)


def tell_half(given: Mapping[str, torch.Tensor], say: Callable[[str], None] | None) -> None:
    """Tell ``say`` where some of these weights are in half precision."""
    half = {dtype_text(t.dtype) for t in given.values() if t.dtype in (torch.float16, torch.bfloat16)}
    if half and say is not None:
        said = _("The weights are in half precision ({dtypes}) and were read as float32.")
        say(said.format(dtypes=", ".join(sorted(half))))
