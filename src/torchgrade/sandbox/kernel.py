"""Starts a real ipykernel in a process that was forked warm, on sockets that the harness made."""

from __future__ import annotations

import gc
import logging
import random
import sys
import tempfile
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, ClassVar

from torchgrade.sandbox import gpu, guest, messages, room_data, workers
from torchgrade.sandbox.policy import CHANNELS, RoomRequest
from torchgrade.sandbox.wanted import bring, import_quietly

_NOBODY_TYPES = "input() was called, but nobody is there to type: give the value in the code instead"


def preload(wanted: Iterable[str] = ()) -> None:
    """Import what a notebook will want, so that every fork has it. One thread: others would not survive a fork.

    ``wanted``: the words of ``sandbox.wanted`` for what else is imported.
    """
    import numpy as np
    import torch

    np.random.seed(None)  # what this imports takes 10 ms

    torch.set_num_threads(1)
    import torch.nn.functional
    import torch.optim.lr_scheduler
    import torch.utils.data

    # Without a debugger a kernel starts 0.1 s sooner.
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    for name in _WARM:
        import_quietly(name)
    from torchgrade.sandbox import compat

    compat.warm()
    bring(wanted)
    _touch_less()


def _touch_less() -> None:
    """Spare each room what a kernel does to all modules and all loggers when it starts.

    Every object that it looks at is on a page to copy after a fork: half of all that are copied until it is ready.
    """
    from ipykernel import ipkernel
    from ipykernel.kernelapp import IPKernelApp
    from IPython.core import shellapp

    class Interpreter(ModuleType):
        """``sys``, but without the modules, whose files would be listed for a debugger and names for `%reset`."""

        modules: ClassVar[dict[str, ModuleType]] = {}

        def __getattr__(self, name: str) -> Any:
            return getattr(sys, name)

    ipkernel.sys = shellapp.sys = Interpreter("sys")
    _module_names.update(sys.modules)
    logging.getLogger(IPKernelApp.__name__).setLevel(logging.CRITICAL)
    IPKernelApp._configure_logging = lambda _: None
    # There are no arguments, and files of settings would make rooms differ from one machine to the next.
    IPKernelApp.parse_command_line = IPKernelApp.load_config_file = lambda *_, **__: None


_module_names: set[str] = set()

_WARM = (
    "IPython", "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.magics",
    "IPython.core.oinspect", "IPython.extensions.storemagic", "colorsys", "comm", "encodings.hex_codec",
    "encodings.idna", "faulthandler",
    "ipykernel.debugger", "ipykernel.heartbeat", "ipykernel.ipkernel", "ipykernel.kernelapp",
    "ipykernel.zmqshell", "jupyter_client.localinterfaces", "pdb",
    "tornado.platform.asyncio", "tornado.queues", "tqdm", "tqdm.auto", "tqdm.notebook", "zmq",
)  # fmt: skip


def start(request: RoomRequest, descriptors: list[int]) -> None:
    """Run the kernel until the room ends."""
    import numpy as np
    import torch

    gc.enable()  # the warm parent imports without
    torch.set_num_threads(max(1, request.threads))
    tempfile.tempdir = None  # the warm parent looked its own up; the room's is in the environment
    # Forks share the warm parent's random state: each room must draw its own, as a fresh kernel would.
    random.seed()
    np.random.seed(None)
    torch.default_generator.seed()  # torch.seed() would look for every kind of accelerator
    if request.gpu:
        gpu.keep_to_share(request.gpu_fraction)
    if not request.policy.mount_namespace:
        workers.without_shared_memory()  # /dev/shm is the host's
    room_data.install(link=True)
    _take_over_sockets(dict(zip(CHANNELS, descriptors, strict=False)), network=request.policy.network_namespace)
    ports = {name: number for number, name in enumerate(CHANNELS, 1)}
    sys.path.insert(0, "")  # files beside the notebook can be imported, as in Jupyter
    app = _application(configure(request.key, "ipc", f"{request.home}/.kernel", ports))
    app.initialize([])
    app.kernel.shell._sys_modules_keys = _module_names
    refuse_input(app)
    show_figures(app)
    if not request.policy.mount_namespace:
        app.kernel.shell.system = app.kernel.shell.system_raw  # `!command` by pipes: there is no terminal to have
    bound_outputs(app, request.limits.output_kb << 10)
    _serve_probes(descriptors[len(CHANNELS)], app.kernel.shell.user_ns)
    app.start()


def _serve_probes(descriptor: int, namespace: dict[str, Any]) -> None:
    from tornado.ioloop import IOLoop

    guest.start(descriptor, namespace, IOLoop.current().add_callback)


_INLINE = "module://matplotlib_inline.backend_inline"


def show_figures(app: Any) -> None:
    """What importing matplotlib does in a notebook, figures become pictures: here there was no shell then."""
    inline = sys.modules.get("matplotlib_inline.backend_inline")
    if inline is None:
        return
    from IPython.core.pylabtools import activate_matplotlib

    activate_matplotlib(_INLINE)
    inline.configure_inline_support(app.kernel.shell, _INLINE)


def refuse_input(app: Any) -> None:
    """``input()`` fails at once, in words, instead of waiting for somebody."""
    from IPython.core.error import StdinNotImplementedError

    def no_input(*_: object, **__: object) -> str:
        raise StdinNotImplementedError(_NOBODY_TYPES)

    app.kernel.raw_input = app.kernel.getpass = no_input


def bound_outputs(app: Any, budget: int) -> None:
    """Cut outputs where they are made: a flood then costs the harness nothing. The harness bounds them again."""
    app.session.send = Outlet(app.session.send, budget).send
    _send_often()


