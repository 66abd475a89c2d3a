"""An Examinee over a dict in this process: no room, no wall. For trying graders on code of our own."""

from __future__ import annotations

import copy
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from torchgrade.testing import BadAnswer, Missing, Raised, Value


def run_cells(cells: Sequence[str], namespace: dict[str, Any] | None = None) -> tuple[dict[str, Any], list[str]]:
    """Execute cells one after the other, going on after an error. Returns the globals and the errors."""
    space = {"__name__": "__main__"} if namespace is None else namespace
    errors = []
    for i, source in enumerate(cells):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(compile(source, f"<cell {i}>", "exec"), space)
        except Exception as error:
            errors.append(f"cell {i}: {type(error).__name__}: {error}")
    return space, errors


class InProcess:
    """Answers for the code whose globals are ``namespace``; counts its probes in ``asked``."""

    def __init__(self, namespace: dict[str, Any], *, may_explain: bool = True, source: str = "") -> None:
        self.namespace, self.may_explain, self.asked, self._source = namespace, may_explain, 0, source

    def call(self, name: str, *args: Value, **kwargs: Value) -> Value:
        return self.call_keeping_arguments(name, *args, **kwargs)[0]

    def call_keeping_arguments(self, name: str, *args: Value, **kwargs: Value) -> tuple[Value, list[Value]]:
        given, named = [_copied(a) for a in args], {k: _copied(v) for k, v in kwargs.items()}
        answer = _out(self._asked(lambda: self._function(name)(*given, **named)))
        return answer, [_out(a) for a in given]

    def value(self, name: str) -> Value:
        self.asked += 1
        return _out(self._named(name))

    def define(self, name: str, value: Value) -> None:
        self.asked += 1
        self.namespace[name] = _copied(value)

    def gradients(
        self,
        name: str,
        *args: Value,
        wrt: Sequence[int | str] = (0,),
        cotangent: torch.Tensor | None = None,
        **kwargs: Value,
    ) -> list[torch.Tensor]:
        given = [_copied(a) for a in args]
        leaves = [given[w] if isinstance(w, int) else self._named(w) for w in wrt]
        for leaf in leaves:
            leaf.requires_grad_(True)

        def ask() -> list[torch.Tensor]:
            answer = self._function(name)(*given, **kwargs)
            if not isinstance(answer, torch.Tensor) or not answer.requires_grad:
                raise BadAnswer(f"{name} gives an answer through which no gradient flows")
            seed = torch.ones_like(answer) if cotangent is None else cotangent.to(answer.dtype)
            found = torch.autograd.grad(answer, leaves, seed, allow_unused=True)
            return [torch.zeros_like(v) if g is None else g for g, v in zip(found, leaves, strict=True)]

        return [_out(g) for g in self._asked(ask)]

    def object(self, name: str) -> Held:
        self.asked += 1
        return Held(self, self._named(name))

    def build(self, name: str, *args: Value, **kwargs: Value) -> Held:
        given, named = [_copied(a) for a in args], {k: _copied(v) for k, v in kwargs.items()}
        return Held(self, self._asked(lambda: self._function(name)(*given, **named)))

    def make(self, path: str, *args: Value) -> Held:
        made: Any = torch
        for attribute in path.split(".")[1:]:
            made = getattr(made, attribute)
        return Held(self, made(*args))

    def source(self, name: str) -> str:
        return self._source

    @property
    def outputs(self) -> list[str]:
        return []

    def _named(self, name: str) -> Any:
        if name not in self.namespace:
            raise Missing(f"the notebook defines no `{name}`")
        return self.namespace[name]

    def _function(self, name: str) -> Callable[..., Any]:
        found = self._named(name)
        if not callable(found):
            text = f"`{name}` raised TypeError: '{type(found).__name__}' object is not callable"
            raise Raised(text, safe=f"`{name}` raised an error", name="TypeError")
        return found

    def _asked(self, work: Callable[[], Any]) -> Any:
        self.asked += 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return work()
        except (BadAnswer, Missing):
            raise
        except Exception as error:
            kind = type(error).__name__
            own = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith("<cell")]
            line = own[-1] if own else None
            raise Raised(f"{kind}: {error}", safe=kind, name=kind, line=line) from error


class Held:
    """What stays with the examined code, and can be looked at again."""

    def __init__(self, owner: InProcess, target: Any) -> None:
        self._owner, self.target = owner, target

    def call(self, method: str, *args: Value) -> Value:
        if not hasattr(self.target, method):
            raise Missing(f"the object has no `{method}`")
        return _out(self._owner._asked(lambda: getattr(self.target, method)(*args)))


def _copied(value: Value) -> Value:
    if isinstance(value, Held):
        return value.target
    return value.detach().clone() if isinstance(value, torch.Tensor) else copy.deepcopy(value)


def _out(value: Any) -> Value:
    """What would cross the wall: plain tensors and values; anything else is a bad answer."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone().contiguous()
    if isinstance(value, np.ndarray | np.generic):
        return torch.from_numpy(np.array(value))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return type(value)(_out(v) for v in value)
    if isinstance(value, dict):
        return {k: _out(v) for k, v in value.items()}
    raise BadAnswer(f"an object of type {type(value).__name__} came back")
