"""Answers probes inside the student's process, over a socket pair. Knows no test, answer or point.

A thread reads questions; the student's code answers them on the kernel's main thread, where it would run in
a notebook. Everything here can be forged by the student, so the other side believes nothing but arrays.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import linecache
import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import torch

from torchgrade.sandbox.handover import LIMITS, special, tensor
from torchgrade.wire import (
    Array,
    Decoder,
    Encoder,
    Frame,
    Plain,
    Reference,
    WireClosed,
    WireError,
    WireTimeout,
    receive_frame,
    send_frame,
)

_TEXT = 4000
_SEND_SECONDS = 60.0
#: Where ipykernel says that a cell's code lives.
CELL_MARKS = ("ipykernel_", "<ipython-input")


class Refused(Exception):
    """A question that cannot be answered. ``kind`` tells the other side which outcome it is."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Guest:
    """The student's namespace, and the objects that graders hold by number.

    ``at_start``: IPython's own names, which nobody meant; by default what is there now.
    """

    def __init__(self, namespace: dict[str, Any], at_start: dict[str, Any] | None = None) -> None:
        self.namespace = namespace
        self.objects: dict[int, Any] = {}
        self._at_start = dict(namespace if at_start is None else at_start)

    # --- questions -----------------------------------------------------------------------------------------

    def answer(self, frame: Frame) -> tuple[Any, list[Array]]:
        """The node and arrays that answer one question. Raises whatever the student's code raises."""
        decoder = Decoder(frame.arrays, LIMITS, array=tensor, handle=self._object)
        fields = frame.fields
        question = _QUESTIONS[fields["op"]]
        parts = {name: decoder.decode(node) for name, node in fields.get("values", {}).items()}
        value = question(self, fields, parts)
        encoder = Encoder(self._special, LIMITS)
        return encoder.encode(value), encoder.arrays

    def call(self, fields: dict[str, Any], parts: dict[str, Any]) -> Any:
        args, kwargs = parts["args"], parts["kwargs"]
        with _float32() if fields.get("of_torch") else contextlib.nullcontext():
            result = self._target(fields)(*args, **kwargs)
        if fields.get("as_handle"):
            return self._keep(result)
        return (result, list(args)) if fields.get("keep_arguments") else result

    def value(self, fields: dict[str, Any], parts: dict[str, Any]) -> Any:
        return self._target(fields)

    def hold(self, fields: dict[str, Any], parts: dict[str, Any]) -> Any:
        return self._keep(self._target(fields))

    def define(self, fields: dict[str, Any], parts: dict[str, Any]) -> None:
        self.namespace[fields["name"]] = parts["value"]

    def names(self, fields: dict[str, Any], parts: dict[str, Any]) -> list[str]:
        mine = [
            n for n, v in list(self.namespace.items()) if n not in self._at_start or v is not self._at_start[n]
        ]
        return [n for n in mine if isinstance(n, str) and n.isidentifier() and not n.startswith("_")][:2000]

    def state(self, fields: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
        return dict(self._module(fields).state_dict())

    def file(self, fields: dict[str, Any], parts: dict[str, Any]) -> None:
        """A file that the course hands out with the notebook, put beside it."""
        with open(os.path.basename(fields["name"]), "wb") as file:
            file.write(parts["content"].numpy().tobytes())

    def gradients(self, fields: dict[str, Any], parts: dict[str, Any]) -> list[Any]:
        """d⟨target(*args), cotangent⟩ / d each of ``wrt``: positions of arguments or names of globals."""
        args, wrt = list(parts["args"]), fields["wrt"]
        for position in (w for w in wrt if isinstance(w, int)):
            args[position] = args[position].detach().clone().requires_grad_()
        kept = {w: self._lookup(w) for w in wrt if isinstance(w, str)}
        leaves = {w: v.detach().clone().requires_grad_() for w, v in kept.items()}
        self.namespace.update(leaves)
        try:
            with torch.enable_grad():
                output = self._target(fields)(*args, **parts["kwargs"])
                inputs = [leaves[w] if isinstance(w, str) else args[w] for w in wrt]
                return _differentiate(output, inputs, parts["cotangent"])
        finally:
            self.namespace.update(kept)

    def module_gradients(self, fields: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
        named = self._module(fields).named_parameters()
        parameters = {name: p for name, p in named if p.requires_grad}
        with torch.enable_grad():
            output = self._target(fields)(*parts["args"])
            return dict(
                zip(
                    parameters,
                    _differentiate(output, list(parameters.values()), parts["cotangent"]),
                    strict=True,
                )
            )

    # --- objects -------------------------------------------------------------------------------------------

    def _target(self, fields: dict[str, Any]) -> Any:
        if fields.get("of_torch"):  # torch itself, whatever the notebook calls it
            found: Any = torch
        else:
            found = self._object(fields["handle"]) if "handle" in fields else self._lookup(fields["name"])
        for attribute in fields.get("path", ()):
            try:
                found = getattr(found, attribute)
            except AttributeError:
                raise Refused("missing", f"`{fields.get('name', 'the object')}` has no `{attribute}`") from None
        return found

    def _lookup(self, name: str) -> Any:
        if name not in self.namespace:
            raise Refused("missing", f"`{name}` is not defined")
        return self.namespace[name]

    def _module(self, fields: dict[str, Any]) -> torch.nn.Module:
        found = self._target(fields)
        if not issubclass(type(found), torch.nn.Module):
            raise Refused("unfit", f"an nn.Module is wanted here, not {type(found).__name__}")
        return found  # type: ignore[no-any-return]

    def _keep(self, value: Any) -> Any:
        number = len(self.objects) + 1
        self.objects[number] = value
        return _Kept(number)

    def _object(self, number: int) -> Any:
        if number not in self.objects:
            raise Refused("missing", "this object is not in the room any more")
        return self.objects[number]

    def _special(self, value: Any) -> Array | Reference | Plain | None:
        if isinstance(value, _Kept):
            return Reference(value.number)
        return special(value)


class _Kept:
    def __init__(self, number: int) -> None:
        self.number = number


Question = Callable[[Guest, dict[str, Any], dict[str, Any]], Any]
_QUESTIONS: dict[str, Question] = {
    "call": Guest.call,
    "value": Guest.value,
    "hold": Guest.hold,
    "define": Guest.define,
    "names": Guest.names,
    "state": Guest.state,
    "file": Guest.file,
    "gradients": Guest.gradients,
    "module_gradients": Guest.module_gradients,
}


@contextlib.contextmanager
def _float32() -> Iterator[None]:
    """What an examiner makes is of the usual dtype, whatever default a notebook has chosen for its own."""
    chosen = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(chosen)


def _differentiate(output: Any, inputs: list[torch.Tensor], cotangent: torch.Tensor | None) -> list[torch.Tensor]:
    if not issubclass(type(output), torch.Tensor):
        raise Refused("unfit", f"a tensor is wanted here, not {type(output).__name__}")
    if not output.requires_grad:
        raise Refused("no_gradient", "no gradient flows through the answer")
    if cotangent is not None and cotangent.shape != output.shape:
        raise Refused("unfit", f"the answer has shape {tuple(output.shape)}, not {tuple(cotangent.shape)}")
    seed = torch.ones_like(output) if cotangent is None else cotangent.to(output)
    found = torch.autograd.grad(output, inputs, seed, allow_unused=True)
    return [torch.zeros_like(i) if g is None else g for i, g in zip(inputs, found, strict=True)]


# --- the thread that serves --------------------------------------------------------------------------------

RunOnMain = Callable[[Callable[[], None]], None]


def serve(stream: socket.socket, guest: Guest, run_on_main: RunOnMain) -> None:
    """Answer questions until the other side closes the stream."""
    while True:
        try:
            frame = receive_frame(stream, LIMITS, None)
        except WireError:
            return
        future: concurrent.futures.Future[tuple[dict[str, Any], list[Array]]] = concurrent.futures.Future()
        run_on_main(lambda frame=frame, future=future: future.set_result(_respond(guest, frame)))  # type: ignore[misc]
        fields, arrays = future.result()
        if not reply(stream, {**fields, "nonce": frame.fields.get("nonce")}, arrays):
            return


def reply(stream: socket.socket, fields: dict[str, Any], arrays: list[Array]) -> bool:
    """Send an answer, or say that it is too large; False when nobody reads any more."""
    try:
        send_frame(stream, fields, arrays, _SEND_SECONDS)
    except (WireClosed, WireTimeout):
        return False
    except WireError as error:
        return reply(stream, {"ok": False, "kind": "unfit", "text": str(error), "nonce": fields["nonce"]}, [])
    return True


def _respond(guest: Guest, frame: Frame) -> tuple[dict[str, Any], list[Array]]:
    # While no cell runs, ipykernel ignores SIGINT; a probe that takes too long must be interruptible.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        try:
            node, arrays = guest.answer(frame)
            return {"ok": True, "value": node}, arrays
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except BaseException as error:
        return failure(error), []
    finally:
        with contextlib.suppress(Exception):
            signal.signal(signal.SIGINT, before)


def failure(error: BaseException, marks: tuple[str, ...] = CELL_MARKS) -> dict[str, Any]:
    """The answer to a question that could not be answered. ``marks`` tell files of the student's own code."""
    if isinstance(error, Refused):
        return {"ok": False, "kind": error.kind, "text": str(error)}
    if isinstance(error, WireError):
        return {"ok": False, "kind": "unfit", "text": str(error)}
    return {"ok": False, "kind": "raised", **_describe(error, marks)}


def _describe(error: BaseException, marks: tuple[str, ...]) -> dict[str, Any]:
    """Type, text, line in the student's own code and traceback, all bounded; ``str(error)`` may itself raise."""
    try:
        text = str(error)[:_TEXT]
    except BaseException:
        text = ""
    line, code = None, ""
    with contextlib.suppress(BaseException):
        for frame in traceback.extract_tb(error.__traceback__):
            if any(mark in frame.filename for mark in marks):
                line, code = (
                    frame.lineno,
                    (linecache.getline(frame.filename, frame.lineno or 0)).strip()[:200],
                )
    trace = ""
    with contextlib.suppress(BaseException):
        own = _own_frames(error.__traceback__, marks)
        trace = "".join(traceback.format_exception(type(error), error, own, limit=-12))[-_TEXT:]
    return {"name": type(error).__name__[:100], "text": text, "line": line, "code": code, "traceback": trace}


def _own_frames(trace: TracebackType | None, marks: tuple[str, ...]) -> TracebackType | None:
    """The traceback from the student's own code on; all of it where there is none."""
    own = trace
    while own is not None and not any(mark in own.tb_frame.f_code.co_filename for mark in marks):
        own = own.tb_next
    return own or trace


def start(descriptor: int, namespace: dict[str, Any], run_on_main: RunOnMain) -> None:
    """Serve ``namespace`` on an inherited socket from a thread of its own."""
    stream = socket.socket(fileno=descriptor)
    guest = Guest(namespace)
    threading.Thread(target=serve, args=(stream, guest, run_on_main), name="guest", daemon=True).start()
