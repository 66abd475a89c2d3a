"""The warm parent of all rooms: imports once, then forks a warden for each request.

Started by exec with a clean environment, so that nothing of the harness is in its memory or in
``/proc/self/environ``: ``python -m torchgrade.sandbox.zygote DESCRIPTOR``. The descriptor is a
SOCK_SEQPACKET socket inherited at start; there is no path that a student's process could connect to. A
request is the JSON of a RoomRequest with eight descriptors: the room's link, five kernel sockets, the
probes' socket. End of file ends the zygote; each room ends when its own link closes.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import traceback

from torchgrade.sandbox import kernel, warden
from torchgrade.sandbox.policy import READY, REQUEST_BYTES, request_from_json


def main(descriptor: int) -> None:
    """Serve requests until the socket closes."""
    control = socket.socket(fileno=descriptor)
    kernel.preload()
    # What lives now lives for ever: a collection in a fork would copy every page that it looks at.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # wardens are reaped by the kernel
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the harness, which then ends the rooms
    control.send(READY)
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, REQUEST_BYTES, 16)
        if not data:
            return
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
    main(int(sys.argv[1]))
