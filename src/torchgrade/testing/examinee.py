"""The narrow seam through which a grader touches student work (and, the same way, the reference)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch

#: What may cross the wall, in and out: tensors, numbers, strings, None, and lists, tuples and dicts of them.
Value = Any


class Handle(Protocol):
    """Something that lives in the room: a module, a function, an instance. It may be an argument of a call."""

    def state(self) -> dict[str, torch.Tensor]:
        """The ``state_dict()`` as plain arrays."""
        ...

    def forward(self, *args: Value) -> Value:
        """Call the object."""
        ...

    def gradients(self, *args: Value, cotangent: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """d⟨output, cotangent⟩ / d parameter, by parameter name."""
        ...

    def call(self, method: str, *args: Value, **kwargs: Value) -> Value:
        """Call a method of the object."""
        ...


class Examinee(Protocol):
    """A submission under examination, or the reference."""

    #: True where the smallest failing input may be searched and shown: public criteria only.
    may_explain: bool

    def call(self, name: str, *args: Value, **kwargs: Value) -> Value:
        """Call ``name(*args, **kwargs)``. Tensors go in as copies and come back detached."""
        ...

    def call_within(self, seconds: float, name: str, *args: Value, **kwargs: Value) -> Value:
        """``call`` for a training: up to ``seconds`` of the assignment's ``training_time``.

        Raises TimedOut after interrupting it; what was trained until then is kept in the room, so that handles
        that were arguments can still be examined.
        """
        ...

    def call_keeping_arguments(self, name: str, *args: Value, **kwargs: Value) -> tuple[Value, list[Value]]:
        """Like ``call``; also the positional arguments as they are after the call, to see whether they changed."""
        ...

    def value(self, name: str) -> Value:
        """Read a global of the notebook."""
        ...

    def define(self, name: str, value: Value) -> None:
        """Set a global that the student's code reads."""
        ...

    def gradients(
        self,
        name: str,
        *args: Value,
        wrt: Sequence[int | str] = (0,),
        cotangent: torch.Tensor | None = None,
        **kwargs: Value,
    ) -> list[torch.Tensor]:
        """d⟨name(*args), cotangent⟩ / d wrt; ``wrt`` holds argument positions or names of globals."""
        ...

    def object(self, name: str) -> Handle:
        """A handle on something that the notebook made."""
        ...

    def build(self, cls: str, *args: Value, **kwargs: Value) -> Handle:
        """A new instance of the student's class."""
        ...

    def make(self, path: str, *args: Value, **kwargs: Value) -> Handle:
        """Something of PyTorch's own, made where the student's code runs: ``make("torch.nn.Linear", 3, 4)``.

        For questions about functions that are given a module, a tensor that can be looked at again, or a device.
        """
        ...

    def source(self, name: str) -> str:
        """The source text that defines ``name``, read outside from the notebook; empty where it is not found."""
        ...

    @property
    def outputs(self) -> list[str]:
        """The text that each code cell printed, in order, read outside from the executed notebook."""
        ...
