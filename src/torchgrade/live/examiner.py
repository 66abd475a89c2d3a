"""The process of the graders, and what is said to it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np

from torchgrade.i18n import _
from torchgrade.live.answering import answer_question
from torchgrade.live.place import Place
from torchgrade.sandbox import loopback
from torchgrade.sandbox.guest import Guest, reply
from torchgrade.sandbox.handover import LIMITS
from torchgrade.wire import Array, Frame, WireClosed, receive_frame, send_frame

_START_SECONDS = 60.0
_SEND_SECONDS = 60.0
_LOOK_SECONDS = 0.2
#: Whether one process of graders can serve many checks; where it cannot be forked, each has one of its own.
FORKS = sys.platform == "linux"


class Examiner:
    """The process of the graders, and the stream to it."""

    def __init__(self) -> None:
        """Start it; ``connect`` waits for it."""
        self.owner = os.getpid()
        self.stream: socket.socket | None = None
        self._key, self._complaints = secrets.token_hex(16), tempfile.TemporaryFile()  # noqa: SIM115
        self._listener = loopback.listen()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "torchgrade.pipeline.live", str(self._listener.getsockname()[1])),
                *([] if FORKS else ["--once"]),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._complaints,
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for the kernel, which then ends this
        )
        assert self.process.stdin is not None
        with self.process.stdin as stdin, contextlib.suppress(OSError):
            stdin.write(f"{self._key}\n".encode())

    def connect(self) -> socket.socket:
        """The stream to it. Raises WireClosed where it does not start."""
        if self.stream is None:
            with self._listener as listener:
                self.stream = loopback.accept(listener, self._key, self.process, _START_SECONDS)
            if self.stream is None:
                raise WireClosed("it did not start")
        return self.stream

    def ask(self, request: dict[str, Any], place: Place) -> dict[str, Any] | None:
        """The answer, once this kernel has answered all questions; None where a fresh examiner must be asked.

        Raises WireError where the process has ended.
        """
        guest, stream = Guest(place.namespace, place.at_start), self.connect()
        send_frame(stream, {}, [_packed(request)], _SEND_SECONDS)
        while True:
            frame = _next(stream)
            if frame.fields["op"]:
                fields, arrays = answer_question(guest, frame, place.marks)
                reply(stream, {**fields, "nonce": frame.fields["nonce"]}, arrays)
                continue
            message = json.loads(frame.arrays[0].tobytes())
            if "tell" in message:
                print(message["tell"])
            else:
                return dict(message["done"]) if "done" in message else None

    def last_words(self) -> str:
        """The last line that it wrote on standard error."""
        self._complaints.seek(0)
        lines = self._complaints.read()[-4000:].decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else _("without a word")

    def close(self) -> None:
        """End it, and whatever it forked."""
        for each in (self.stream, self._listener, self._complaints):
            if each is not None:
                each.close()
        if self.owner != os.getpid():
            return
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()


def _next(stream: socket.socket) -> Frame:
    """The next frame. It is waited for in short turns: a blocked socket cannot be interrupted on Windows."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while not selector.select(_LOOK_SECONDS):
            pass
    return receive_frame(stream, LIMITS, None)


_examiner: Examiner | None = None


def living_examiner() -> tuple[Examiner, bool]:
    """The warm one, or one that is fresh (True); a fork of the kernel has no part in its parent's."""
    global _examiner
    if _examiner is not None and (_examiner.owner != os.getpid() or _examiner.process.poll() is not None):
        forget_examiner()
    fresh = _examiner is None
    if _examiner is None:
        _examiner = Examiner()
    return _examiner, fresh


def forget_examiner() -> None:
    global _examiner
    if _examiner is not None:
        _examiner.close()
        _examiner = None


def _environment() -> dict[str, str]:
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    own = {"PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "Agg", "CUDA_VISIBLE_DEVICES": ""}
    return {**os.environ, **one_thread, **own}


def _packed(document: dict[str, Any]) -> Array:
    return np.frombuffer(json.dumps(document).encode(), np.uint8)
