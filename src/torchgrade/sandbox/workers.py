"""Lets notebooks use worker processes where there is no /dev/shm: ``DataLoader(num_workers=2)``, pools, queues.

A room without a root of its own may not write /dev/shm, which is the host's, nor name a socket to pass
descriptors over. Semaphores are then event counters of the kernel, which forks inherit, and tensors go between
processes by value, through pipes. Runs in the student's process and protects nothing.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import threading
import time
from typing import Any

_RECURSIVE = 0


class CounterSemaphore:
    """``_multiprocessing.SemLock`` over an eventfd(2): same methods, no name, for processes that fork."""

    SEM_VALUE_MAX = 2**31 - 1
    name = None

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> None:
        self.kind, self.maxvalue = kind, maxvalue
        self.handle = os.eventfd(value, os.EFD_SEMAPHORE | os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._held, self._holder = 0, 0

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take one; False when there was none, or none came within ``timeout`` seconds."""
        if self.kind == _RECURSIVE and self._is_mine():
            self._held += 1
            return True
        until = math.inf if timeout is None else time.monotonic() + max(0.0, timeout)
        while True:
            try:
                os.eventfd_read(self.handle)
            except BlockingIOError:
                left = until - time.monotonic()
                if not block or left <= 0:
                    return False
                self._wait(left)
                continue
            self._held, self._holder = self._held + 1, threading.get_ident()
            return True

    def _wait(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        return bool(poll.poll(None if seconds == math.inf else 1000 * seconds))

    def release(self) -> None:
        """Give one back. Raises AssertionError or ValueError as the original does."""
        if self.kind == _RECURSIVE:
            if not self._is_mine():
                raise AssertionError("attempt to release recursive lock not owned by thread")
            if self._held > 1:
                self._held -= 1
                return
        elif self.maxvalue == 1 and not self._is_zero():
            raise ValueError("semaphore or lock released too many times")
        self._held -= 1
        os.eventfd_write(self.handle, 1)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _count(self) -> int:
        return self._held

    def _is_mine(self) -> bool:
        return self._held > 0 and self._holder == threading.get_ident()

    def _is_zero(self) -> bool:
        return not self._wait(0)

    def _get_value(self) -> int:
        """How many are left. Raises NotImplementedError in a worker, as on macOS: its /proc is not shown."""
        try:
            with open(f"/proc/self/fdinfo/{self.handle}") as file:
                fields = dict(line.split(":", 1) for line in file if ":" in line)
            return int(fields["eventfd-count"], 16)
        except (OSError, KeyError, ValueError):
            raise NotImplementedError from None

    def _after_fork(self) -> None:
        self._held = 0

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, OSError):
            os.close(self.handle)


def without_shared_memory() -> None:
    """From now on this process and its forks share no memory by name."""
    import multiprocessing
    import multiprocessing.heap
    import multiprocessing.synchronize as synchronize
    from multiprocessing.reduction import ForkingPickler

    import torch
    import torch.multiprocessing

    multiprocessing.set_start_method("fork", force=True)  # another one would pass descriptors over named sockets
    synchronize._multiprocessing.SemLock = CounterSemaphore  # type: ignore[attr-defined]
    multiprocessing.heap.Arena._dir_candidates = []  # type: ignore[attr-defined]
    reducers: dict[Any, Any] = ForkingPickler._extra_reducers  # type: ignore[attr-defined]
    for kind in [k for k in reducers if k.__module__.split(".")[0] == "torch"]:
        del reducers[kind]  # what is left is pickling by value
    torch.UntypedStorage._new_shared = classmethod(_new_private)  # type: ignore[assignment]


def _new_private(storage: Any, size: int, *, device: Any = "cpu") -> Any:
    """Where a DataLoader's worker collates a batch: its own memory, not a segment."""
    return storage(size, device=device)
