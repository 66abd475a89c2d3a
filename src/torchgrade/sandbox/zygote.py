"""The warm parent of all rooms: imports once, then forks a warden for each request.

Started by exec with a clean environment, so that nothing of the harness is in its memory or in
``/proc/self/environ``: ``python -m torchgrade.sandbox.zygote DESCRIPTOR [WORD …]``, the words for what rooms want
imported (``sandbox.wanted``). The descriptor is a
SOCK_SEQPACKET socket inherited at start; there is no path that a student's process could connect to. A
request is the JSON of a RoomRequest with nine descriptors: the room's link, five kernel sockets, the probes'
socket, the parent of the room's folder and the folder's lock. End of file ends the zygote; each room ends when
its own link closes.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from torchgrade.sandbox import kernel, syscalls, warden
from torchgrade.sandbox.policy import READY, REQUEST_BYTES, REQUEST_DESCRIPTORS, request_from_json, wanted_in
from torchgrade.sandbox.wanted import bring

#: What it and its rooms are called in a list of processes: 15 bytes.
NAME = "torchgrade-room"


def _name_process() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(NAME, encoding="ascii")


def be(control: socket.socket, wanted: Sequence[str]) -> NoReturn:
    """Become the warm parent, in a process that was forked for it."""
    code = 1
    try:
        syscalls.close_descriptors_except([control.fileno()])
        _name_process()
        os.chdir("/")
        serve(control, wanted)
        code = 0
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def serve(control: socket.socket, wanted: Sequence[str]) -> None:
    """Serve requests until the socket closes."""
    gc.disable()  # modules are not garbage: looking for some takes a third of the time of importing them
    kernel.preload(wanted)
    # What lives now lives for ever: a collection in a fork would copy every page that it looks at.
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # wardens are reaped by the kernel
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the harness, which then ends the rooms
    control.send(READY)
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, REQUEST_BYTES, REQUEST_DESCRIPTORS)
        if not data:
            return
        if bring(wanted_in(data)):
            gc.freeze()
        if os.fork() == 0:
            _warden(control, data, descriptors)
        for inherited in descriptors:
            os.close(inherited)


def _warden(control: socket.socket, data: bytes, descriptors: list[int]) -> None:
    code = 0
    try:
        control.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        link = socket.socket(fileno=descriptors[0])
        warden.keep(request_from_json(data), descriptors[1:], link, kernel.start)
    except BaseException:
        traceback.print_exc()
        code = 1
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _name_process()
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
    os._exit(0)  # an interpreter with torch takes 0.2 s to take itself apart
