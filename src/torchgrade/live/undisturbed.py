"""A check leaves no trace: names, random numbers and models are put back as they were."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

#: What of models is copied, so that it can be put back. Bytes.
_KEPT_BYTES = 256 << 20


@contextlib.contextmanager
def undisturbed(namespace: dict[str, Any]) -> Iterator[None]:
    """Whatever questions do inside, afterwards names, random numbers and models are what they were."""
    names = dict(namespace)
    drawn, put_back = _drawn(), _keep_models(namespace)
    with_gradients = torch.is_grad_enabled()
    try:
        yield
    finally:
        for name in [n for n in namespace if n not in names]:
            del namespace[name]
        namespace.update(names)
        for restore, state in drawn:
            restore(state)
        torch.set_grad_enabled(with_gradients)
        put_back()


def _drawn() -> list[tuple[Callable[[Any], None], Any]]:
    """For each source of random numbers, how to set its state, and to what."""
    states: list[tuple[Callable[[Any], None], Any]] = [
        (random.setstate, random.getstate()),
        (np.random.set_state, np.random.get_state()),
        (torch.set_rng_state, torch.get_rng_state()),
    ]
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        states.append((torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all()))
    return states


def _keep_models(namespace: dict[str, Any]) -> Callable[[], None]:
    """Copies of what the notebook's models hold, up to a size; the function puts it back."""
    models = [v for v in namespace.values() if issubclass(type(v), torch.nn.Module)]
    modes = [(part, part.training) for model in models for part in model.modules()]
    tensors = [t for model in models for t in model.state_dict().values() if issubclass(type(t), torch.Tensor)]
    if sum(t.numel() * t.element_size() for t in tensors) > _KEPT_BYTES:
        tensors = []
    copies = [(tensor, tensor.detach().clone()) for tensor in tensors]

    def put_back() -> None:
        for part, training in modes:
            part.training = training
        with torch.no_grad():
            for tensor, copy in copies:
                tensor.copy_(copy)

    return put_back
