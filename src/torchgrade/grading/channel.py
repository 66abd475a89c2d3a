"""Messages between the harness and its warm examiner, over a socket: u32 length and JSON. Both ends are ours."""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from typing import Any


def send(stream: socket.socket, message: dict[str, Any]) -> None:
    data = json.dumps(message).encode()
    stream.sendall(struct.pack("<I", len(data)) + data)


def receive(stream: socket.socket, seconds: float | None) -> dict[str, Any] | None:
    """One message; None at end of file or when it does not come in time."""
    deadline = None if seconds is None else time.monotonic() + seconds
    head = _exactly(stream, 4, deadline)
    body = _exactly(stream, struct.unpack("<I", head)[0], deadline) if head else None
    return dict(json.loads(body)) if body else None


def _exactly(stream: socket.socket, count: int, deadline: float | None) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([stream], [], [], left)[0]:
            return None
        try:
            part = stream.recv(min(1 << 20, count - len(data)))
        except OSError:
            return None
        if not part:
            return None
        data += part
    return bytes(data)
