"""The submission as a grader sees it: names, calls, handles; each question goes into the room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from torchgrade import notebook as notebooks
from torchgrade.grading.attempt import Attempt
from torchgrade.i18n import _
from torchgrade.model import Assignment
from torchgrade.sandbox.probes import Handle
from torchgrade.testing.names import near_name
from torchgrade.testing.outcomes import Missing, ProbeFailure


@dataclass(frozen=True)
class Call:
    """One question that was put, and what came of it: a value or a failure."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any = None
    failure: ProbeFailure | None = None
    arguments_after: list[Any] | None = None  # where the grader asked for them
    defines: bool = False  # no question: the grader set the global ``name`` to ``args[0]``


#: What is kept of answers for whoever looks for known mistakes: 60 small questions may have 60 large answers.
_KEPT_BYTES = 64 << 20


class RoomExaminee:
    """Implements ``torchgrade.testing.Examinee`` over an attempt in its room."""

    def __init__(self, attempt: Attempt, assignment: Assignment, *, may_explain: bool = False) -> None:
        self._attempt, self._assignment = attempt, assignment
        self.may_explain = may_explain
        self.calls: list[Call] = []
        self._room_for_calls = self._room_before = _KEPT_BYTES  # bytes that are left, now and before this test
        self._names: list[str] | None = None

    @property
    def questions(self) -> int:
        """How many questions were put so far, those to handles included."""
        return self._attempt.questions

    # --- names ---------------------------------------------------------------------------------------------

    def _resolve(self, name: str) -> str:
        """The name that the notebook uses: the course's, or one of the aliases of assignment.yaml."""
        aliases = self._assignment.aliases.get(name, ())
        if not aliases or name in self._defined():
            return name
        return next((a for a in aliases if a in self._defined()), name)

    def _defined(self) -> list[str]:
        if self._names is None:
            names = self._attempt.ask("the notebook", "names", {}, {})
            self._names = [n for n in names if isinstance(n, str)] if isinstance(names, list) else []
        return self._names

    def _ask(
        self, name: str, op: str, fields: dict[str, Any], values: dict[str, Any], training: float | None = None
    ) -> Any:
        try:
            resolved = self._resolve(name)
            return self._attempt.ask(resolved, op, {"name": resolved, **fields}, values, training)
        except Missing as missing:
            raise Missing(self._with_nearest(_(str(missing)), name), safe=_(missing.safe)) from None

    def _with_nearest(self, said: str, name: str) -> str:
        asked_for = self._assignment.defines  # what is there under such a name is that itself
        near = near_name(name, [n for n in self._defined() if n not in asked_for])
        return _("{said}; the nearest name that is: `{name}`").format(said=said, name=near) if near else said

    # --- questions -----------------------------------------------------------------------------------------

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call ``name(*args, **kwargs)`` in the room."""
        return self._logged(name, args, kwargs, {})

    def call_within(self, seconds: float, name: str, *args: Any, **kwargs: Any) -> Any:
        """``call`` with ``seconds`` of the assignment's training time."""
        values = {"args": _plain(list(args)), "kwargs": _plain(kwargs)}
        return self._ask(name, "call", {}, values, seconds)

    def call_keeping_arguments(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, list[Any]]:
        """The answer, and the positional arguments as they are after the call."""
        answer = self._logged(name, args, kwargs, {"keep_arguments": True})
        if not (isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], list)):
            raise ProbeFailure(_("`{name}` did not give a value that can be examined").format(name=name))
        return answer[0], answer[1]

    def _logged(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], fields: dict[str, Any]) -> Any:
        values = {"args": _plain(list(args)), "kwargs": _plain(kwargs)}
        try:
            answer = self._ask(name, "call", fields, values)
        except ProbeFailure as failure:
            self.calls.append(Call(name, args, kwargs, failure=failure))
            raise
        if fields and isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], list):
            self._keep(Call(name, args, kwargs, result=answer[0], arguments_after=answer[1]))
        else:
            self._keep(Call(name, args, kwargs, result=answer))
        return answer

    def _keep(self, call: Call) -> None:
        """One that is too large counts as unanswered: no known mistake is compared with it."""
        size = _size([call.args, call.kwargs, call.result, call.arguments_after])
        if size > self._room_for_calls:
            call = Call(call.name, (), {}, failure=ProbeFailure("too large to be kept"))
        else:
            self._room_for_calls -= size
        self.calls.append(call)

    def begin_calls(self) -> None:
        """From here on ``calls`` are those of another test."""
        self.calls, self._room_before = [], self._room_for_calls

    def forget_calls(self) -> None:
        """Nobody will look for a known mistake in this test: what its answers took may be taken again."""
        self.calls, self._room_for_calls = [], self._room_before

    def value(self, name: str) -> Any:
        """Read a global of the notebook."""
        return self._ask(name, "value", {}, {})

    def define(self, name: str, value: Any) -> None:
        """Set a global of the notebook."""
        self._attempt.ask(name, "define", {"name": self._resolve(name)}, {"value": _plain(value)})
        self._names = None
        self.calls.append(Call(name, (value,), {}, defines=True))

    def gradients(
        self,
        name: str,
        *args: Any,
        wrt: Sequence[int | str] = (0,),
        cotangent: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> list[torch.Tensor]:
        """d⟨name(*args), cotangent⟩ / d each of ``wrt``."""
        values = {"args": _plain(list(args)), "kwargs": _plain(kwargs), "cotangent": cotangent}
        found = self._ask(name, "gradients", {"wrt": list(wrt)}, values)
        if not isinstance(found, list) or not all(isinstance(g, torch.Tensor) for g in found):
            raise ProbeFailure(_("`{name}` did not give gradients that can be examined").format(name=name))
        return found

    def object(self, name: str) -> RoomHandle:
        """A handle on a global of the notebook."""
        return self._hold(name, self._ask(name, "hold", {}, {}))

    def build(self, cls: str, *args: Any, **kwargs: Any) -> RoomHandle:
        """A new instance of the student's class."""
        values = {"args": _plain(list(args)), "kwargs": _plain(kwargs)}
        return self._hold(cls, self._ask(cls, "call", {"as_handle": True}, values))

    def make(self, path: str, *args: Any, **kwargs: Any) -> RoomHandle:
        """Something of PyTorch's own, made in the room: ``make("torch.nn.Linear", 3, 4)``."""
        values = {"args": _plain(list(args)), "kwargs": _plain(kwargs)}
        fields = {"of_torch": True, "path": path.split(".")[1:], "as_handle": True}
        return self._hold(path, self._attempt.ask(path, "call", fields, values))

    def _hold(self, name: str, handle: Any) -> RoomHandle:
        if not isinstance(handle, Handle):
            raise ProbeFailure(_("`{name}` could not be held for examination").format(name=name))
        return RoomHandle(self._attempt, name, handle)

    # --- read outside --------------------------------------------------------------------------------------

    def source(self, name: str) -> str:
        """The source text that defines ``name``, or the first of its aliases; empty where none is found."""
        for candidate in (name, *self._assignment.aliases.get(name, ())):
            if found := notebooks.find_definition(self._attempt.notebook, candidate):
                return found[2]
        return ""

    @property
    def outputs(self) -> list[str]:
        """The text that each code cell printed."""
        return notebooks.cell_text_outputs(self._attempt.notebook)


class RoomHandle:
    """Implements ``torchgrade.testing.Handle``: an object that stays in the room."""

    def __init__(self, attempt: Attempt, name: str, handle: Handle) -> None:
        self._attempt, self._name, self.handle = attempt, name, handle
        self._room = attempt.handles_lost()

    def _ask(self, op: str, fields: dict[str, Any], values: dict[str, Any]) -> Any:
        if self._attempt.handles_lost() != self._room:
            said = _("`{name}` is gone: the notebook's Python process ended")
            raise ProbeFailure(said.format(name=self._name))
        return self._attempt.ask(self._name, op, {"handle": self.handle.number, **fields}, values)

    def state(self) -> dict[str, torch.Tensor]:
        """The ``state_dict()`` as plain tensors."""
        found = self._ask("state", {}, {})
        if not isinstance(found, dict):
            raise ProbeFailure(_("`{name}` has no state that can be examined").format(name=self._name))
        return {k: v for k, v in found.items() if isinstance(k, str) and isinstance(v, torch.Tensor)}

    def forward(self, *args: Any) -> Any:
        """Call the object."""
        return self._ask("call", {}, {"args": _plain(list(args)), "kwargs": {}})

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the object."""
        values = {"args": _plain(list(args)), "kwargs": _plain(kwargs)}
        return self._ask("call", {"path": method.split(".")}, values)

    def gradients(self, *args: Any, cotangent: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """d⟨output, cotangent⟩ / d parameter, by name."""
        found = self._ask("module_gradients", {}, {"args": _plain(list(args)), "cotangent": cotangent})
        if not isinstance(found, dict):
            said = _("`{name}` did not give gradients that can be examined")
            raise ProbeFailure(said.format(name=self._name))
        return {k: v for k, v in found.items() if isinstance(k, str) and isinstance(v, torch.Tensor)}


def _plain(value: Any) -> Any:
    """Handles inside arguments become what the wire knows."""
    if isinstance(value, RoomHandle):
        return value.handle
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(v) for v in value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value


def _size(value: Any) -> int:
    """About how many bytes an answer takes."""
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, dict):
        return sum(100 + _size(k) + _size(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return sum(8 + _size(v) for v in value)
    return 50 + len(value) if isinstance(value, str) else 50
