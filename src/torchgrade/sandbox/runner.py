"""Runs a notebook in a room, with nbclient, cell by cell; keeps what it printed, within bounds."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import nbformat
import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.session import Session
from nbclient import NotebookClient
from nbclient.client import CellExecutionComplete
from nbclient.exceptions import DeadKernelError

from torchgrade.model import CellReport, Limits
from torchgrade.sandbox import messages
from torchgrade.sandbox.room import Room, SealedRoom

#: How long code that was interrupted may still run before the room is ended.
GRACE_SECONDS = 2.0
#: Marks a cell that was killed because it did not heed the interrupt.
TIME_LIMIT = "TimeLimit"
#: Marks a cell after which the kernel no longer spoke its protocol.
BAD_MESSAGES = "BadMessages"
_READY_SECONDS = 20.0
#: A message larger than this breaks the connection; the guest cuts an honest one long before.
_MESSAGE_BYTES = 16 << 20
_MESSAGES_WAITING = 64
_OUTPUTS_PER_CELL = 500
#: Outputs are cut long before, where they are made; only somebody who goes round that sends so much.
_FLOOD_BYTES = 64 << 20
_SPOILT_MESSAGES = 1000


class KernelDied(Exception):
    """The kernel ended while a cell ran, or before the first."""

    def __init__(self, index: int | None) -> None:
        super().__init__(f"the kernel died in cell {index}")
        self.index = index


@dataclass
class Run:
    """One execution of a notebook. ``notebook`` holds the outputs; ``died_in`` is the cell that ended it all."""

    notebook: dict[str, Any]
    cells: list[CellReport] = field(default_factory=list)
    died_in: int | None = None
    seconds: float = 0.0
    cut: bool = False  # outputs were left out


class _BoundedClient(NotebookClient):  # type: ignore[misc]
    """nbclient over a room: limits on output, and interrupts and deaths told by the room itself."""

    def __init__(self, nb: Any, room: Room, budget: int) -> None:
        super().__init__(nb, allow_errors=True, record_timing=False, iopub_timeout=2)
        self.room, self.budget = room, budget
        self.interrupted = self.cut = False
        self.spoilt = 0
        self.cell_seconds = 0.0
        self._killer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Future[None] | None = None

    def _get_timeout(self, cell: Any) -> float:
        """nbclient's own setting takes whole seconds alone."""
        return self.cell_seconds

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Count what is kept; what is beyond the budget is dropped, but the cell goes on."""
        if not messages.is_sound(msg):
            return self._spoilt()
        if msg["msg_type"] in messages.OUTPUTS:
            if not self._afford(msg["msg_type"], msg["content"], cell):
                return None
        elif msg["msg_type"].startswith("comm"):  # widgets: nobody is there to move them
            return None
        return super().process_message(msg, cell, cell_index)

    def _afford(self, kind: str, content: dict[str, Any], cell: Any) -> bool:
        """Take an output off the budget; False drops it. Of a text the beginning stays, of errors the first."""
        left = self.budget
        self.budget -= len(json.dumps(content, default=str)) * self._places(content)
        if self.budget < -_FLOOD_BYTES:
            self.room.kill()  # whoever sends so much has gone round the guest's own limit
        if self.budget >= 0 and len(cell.outputs) < _OUTPUTS_PER_CELL:
            return True
        self.cut = True
        if kind == "error" and not any(o.output_type == "error" for o in cell.outputs):
            content.update(ename=content["ename"][:200], evalue=content["evalue"][:2000], traceback=[])
            return True
        if kind == "stream" and left > 0 and len(cell.outputs) < _OUTPUTS_PER_CELL:
            content["text"] = content["text"][:left]
            return True
        return False

    def _places(self, content: dict[str, Any]) -> int:
        """How many outputs show this content: all that share its display id take it over."""
        name = (content.get("transient") or {}).get("display_id")
        return max(1, sum(len(known) for known in self._display_id_map.get(name, {}).values()))

    async def _async_poll_output_msg(self, parent_msg_id: str, cell: Any, cell_index: int) -> None:
        """nbclient's loop, for a sender that may be hostile: what cannot be read is passed over."""
        while True:
            try:
                msg = await self.kc.iopub_channel.get_msg(timeout=None)
            except Exception:  # not JSON, nested without end, not signed, not even a message
                self._spoilt()
                continue
            parent = msg.get("parent_header")
            if isinstance(parent, dict) and parent.get("msg_id") == parent_msg_id:
                try:
                    self.process_message(msg, cell, cell_index)
                except CellExecutionComplete:
                    return

    def _spoilt(self) -> None:
        self.spoilt += 1
        if self.spoilt > _SPOILT_MESSAGES:
            self.room.kill()

    async def _async_check_alive(self) -> None:
        if self.room.poll() is not None:
            raise DeadKernelError("Kernel died")

    async def _async_poll_kernel_alive(self) -> None:
        await _until_ended(self.room)
        if self.task_poll_for_reply is not None:
            self.task_poll_for_reply.cancel()

    async def _async_handle_timeout(self, timeout: float, cell: Any = None) -> None:
        if not self.interrupted:
            self.interrupted = True
            self.room.interrupt()
            self._killer = asyncio.get_running_loop().call_later(GRACE_SECONDS, self.room.kill)
            # nbclient has stopped its own watch and would wait for the whole limit once more.
            self._watcher = asyncio.ensure_future(self._async_poll_kernel_alive())

    def cell_done(self) -> bool:
        """Whether the cell that just ended had been interrupted."""
        if self._killer:
            self._killer.cancel()
            self._killer = None
        if self._watcher:
            self._watcher.cancel()
            self._watcher = None
        interrupted, self.interrupted = self.interrupted, False
        return interrupted


