"""A dask scheduler and its workers, each a process of its own: started, killed and stopped one by one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SCHEDULER = """
import asyncio
from distributed import Scheduler

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False, dashboard_address=None) as scheduler:
        print(scheduler.address, flush=True)
        await scheduler.finished()

asyncio.run(main())
"""

WORKER = """
import asyncio, sys
if "--without-torchgrade" in sys.argv:
    sys.modules["torchgrade"] = None
from distributed import Worker
from torchgrade.pipeline import keys
{patch}

async def main():
    resources = {{"GPU": 1}} if "--gpu" in sys.argv else {{}}
    async with Worker(
        sys.argv[1], host="127.0.0.1", nthreads=int(sys.argv[2]), resources=resources, local_directory=sys.argv[3],
        dashboard=False, dashboard_address=None,
    ) as worker:
        print(worker.address, flush=True)
        await worker.finished()

asyncio.run(main())
"""


class Process:
    """A scheduler or a worker. ``address``: where it listens."""

    def __init__(self, program: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__GIL__ENABLED": "False"},
        )
        self._address = ""

    @property
    def address(self) -> str:
        if not self._address:
            assert self.process.stdout is not None
            self._address = self.process.stdout.readline().strip()
            assert self._address, "it did not start"
        return self._address

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()


class Cluster:
    """What one test has started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scheduler = Process(SCHEDULER)
        self.workers: list[Process] = []

    @property
    def address(self) -> str:
        return self.scheduler.address

    def start_worker(self, *options: str, threads: int = 1, patch: str = "") -> Process:
        """``patch``: what is different on this worker, as Python."""
        folder = self.folder / f"worker{len(self.workers)}"
        program = WORKER.format(patch=patch)
        if "--without-torchgrade" in options:
            program = program.replace("from torchgrade.pipeline import keys", "")
        self.workers.append(Process(program, self.address, str(threads), str(folder), *options))
        return self.workers[-1]

    def start_workers(self, count: int, threads: int = 1, patch: str = "") -> list[Process]:
        """So many, at the same time; they are there when this returns."""
        started = [self.start_worker(threads=threads, patch=patch) for _ in range(count)]
        for worker in started:
            assert worker.address
        return started

    def end(self) -> None:
        for worker in self.workers:
            worker.process.terminate()
        for each in (*self.workers, self.scheduler):
            each.end()


def until(condition: object, seconds: float = 30.0) -> bool:
    """Wait for a condition, a function without arguments."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(condition())
