"""What of a student's values may be handed over: tensors and arrays made plain, relatives of plain types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from torchgrade.wire import Array, Plain, Reference, WireError, WireLimits

LIMITS = WireLimits()


def special(value: Any) -> Array | Reference | Plain | None:
    """What may cross beside plain values: tensors and arrays, and the usual relatives of plain types."""
    kind = type(value)
    if issubclass(kind, torch.Tensor):
        return _dense(value)
    if issubclass(kind, np.ndarray):
        return np.asarray(value)
    if issubclass(kind, np.generic):
        return Plain(value.item())
    for plain in (bool, int, float, str, tuple, list, dict):  # torch.Size, OrderedDict, a named tuple
        if issubclass(kind, plain):
            return Plain(plain(value))
    if issubclass(kind, Mapping):
        return Plain(dict(value))
    return None


def _dense(value: torch.Tensor) -> Array:
    with torch._C.DisableTorchFunctionSubclass():
        plain = torch.Tensor.detach(value)
        # A view can claim far more elements than it stores: check before it is made dense.
        if plain.numel() * plain.element_size() > LIMITS.array_bytes:
            raise WireError(f"a tensor of shape {tuple(plain.shape)} is too large to be handed over")
        if plain.is_sparse:
            plain = plain.to_dense()
        plain = plain.cpu().resolve_conj().resolve_neg()
        if plain.dtype == torch.bfloat16:
            plain = plain.float()
        array: Array = plain.numpy()
        return array


def tensor(array: Array) -> torch.Tensor:
    """A question's array as student code gets it."""
    return torch.from_numpy(array)