async def _until_ended(room: Room) -> None:
    if room.poll() is not None:
        return
    descriptor = room.fileno()
    if descriptor < 0:
        while room.poll() is None:
            await asyncio.sleep(0.05)
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        while room.poll() is None:
            await ended.wait()
            ended.clear()
    finally:
        loop.remove_reader(descriptor)


def run_notebook(
    room: Room,
    notebook: dict[str, Any],
    limits: Limits,
    *,
    skip: Collection[int] = (),
    seconds: float | None = None,
    tick: Callable[[int], None] | None = None,
) -> Run:
    """Run all code cells but ``skip``; ``seconds`` is what is left of the notebook's time."""
    return asyncio.run(_run(room, notebook, limits, frozenset(skip), seconds, tick))


async def _run(
    room: Room,
    notebook: dict[str, Any],
    limits: Limits,
    skip: frozenset[int],
    seconds: float | None,
    tick: Callable[[int], None] | None,
) -> Run:
    nb = nbformat.from_dict(notebook)
    client = _BoundedClient(nb, room, limits.output_kb << 10)
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.MAXMSGSIZE, _MESSAGE_BYTES)  # type: ignore[attr-defined]
    context.setsockopt(zmq.RCVHWM, _MESSAGES_WAITING)  # type: ignore[attr-defined]
    kernel = _connect(room, context)
    run = Run(notebook=nb)
    start = time.monotonic()
    deadline = start + (limits.notebook_seconds if seconds is None else seconds)
    try:
        await _wait_ready(kernel, room)
        if isinstance(room, SealedRoom):
            room.hide_sockets()
        client.kc, client.km = kernel, None
        client.reset_execution_trackers()
        await _run_cells(client, run, limits, skip, deadline, tick)
    finally:
        client.cell_done()
        kernel.stop_channels()
        context.destroy(linger=0)
    run.seconds, run.cut = time.monotonic() - start, client.cut
    return run


def _connect(room: Room, context: Any) -> Any:
    connection = room.connection
    kernel = AsyncKernelClient(
        context=context,
        transport=connection.transport,
        ip=connection.ip,
        session=Session(key=connection.key.encode()),
        **{f"{name}_port": port for name, port in connection.ports.items()},
    )
    kernel.allow_stdin = False
    kernel.start_channels(shell=True, iopub=True, stdin=False, hb=False, control=False)  # noqa: S604
    return kernel


async def _wait_ready(kernel: Any, room: Room) -> None:
    """Until the kernel answers and its output channel is seen to work. Raises KernelDied."""
    deadline = time.monotonic() + _READY_SECONDS
    answered = False
    while time.monotonic() < deadline and room.poll() is None:
        kernel.kernel_info()
        try:
            answered = answered or bool(await kernel.get_shell_msg(timeout=0.5))
            while (await kernel.get_iopub_msg(timeout=0.5))["content"].get("execution_state") != "idle":
                pass
        except Exception:  # noqa: S112 - queue.Empty, or a first message that came half
            continue
        if answered:
            return
    raise KernelDied(None)


async def _run_cells(
    client: _BoundedClient,
    run: Run,
    limits: Limits,
    skip: frozenset[int],
    deadline: float,
    tick: Callable[[int], None] | None,
) -> None:
    for index, cell in enumerate(client.nb.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        left = deadline - time.monotonic()
        if index in skip or left <= 0 or run.died_in is not None:
            run.cells.append(CellReport(index, "killed" if index in skip else "skipped"))
            continue
        if tick:
            tick(index)
        client.cell_seconds = min(limits.cell_seconds, left)
        begin = time.monotonic()
        try:
            await client.async_execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
        except Exception as error:
            # The kernel died, or its replies are not of the protocol: only the student's code can do either.
            name = TIME_LIMIT if client.cell_done() else ""
            if not isinstance(error, DeadKernelError):
                name = BAD_MESSAGES
                client.room.kill()
            run.died_in = index
            run.cells.append(CellReport(index, "killed", time.monotonic() - begin, error_name=name))
            continue
        run.cells.append(_report(index, cell, time.monotonic() - begin, interrupted=client.cell_done()))


def _report(index: int, cell: Any, seconds: float, *, interrupted: bool) -> CellReport:
    error = next((o for o in cell.outputs if o.get("output_type") == "error"), None)
    if error is None:
        return CellReport(index, "interrupted" if interrupted else "ok", seconds)
    name, value = str(error.get("ename", ""))[:200], str(error.get("evalue", ""))[:2000]
    status = "interrupted" if interrupted and name == "KeyboardInterrupt" else "error"
    return CellReport(index, status, seconds, name, value, _line(error.get("traceback", [])))


#: As IPython writes it. Everything in a traceback may be the student's: no pattern here may look back.
_CELL_LINE = re.compile(r"Cell In ?\[\d{1,9}\], line (\d{1,9})")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def _line(traceback: Any) -> int | None:
    """The line in the cell itself, from IPython's ``Cell In[3], line 5``; the first one is the outermost."""
    text = "\n".join(t for t in traceback if isinstance(t, str))[:20_000] if isinstance(traceback, list) else ""
    found = _CELL_LINE.search(_COLOURS.sub("", text))
    return int(found[1]) if found else None
