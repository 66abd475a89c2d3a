"""A room without walls: an ordinary kernel process, for a student's own machine where there is no Linux sandbox.

The same kernel and guest as in a sealed room, over loopback TCP. It is never used for a cohort unless a
teacher asks for ``--sandbox none``.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from torchgrade.errors import RoomError
from torchgrade.model import Tier
from torchgrade.sandbox import folders, guest, loopback, room_data
from torchgrade.sandbox.environment import room_environment
from torchgrade.sandbox.folders import Folder
from torchgrade.sandbox.kernel import configure, refuse_input
from torchgrade.sandbox.policy import CHANNELS
from torchgrade.sandbox.room import Connection, Ended

_LOOPBACK = "127.0.0.1"
_START_SECONDS = 60.0


class PlainRoom:
    """A kernel in a process of its own; implements ``torchgrade.sandbox.room.Room``."""

    tier = Tier.NONE

    def __init__(
        self, process: subprocess.Popen[bytes], probes: socket.socket, connection: Connection, folder: Folder
    ) -> None:
        self.process, self.probes, self.connection, self._folder = process, probes, connection, folder
        self._ended: Ended | None = None

    @classmethod
    def open(cls, *, threads: int = 1, data_root: str = "") -> PlainRoom:
        """Start a kernel; torchvision finds the data sets below ``data_root``. Raises RoomError."""
        folders.sweep()
        folder = Folder.make()
        home = folder.path
        with contextlib.ExitStack() as stack:
            stack.callback(folder.remove)
            ports = _free_ports(len(CHANNELS))
            connection = Connection(
                "tcp", _LOOPBACK, dict(zip(CHANNELS, ports, strict=True)), secrets.token_hex(16)
            )
            listener = stack.enter_context(loopback.listen())
            process = _spawn(home, connection, listener.getsockname()[1], threads, data_root)
            probes = _accept(listener, connection.key, process)
            stack.pop_all()
            listener.close()
        return cls(process, probes, connection, folder)

    def fileno(self) -> int:
        return -1

    def poll(self) -> Ended | None:
        code = self.process.poll()
        if code is not None and self._ended is None:
            self._ended = Ended(code, "exit")
        return self._ended

    def interrupt(self) -> None:
        with contextlib.suppress(OSError):
            if os.name == "posix":
                os.killpg(self.process.pid, signal.SIGINT)
            else:  # a process of another console cannot be interrupted: it is ended
                self.process.kill()

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            if os.name == "posix":
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()

    def end(self) -> Ended:
        self.kill()
        code = self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        self.probes.close()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self._folder.remove()
        self._ended = self._ended or Ended(code, "asked")
        return self._ended


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server((_LOOPBACK, 0))) for _ in range(count)]
        return [int(s.getsockname()[1]) for s in listeners]


def _spawn(
    home: Path, connection: Connection, probe_port: int, threads: int, data_root: str
) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **room_environment(str(home), str(home), threads, data=data_root)}
    environment["PATH"] = os.environ.get("PATH", environment["PATH"])
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "torchgrade.sandbox.plain"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=home,
        env=environment,
        start_new_session=True,
    )
    assert process.stdin is not None
    settings = {"ports": connection.ports, "key": connection.key, "probes": probe_port, "threads": threads}
    process.stdin.write(json.dumps(settings).encode() + b"\n")
    process.stdin.flush()
    return process


def _accept(listener: socket.socket, key: str, process: subprocess.Popen[bytes]) -> socket.socket:
    probes = loopback.accept(listener, key, process, _START_SECONDS)
    if probes is None:
        process.kill()
        process.wait()
        raise RoomError("the kernel did not start; `torchgrade doctor` says what is missing")
    return probes


def _end_with_harness() -> None:
    """The harness holds the other end of standard input: once it has gone, nobody else would end this process.

    Nor would anybody remove its folder, which is the current one now.
    """
    home = os.getcwd()
    harness = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)

    def wait() -> None:
        while os.read(harness, 1):
            pass
        shutil.rmtree(home, ignore_errors=True)  # what is written after this, the next harness sweeps up
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)  # with all that it started
        os._exit(1)

    threading.Thread(target=wait, name="harness", daemon=True).start()


def main() -> None:
    """The kernel's process: settings come as one line on standard input."""
    settings: dict[str, Any] = json.loads(sys.stdin.readline())
    _end_with_harness()
    import torch
    from ipykernel.kernelapp import IPKernelApp
    from tornado.ioloop import IOLoop

    from torchgrade.sandbox import compat

    sys.path.insert(0, "")  # files beside the notebook can be imported, as in Jupyter
    torch.set_num_threads(max(1, int(settings["threads"])))
    compat.warm()
    room_data.install()
    app = IPKernelApp.instance()
    app.update_config(configure(settings["key"], "tcp", _LOOPBACK, settings["ports"]))
    app.write_connection_file = lambda **_: None
    app.initialize([])
    refuse_input(app)
    probes = loopback.call_back(settings["probes"], settings["key"])
    guest.start(probes.detach(), app.kernel.shell.user_ns, IOLoop.current().add_callback)
    app.start()


if __name__ == "__main__":
    main()
