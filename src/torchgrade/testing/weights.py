"""Arrays of a student's network, sorted into the places of ours by shape and order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from torchgrade.i18n import _, plural
from torchgrade.testing.close import Mismatch
from torchgrade.testing.describe import dtype_text
from torchgrade.testing.look import plain

Move = Callable[[torch.Tensor], torch.Tensor]

_SHOWN = 4  # shapes that a message lists


@dataclass
class Fit:
    """``arrays``: our names and their values, ready for ``load_state_dict``; ``theirs``: their name for each."""

    arrays: dict[str, torch.Tensor] = field(default_factory=dict)
    theirs: dict[str, str] = field(default_factory=dict)
    moves: dict[str, Move] = field(default_factory=dict)

    def moved(self, name: str, found: Mapping[str, torch.Tensor]) -> torch.Tensor | None:
        """What ``found`` (by their names) holds for our ``name``, in our layout."""
        value = found.get(self.theirs[name])
        return None if value is None else self.moves[name](value)


def fit(
    module: torch.nn.Module, state: Mapping[str, torch.Tensor], *, say: Callable[[str], None] | None = None
) -> Fit:
    """Match ``state`` to the places of ``module``: the same shape first, then transposed or reshaped layouts.

    Raises ``Mismatch`` when arrays are missing or left over, or hold NaN or infinity.
    """
    given = {name: plain(value) for name, value in state.items()}
    places = {name: plain(value) for name, value in module.state_dict().items()}
    result, free = Fit(), dict(given)
    for way in (_same, _transposed, _reshaped):
        for name, place in places.items():
            if name not in result.theirs:
                _take(result, name, place, free, way)
    missing = [p for name, p in places.items() if name not in result.theirs]
    if missing or free:
        raise _does_not_fit(places, given, missing, free)
    _refuse_nan(given)
    _tell_half(given, say)
    for name, place in places.items():
        result.arrays[name] = result.moves[name](given[result.theirs[name]]).to(place.dtype)
    return result


def _take(
    result: Fit,
    name: str,
    place: torch.Tensor,
    free: dict[str, torch.Tensor],
    way: Callable[[torch.Tensor, torch.Tensor], Move | None],
) -> None:
    for other, value in free.items():
        move = way(value, place)
        if move is not None:
            result.theirs[name], result.moves[name] = other, move
            del free[other]
            return


def _same(value: torch.Tensor, place: torch.Tensor) -> Move | None:
    return (lambda v: v) if value.shape == place.shape else None


def _transposed(value: torch.Tensor, place: torch.Tensor) -> Move | None:
    """A weight made by hand for x @ W lies the other way round."""
    return (lambda v: v.T) if value.ndim == 2 and value.T.shape == place.shape else None


def _reshaped(value: torch.Tensor, place: torch.Tensor) -> Move | None:
    """A convolution over the whole picture is a linear layer in another layout; a bias may be (1, C, 1, 1)."""
    alike = (
        value.numel() == place.numel()
        and [n for n in value.shape if n > 1][:1] == [n for n in place.shape if n > 1][:1]
    )
    return (lambda v: v.reshape(place.shape)) if alike else None


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


def _tell_half(given: Mapping[str, torch.Tensor], say: Callable[[str], None] | None) -> None:
    half = {dtype_text(t.dtype) for t in given.values() if t.dtype in (torch.float16, torch.bfloat16)}
    if half and say is not None:
        said = _("The weights are in half precision ({dtypes}) and were read as float32.")
        say(said.format(dtypes=", ".join(sorted(half))))
