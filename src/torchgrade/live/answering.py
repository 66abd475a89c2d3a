"""One question, answered on the thread that called: with a clock, and with an eye on debuggers."""

from __future__ import annotations

import bdb
import signal
import sys
import threading
import time
from typing import Any

from torchgrade.sandbox.guest import failure
from torchgrade.wire import Array, Frame

#: Code that caught the first interrupt is interrupted again, so many seconds later.
_AGAIN_SECONDS = 2.0
#: Modules whose presence on a stack says that somebody looks at it.
_DEBUGGERS = ("bdb", "pdb", "IPython.core.debugger", "_pydevd_bundle", "pydevd", "debugpy")


def answer_question(guest: Any, frame: Frame, marks: tuple[str, ...]) -> tuple[dict[str, Any], list[Array]]:
    """The reply to one question. Raises KeyboardInterrupt where the student stops it."""
    clock = Clock(frame.fields["seconds"])
    try:
        try:
            clock.start()
            node, arrays = guest.answer(frame)
        finally:
            clock.stop()
        return {"ok": True, "value": node}, arrays
    except BaseException as error:
        if clock.struck:
            return {"ok": False, "kind": "timed_out"}, []
        if isinstance(error, (KeyboardInterrupt, bdb.BdbQuit)):
            raise
        return failure(error, marks), []


class Clock:
    """Interrupts the main thread, as Ctrl-C would, when a question takes too long; unless a debugger is at work.

    Where another thread called, nothing can be interrupted, and nothing is.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self.struck = seconds, False
        self._lock, self._done = threading.Lock(), threading.Event()

    def start(self) -> None:
        """Begin to count."""
        if threading.current_thread() is threading.main_thread():
            threading.Thread(target=self._run, name="torchgrade-clock", daemon=True).start()

    def stop(self) -> None:
        """Count no more. Raises KeyboardInterrupt where it has struck a moment ago."""
        self._done.set()
        with self._lock:  # after this it strikes no more
            struck = self.struck
        if struck:
            time.sleep(0.01)  # a signal that is on its way comes here, not later

    def _run(self) -> None:
        patience = self.seconds
        while not self._done.wait(patience):
            patience = _AGAIN_SECONDS
            with self._lock:
                if not self._done.is_set() and not _is_debugged():
                    self.struck = True
                    _interrupt()


def _interrupt() -> None:
    if hasattr(signal, "pthread_kill"):
        ident = threading.main_thread().ident
        assert ident is not None
        signal.pthread_kill(ident, signal.SIGINT)  # ends a sleep or a read too
    else:
        signal.raise_signal(signal.SIGINT)


def _is_debugged() -> bool:
    """Whether a debugger's code is on the main thread's stack."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(_DEBUGGERS):
            return True
        frame = frame.f_back
    return False
