"""A real Jupyter kernel in the folder of a course; the small courses of tests/grading are importable here."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "grading"))


class Kernel:
    """A kernel into which cells are typed; ``outputs`` are those of the last one."""

    def __init__(self, folder: Path) -> None:
        from jupyter_client.manager import start_new_kernel

        self.manager, self.client = start_new_kernel(cwd=str(folder), startup_timeout=60)
        self.outputs: list[dict[str, Any]] = []

    def run(self, code: str, *, interrupt_after: float = 0.0) -> str:
        """Everything that a cell put out, as text."""
        self.outputs = []
        if interrupt_after:
            threading.Timer(interrupt_after, self.manager.interrupt_kernel).start()
        self.client.execute_interactive(code, timeout=90, allow_stdin=False, output_hook=self._hear)
        return "".join(map(_text, self.outputs))

    def _hear(self, message: dict[str, Any]) -> None:
        if message["msg_type"] in ("stream", "display_data", "execute_result", "error"):
            self.outputs.append({"kind": message["msg_type"], **message["content"]})

    @property
    def html(self) -> str:
        """The only rich output of the last cell."""
        (found,) = [o["data"]["text/html"] for o in self.outputs if "text/html" in o.get("data", {})]
        return str(found)

    def end(self) -> None:
        """End it, once."""
        if not self.manager.has_kernel:
            return
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def alive(pid: int) -> bool:
    """Whether there is such a process, and not only its exit code."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and ") Z" in status.read_text())


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    """Whether it holds before the time is over."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _text(output: dict[str, Any]) -> str:
    if output["kind"] == "stream":
        return str(output["text"])
    if output["kind"] == "error":
        return f"{output['ename']}: " + "\n".join(output["traceback"]) + "\n"
    return str(output["data"]["text/plain"]) + "\n"


@pytest.fixture(scope="module")
def kernel_in() -> Iterator[Callable[[Path], Kernel]]:
    """kernel_in(folder): a fresh kernel that has this current folder; it is ended after the module."""
    started: list[Kernel] = []

    def start(folder: Path) -> Kernel:
        started.append(Kernel(folder))
        return started[-1]

    yield start
    for kernel in started:
        kernel.end()
    time.sleep(0.1)
