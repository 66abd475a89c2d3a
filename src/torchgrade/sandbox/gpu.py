"""GPU memory of a room: a share that PyTorch keeps to inside, and a watch outside that ends a greedy room."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from typing import NoReturn

from torchgrade.sandbox import syscalls
from torchgrade.sandbox.watch import descendants

_QUERY = ("--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits")
_EVERY_SECONDS = 1.0
_ANSWER_SECONDS = 10.0


def find_nvidia_smi() -> str:
    """Where the program is; empty if nowhere."""
    return shutil.which("nvidia-smi") or ""


def visible_gpus() -> dict[str, str]:
    """Which GPUs the harness was given: of its environment a room learns this alone."""
    return {name: os.environ[name] for name in ("CUDA_VISIBLE_DEVICES",) if name in os.environ}


def used_mb(table: str, pids: Collection[str]) -> int:
    """MiB that these processes hold on all GPUs, of ``pid, used`` lines; what is no number counts nothing."""
    total = 0
    for line in table.splitlines():
        pid, _, used = (part.strip() for part in line.partition(","))
        if pid in pids and used.isdigit():
            total += int(used)
    return total


def keep_to_share(fraction: float) -> None:
    """PyTorch shall take no more than this share of each GPU's memory, once it first touches one.

    Nothing is initialised here. Student code can undo it; the watch outside it cannot.
    """
    import torch

    def bound() -> None:
        for device in range(torch.cuda.device_count()):
            torch.cuda.set_per_process_memory_fraction(fraction, device)

    torch.cuda._lazy_call(bound)  # type: ignore[no-untyped-call]


def start_watch(command: str, limit_mb: int) -> tuple[int, int]:
    """Fork a process that watches all that this one will start; its pid, and a pipe that it writes to once.

    Must be called before this process enters namespaces: the driver names processes as the host does.
    """
    read, write = os.pipe()
    warden = os.getpid()
    pid = os.fork()
    if pid == 0:
        _watch(command, limit_mb, warden, write)
    os.close(write)
    return pid, read


def _watch(command: str, limit_mb: int, warden: int, write: int) -> NoReturn:
    code = 0
    try:
        syscalls.die_with_parent()
        syscalls.close_descriptors_except([write])
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while os.getppid() == warden:
            if used_mb(_ask(command), set(descendants(warden))) > limit_mb:
                os.write(write, b".")
                break
            time.sleep(_EVERY_SECONDS)
    except BaseException:
        code = 1
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


def _ask(command: str) -> str:
    """What the driver says; empty where it says nothing in time."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            [command, *_QUERY], capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False
        )
        return done.stdout
    return ""
