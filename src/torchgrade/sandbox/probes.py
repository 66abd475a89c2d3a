"""Asks a room questions over its socket: one at a time, each with a nonce, bounded in time and size."""

from __future__ import annotations

import gc
import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from torchgrade.sandbox.room import Room, wait_gone
from torchgrade.sandbox.runner import GRACE_SECONDS
from torchgrade.testing.outcomes import BadAnswer, Died, Missing, OutOfMemory, ProbeFailure, Raised, TimedOut
from torchgrade.wire import (
    Array,
    Decoder,
    Encoder,
    Frame,
    Plain,
    Reference,
    WireClosed,
    WireError,
    WireLimits,
    WireTimeout,
    pack_header,
    receive_frame,
    send_frame,
)

_MEMORY_WORDS = ("can't allocate memory", "out of memory", "Cannot allocate memory")
_TEXT = 2000
_COLLECT_BYTES = 64 << 20


@dataclass(frozen=True)
class Handle:
    """An object of the student's, by number."""

    number: int


class Questioner:
    """The trusted end of a room's probe socket."""

    def __init__(self, room: Room, seconds: float, limits: WireLimits | None = None) -> None:
        self.room, self.seconds = room, seconds
        self.limits = limits or WireLimits()
        self.closed: ProbeFailure | None = None
        self._taken = 0  # bytes of answers since the last collection

    def ask(
        self, subject: str, op: str, fields: dict[str, Any], values: dict[str, Any], seconds: float | None = None
    ) -> Any:
        """Put one question. ``subject`` names it in messages, e.g. ``softmax``; ``seconds`` is another limit.

        Raises one of ``torchgrade.testing.outcomes``; after one that closed the room, always the same. Raises
        WireError when the question itself cannot be sent: that is the grader's fault.
        """
        if self.closed is not None:
            raise self.closed
        limit = self.seconds if seconds is None else seconds
        nonce = secrets.token_hex(8)
        encoder = Encoder(_special, self.limits)
        nodes = {name: encoder.encode(value) for name, value in values.items()}
        question = {"op": op, "nonce": nonce, "values": nodes, **fields}
        pack_header(question, encoder.arrays)  # refuses what is too large before anything is sent
        try:
            send_frame(self.room.probes, question, encoder.arrays, limit)
            self._make_room()
            frame = receive_frame(self.room.probes, self.limits, limit)
            self._taken += sum(a.nbytes for a in frame.arrays)
            if frame.fields.get("nonce") != nonce:
                raise WireError("an answer to another question")
            return self._read(subject, frame)
        except WireTimeout:
            raise self._time_out(subject, limit) from None
        except WireClosed:
            raise self._die(subject) from None
        except WireError as error:
            # After bytes that are not a frame nothing that follows can be trusted to begin where it should.
            self.closed = BadAnswer(f"`{subject}` did not give a value that can be examined ({error})")
            self.room.end()
            raise self.closed from None

    def _make_room(self) -> None:
        """A failure and the frames of its traceback hold each other, and with them the answer: 60 of 128 MiB
        are few objects, and the collector would wait for more."""
        if self._taken > _COLLECT_BYTES:
            self._taken = 0
            gc.collect()

    def _read(self, subject: str, frame: Frame) -> Any:
        fields = frame.fields
        if fields.get("ok") is not True:
            raise _failure(subject, fields)
        decoder = Decoder(frame.arrays, self.limits, array=torch.from_numpy, handle=Handle)
        try:
            return decoder.decode(fields.get("value"))
        except WireError as error:
            raise BadAnswer(f"`{subject}` did not give a value that can be examined ({error})") from None

    def _time_out(self, subject: str, limit: float) -> ProbeFailure:
        failure = TimedOut(f"`{subject}` did not answer within {limit:g} s")
        self.room.interrupt()
        try:
            receive_frame(self.room.probes, self.limits, GRACE_SECONDS)
        except WireError:
            self.closed = failure
            self.room.end()
        return failure

    def _die(self, subject: str) -> ProbeFailure:
        wait_gone(self.room, GRACE_SECONDS)
        ended = self.room.end()
        if ended.out_of_memory:
            self.closed = OutOfMemory(f"`{subject}` needed more memory than there is")
        else:
            self.closed = Died(f"`{subject}` ended the whole Python process instead of returning")
        return self.closed


def _failure(subject: str, fields: dict[str, Any]) -> ProbeFailure:
    """The typed outcome that a reply names; every part of the reply may be forged, none costs more than itself."""
    kind, text = fields.get("kind"), _text(fields.get("text"))
    if kind == "missing":
        return Missing(text, safe=f"`{subject}` is not defined")
    if kind == "no_gradient":
        return BadAnswer(
            f"no gradient flows through `{subject}`: somewhere it leaves PyTorch (`.item()`, `.detach()`, NumPy?)"
        )
    if kind != "raised":
        return BadAnswer(f"`{subject}`: {text}", safe=f"`{subject}` did not give a value that can be examined")
    name = _text(fields.get("name"))[:100] or "an error"
    if name == "MemoryError" or any(words in text for words in _MEMORY_WORDS):
        return OutOfMemory(f"`{subject}` needed more memory than there is")
    line, code = fields.get("line"), _text(fields.get("code"))[:200]
    where = f", in the line `{code}`" if code else ""
    return Raised(
        f"`{subject}` raised {name}: {text}{where}" if text else f"`{subject}` raised {name}{where}",
        safe=f"`{subject}` raised an error",
        name=name,
        line=line if type(line) is int else None,
        traceback=_text(fields.get("traceback"), 4000),
    )


def _text(value: Any, limit: int = _TEXT) -> str:
    """Text of a reply, bounded and fit for a file: half a surrogate pair would be none in UTF-8."""
    return value[:limit].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _special(value: Any) -> Array | Reference | Plain | None:
    if isinstance(value, torch.Tensor):
        plain = value.detach().cpu()
        return np.asarray((plain.float() if plain.dtype == torch.bfloat16 else plain).numpy())
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, np.generic):
        return Plain(value.item())
    if isinstance(value, Handle):
        return Reference(value.number)
    return None
