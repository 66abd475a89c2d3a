"""A Jupyter client for a kernel that may be hostile: bounded outputs, bounded patience, ends told by the room."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.session import Session
from nbclient import NotebookClient
from nbclient.client import CellExecutionComplete
from nbclient.exceptions import DeadKernelError

from torchgrade.sandbox import messages
from torchgrade.sandbox.room import Room

#: How long code that was interrupted may still run before the room is ended.
GRACE_SECONDS = 2.0
#: A message larger than this breaks the connection; the guest cuts an honest one long before.
MESSAGE_BYTES = 16 << 20
#: What waits unread has the size of so many; the rest waits in the room.
MESSAGES_WAITING = 4
_OUTPUTS_PER_CELL = 500
#: Outputs are cut long before, where they are made; only somebody who goes round that sends so much.
_FLOOD_BYTES = 64 << 20
_SPOILT_MESSAGES = 1000


class KernelDied(Exception):
    """The kernel ended while a cell ran, or before the first."""

    def __init__(self, index: int | None) -> None:
        super().__init__(f"the kernel died in cell {index}")
        self.index = index


class BoundedClient(NotebookClient):  # type: ignore[misc]
    """nbclient over a room: limits on output, and interrupts and deaths told by the room itself."""

    def __init__(self, nb: Any, room: Room, budget: int) -> None:
        super().__init__(nb, allow_errors=True, record_timing=False, iopub_timeout=2)
        self.room, self.budget = room, budget
        self.interrupted = self.cut = self.flooded = False
        self.spoilt = 0
        self._other_bytes = 0
        self._arrived = 0  # bytes of the message that is being read
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
        if messages.tells_flood(msg):
            self.cut = True
            return self._stop_flood()
        if msg["msg_type"] in messages.OUTPUTS:
            if not self._afford(msg["msg_type"], msg["content"], cell):
                return None
        elif not self._pass(msg):
            return None
        return super().process_message(msg, cell, cell_index)

    def _afford(self, kind: str, content: dict[str, Any], cell: Any) -> bool:
        """Take an output off the budget; False drops it. Of a text the beginning stays, of errors the first."""
        left = self.budget
        self.budget -= len(json.dumps(content, default=str)) * self._places(content)
        self._check_flood()
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

    def _pass(self, msg: dict[str, Any]) -> bool:
        """Whether a message that is no output is read at all. Honest ones are few and short."""
        if msg["msg_type"] in ("status", "execute_input"):
            return True
        self._other_bytes += 100 + len(json.dumps(msg["content"], default=str))
        self._check_flood()
        return not msg["msg_type"].startswith("comm")  # widgets: nobody is there to move them

    def _check_flood(self) -> None:
        """Whoever sends so much has gone round the guest's own limit: then nothing there is worth a wait."""
        if max(-self.budget, self._other_bytes) > _FLOOD_BYTES:
            self.flooded = True
            self.room.kill()

    def _stop_flood(self) -> None:
        """The guest says that a cell puts out far more than anybody will read: that is a limit like time."""
        if not self.flooded and not self.interrupted:
            self.flooded = True
            self._interrupt()

    def _places(self, content: dict[str, Any]) -> int:
        """How many outputs show this content: all that share its display id take it over."""
        name = (content.get("transient") or {}).get("display_id")
        return max(1, sum(len(known) for known in self._display_id_map.get(name, {}).values()))

    async def _async_poll_output_msg(self, parent_msg_id: str, cell: Any, cell_index: int) -> None:
        """nbclient's loop, for a sender that may be hostile: what cannot be read is passed over."""
        while True:
            try:
                msg = await self._next_message()
            except Exception:  # not JSON, of too many parts, nested without end, not signed, not even a message
                self._spoilt()
                continue
            parent = msg.get("parent_header")
            if isinstance(parent, dict) and parent.get("msg_id") == parent_msg_id:
                try:
                    self.process_message(msg, cell, cell_index)
                except CellExecutionComplete:
                    return

    async def _next_message(self) -> dict[str, Any]:
        """Raises what reading a spoilt one raises; its bytes count all the same."""
        self._arrived, channel = 0, self.kc.iopub_channel
        parts = await channel.socket.recv_multipart()
        self._arrived = sum(map(len, parts))
        return dict(channel.session.deserialize(channel.session.feed_identities(parts)[1]))

    def _spoilt(self) -> None:
        self.spoilt += 1
        self._other_bytes += self._arrived
        self._check_flood()
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
            self._interrupt()
            # nbclient has stopped its own watch and would wait for the whole limit once more.
            self._watcher = asyncio.ensure_future(self._async_poll_kernel_alive())

    def _interrupt(self) -> None:
        self.interrupted = True
        self.room.interrupt()
        self._killer = asyncio.get_running_loop().call_later(GRACE_SECONDS, self.room.kill)

    def cell_done(self) -> None:
        """Forget what was done to the cell that just ended."""
        if self._killer:
            self._killer.cancel()
            self._killer = None
        if self._watcher:
            self._watcher.cancel()
            self._watcher = None
        self.interrupted = self.flooded = False


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


def connect(room: Room, context: Any) -> Any:
    """A client of the room's kernel, its channels started; nobody will type into it."""
    connection = room.connection
    session = Session(key=connection.key.encode())
    session.unpack = messages.unpack
    kernel = AsyncKernelClient(
        context=context,
        transport=connection.transport,
        ip=connection.ip,
        session=session,
        **{f"{name}_port": port for name, port in connection.ports.items()},
    )
    kernel.allow_stdin = False
    kernel.start_channels(shell=True, iopub=True, stdin=False, hb=False, control=False)  # noqa: S604
    return kernel


async def wait_ready(kernel: Any, room: Room, seconds: float) -> None:
    """Until the kernel answers and its output channel is seen to work. Raises KernelDied after ``seconds``."""
    deadline = time.monotonic() + seconds
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
