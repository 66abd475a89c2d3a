"""Imported before all else here: Ctrl-C while the rest is imported ends the process, and no traceback is shown."""

from __future__ import annotations

import signal
import threading

_changed = (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
)
if _changed:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def listen() -> None:
    """Ctrl-C is a KeyboardInterrupt again."""
    if _changed:
        signal.signal(signal.SIGINT, signal.default_int_handler)
