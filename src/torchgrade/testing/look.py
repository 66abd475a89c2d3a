"""What a wrong answer may look like, and the sameness by which it is recognised."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from torchgrade.i18n import _

CLOSE = 1e-4  # relative; two tensors that agree so well are taken for the same
FLOOR = 1e-6  # of the largest value: what rounding in float32 may leave


@dataclass(frozen=True)
class Look:
    """A likeness. ``text`` and ``safe`` go on from "the answer …"; ``safe`` tells no value and no size."""

    kind: str
    text: str
    safe: str = ""

    @property
    def told_safely(self) -> str:
        """The words that may be shown for a hidden criterion."""
        return self.safe or self.text


def plain(value: torch.Tensor) -> torch.Tensor:
    """The array alone: detached, on the CPU, and no subclass that could bring operators of its own."""
    with torch._C.DisableTorchFunctionSubclass():
        bare = torch.Tensor.as_subclass(value, torch.Tensor)
        return torch.Tensor.detach(bare).cpu()


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two float64 tensors agree in shape and, to rounding in float32, in every value."""
    if a.shape != b.shape or a.numel() == 0:
        return False
    if not (bool(a.isfinite().all()) and bool(b.isfinite().all())):
        return False
    scale = float(b.abs().max())
    return bool(((a - b).abs() <= CLOSE * b.abs() + FLOOR * scale).all())


def constant(a: torch.Tensor) -> bool:
    """Whether all values are equal, to rounding."""
    return float(a.max() - a.min()) <= CLOSE * float(a.abs().max())


def varied(a: torch.Tensor) -> bool:
    """Whether the values differ enough from each other for their order to mean something."""
    return different(a) >= max(3, 2 * a.numel() // 3)


def different(a: torch.Tensor) -> int:
    """How many different values there are."""
    ordered = a.reshape(-1).sort().values
    return 1 + int((ordered[1:] != ordered[:-1]).sum()) if a.numel() else 0


def distribution_dim(a: torch.Tensor) -> int | None:
    """The last dimension over which ``a`` is a distribution (not negative, sums to 1), or None."""
    if a.ndim == 0 or bool((a < 0).any()):
        return None
    return next((d for d in reversed(range(a.ndim)) if a.shape[d] > 1 and sums_to_one(a, d)), None)


def sums_to_one(a: torch.Tensor, dim: int) -> bool:
    """Whether the sums over ``dim`` are all 1, to rounding in float32."""
    return bool(((a.sum(dim) - 1).abs() <= CLOSE).all())


def lines(a: torch.Tensor, *dims: int) -> str:
    """What a sum over ``dims`` adds up: the rows or columns of a matrix, ``slice [i, :, j]`` of anything else."""
    if a.ndim == 2:
        return _("column") if dims == (0,) else _("row")
    letters = iter("ijklmnpqrstuvwxyz")
    index = ", ".join(":" if d in dims else next(letters, "…") for d in range(a.ndim))
    return _("slice [{index}]").format(index=index)