def _send_often() -> None:
    """Let text wait in bounded amounts: a fast cell prints more in 0.2 s than joins in memory, and all is lost."""
    from ipykernel.iostream import OutStream

    keep = OutStream.write

    def write(self: Any, string: str) -> Any:
        written = keep(self, string)
        self.torchgrade_waiting = getattr(self, "torchgrade_waiting", 0) + len(string)
        if self.torchgrade_waiting > _WAITING_CHARACTERS:
            self.torchgrade_waiting = 0
            self.flush()
        return written

    OutStream.write = write


class Outlet:
    """Sends what a budget of characters affords. Of what is beyond it, only that it is far too much is told."""

    def __init__(self, send: Callable[..., Any], budget: int) -> None:
        self._send, self._budget = send, budget
        self._left, self._dropped = 4 * budget, 0

    def send(self, stream: Any, message: Any, content: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As ``Session.send``, which gets a whole message or a kind and its content."""
        whole = isinstance(message, dict)
        kind, body = (message.get("msg_type"), message.get("content")) if whole else (message, content)
        if not isinstance(body, dict):
            return self._send(stream, message, content, *args, **kwargs)
        if kind in _ERRORS:
            body = _short_error(body, self._budget)
        elif isinstance(kind, str) and kind.startswith("comm_") and not kind.endswith("_reply"):
            return None  # widgets: nobody is there to move them
        elif kind == "execute_input":
            self._dropped = 0  # each cell anew
        elif kind in _OUTPUTS:
            short = _short_output(body, min(self._left, 2 * self._budget))
            kept = 0 if short is None else _size(short) + _ENVELOPE
            self._left -= kept
            self._dropped += _size(body) + _ENVELOPE - kept
            if short is None:
                if self._dropped < FLOOD_CHARACTERS:
                    return None
                self._dropped, short = 0, {**body, **_EMPTY[kind]}
                if whole:
                    message = {**message, "metadata": {messages.FLOOD: True}}
                else:
                    kwargs["metadata"] = {messages.FLOOD: True}
            body = short
        message, content = ({**message, "content": body}, content) if whole else (message, body)
        return self._send(stream, message, content, *args, **kwargs)


#: A cell that puts out so many characters more than are kept is stopped.
FLOOD_CHARACTERS = 64 << 20
#: A stream that was given so many is sent at once, and waited for.
_WAITING_CHARACTERS = 4 << 20
#: What a message costs beside its content.
_ENVELOPE = 100
_NO_DATA: dict[str, Any] = {"data": {}, "metadata": {}}
_EMPTY: dict[str, dict[str, Any]] = {
    "stream": {"text": ""},
    "display_data": _NO_DATA,
    "execute_result": _NO_DATA,
    "update_display_data": _NO_DATA,
    "clear_output": {},
}
_OUTPUTS = tuple(_EMPTY)
_ERRORS = ("error", "execute_reply")


def _short_output(body: dict[str, Any], room: int) -> dict[str, Any] | None:
    """An output of at most ``room`` characters: of a text the beginning stays, anything else is whole or None."""
    if _size(body) <= room:
        return body
    text = body.get("text")
    return {**body, "text": text[:room]} if isinstance(text, str) and room > 0 else None


def _short_error(body: dict[str, Any], budget: int) -> dict[str, Any]:
    """An error whose text is bounded. A message too large would break the connection, and the notebook with it."""
    if _size(body) <= budget // 2:
        return body
    cut: dict[str, Any] = {**body, "evalue": str(body.get("evalue", ""))[: budget // 8], "payload": []}
    if "traceback" in body:
        lines = [str(line)[: budget // 64] for line in body["traceback"]]
        cut["traceback"] = lines if len(lines) <= 16 else [*lines[:8], *lines[-8:]]
    return cut


def _size(body: Any) -> int:
    if isinstance(body, str):
        return len(body)
    if isinstance(body, dict):
        return sum(_size(v) for v in body.values())
    return sum(_size(v) for v in body) if isinstance(body, (list, tuple)) else 8


def configure(key: str, transport: str, ip: str, ports: dict[str, int]) -> Any:
    """ipykernel's settings: no history, no log, our key and sockets."""
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.IPKernelApp.transport = transport
    config.IPKernelApp.ip = ip
    config.Session.key = key.encode()
    for name, port in ports.items():
        config.IPKernelApp[f"{name}_port"] = port
    return config


def _application(config: Any) -> Any:
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.update_config(config)
    app.write_connection_file = lambda **_: None
    return app


def _take_over_sockets(sockets: dict[str, int], *, network: bool) -> None:
    """Let ZeroMQ listen on inherited sockets: their paths lie outside, where the room cannot look."""
    import zmq
    from ipykernel import heartbeat, kernelapp

    order = iter(("shell", "stdin", "control", "iopub"))

    def bind(_: object, socket: Any, __: int) -> int:
        name = next(order)
        socket.setsockopt(zmq.USE_FD, sockets[name])  # type: ignore[attr-defined]
        socket.bind(f"ipc:///tmp/.kernel-{name}")  # the name is not used: the descriptor is
        return 1

    def bind_heartbeat(self: Any) -> None:
        self.socket.setsockopt(zmq.USE_FD, sockets["hb"])  # type: ignore[attr-defined]
        self.socket.bind("ipc:///tmp/.kernel-hb")

    kernelapp.IPKernelApp._bind_socket = bind
    heartbeat.Heartbeat._bind_socket = bind_heartbeat
    if not network:
        # The pipe for subprocess output listens on 127.0.0.1; where there is no network at all, libzmq would
        # abort the whole process in getifaddrs(3).
        original = kernelapp.IOPubThread
        kernelapp.IOPubThread = lambda socket, pipe=False, session=False: original(
            socket, pipe=False, session=session
        )
