"""A process that calls back over loopback TCP and shows a key: it works on every system."""

from __future__ import annotations

import contextlib
import hmac
import socket
import subprocess
import time

_LOOPBACK = "127.0.0.1"
_KEY_BYTES = 64


def listen() -> socket.socket:
    """Where the process is to call; its number is in ``getsockname()[1]``."""
    return socket.create_server((_LOOPBACK, 0))


def call_back(port: int, key: str) -> socket.socket:
    """The process's end of the stream."""
    stream = socket.create_connection((_LOOPBACK, port))
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream.sendall(key.encode().ljust(_KEY_BYTES))
    return stream


def accept(
    listener: socket.socket, key: str, process: subprocess.Popen[bytes], seconds: float
) -> socket.socket | None:
    """Our end of it, once the process has called and shown the key, so that nobody else can take its place.

    None where it has ended, or says nothing for ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        listener.settimeout(0.5)
        try:
            stream, _ = listener.accept()
        except TimeoutError:
            continue
        stream.settimeout(5.0)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            if hmac.compare_digest(_shown(stream), key.encode().ljust(_KEY_BYTES)):
                return stream
        stream.close()
    return None


def _shown(stream: socket.socket) -> bytes:
    shown = b""
    while len(shown) < _KEY_BYTES and (part := stream.recv(_KEY_BYTES - len(shown))):
        shown += part
    return shown
