"""What a grader holds of a data set: images and labels of three parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from torchgrade.errors import BrokenError

if TYPE_CHECKING:
    import numpy as np
    import torch


class Part(NamedTuple):
    """``images``: uint8, (N, 28, 28) for MNIST, (N, 32, 32, 3) for CIFAR; ``labels``: int64, (N,)."""

    images: torch.Tensor
    labels: torch.Tensor


class Arrays(NamedTuple):
    """A part while it is made: numpy arrays of the same shapes and types as in ``Part``."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Split:
    """``dataset("mnist")``. ``train`` and ``test`` are what the room holds; ``kept`` was never in it.

    ``standin``: drawn by a program, because the real set was not to be had; thresholds differ.
    """

    name: str
    title: str
    standin: bool
    train: Part
    test: Part
    held: Part | None = None

    @property
    def kept(self) -> Part:
        """The images kept for the examiner. Raises BrokenError where a grader may not have them."""
        if self.held is None:
            raise BrokenError(
                f"the kept images of {self.title} are for hidden criteria: a public one ships to students "
                "and must do with .train and .test"
            )
        return self.held

    def public(self) -> Split:
        """The same without the kept part."""
        return replace(self, held=None)
