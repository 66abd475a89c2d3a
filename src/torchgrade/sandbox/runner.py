"""Runs a notebook in a room, with nbclient, cell by cell; keeps what it printed, within bounds."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import nbformat
import zmq
import zmq.asyncio
from nbclient.exceptions import DeadKernelError

from torchgrade.model import CellReport, Limits
from torchgrade.sandbox.client import (
    GRACE_SECONDS,
    MESSAGE_BYTES,
    MESSAGES_WAITING,
    BoundedClient,
    KernelDied,
    connect,
    wait_ready,
)
from torchgrade.sandbox.room import Room, SealedRoom

__all__ = ["BAD_MESSAGES", "GRACE_SECONDS", "OUTPUT_LIMIT", "TIME_LIMIT", "KernelDied", "Run", "run_notebook"]

#: Marks a cell that was killed because it did not heed the interrupt.
TIME_LIMIT = "TimeLimit"
#: Marks a cell that was stopped because it put out far more than is kept.
OUTPUT_LIMIT = "OutputLimit"
#: Marks a cell after which the kernel no longer spoke its protocol.
BAD_MESSAGES = "BadMessages"
_READY_SECONDS = 20.0


@dataclass
class Run:
    """One execution of a notebook. ``notebook`` holds the outputs; ``died_in`` is the cell that ended it all."""

    notebook: dict[str, Any]
    cells: list[CellReport] = field(default_factory=list)
    died_in: int | None = None
    seconds: float = 0.0
    cut: bool = False  # outputs were left out


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
    client = BoundedClient(nb, room, limits.output_kb << 10)
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES)  # type: ignore[attr-defined]
    context.setsockopt(zmq.RCVHWM, MESSAGES_WAITING)  # type: ignore[attr-defined]
    kernel = connect(room, context)
    run = Run(notebook=nb)
    start = time.monotonic()
    deadline = start + (limits.notebook_seconds if seconds is None else seconds)
    try:
        await wait_ready(kernel, room, _READY_SECONDS)
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


async def _run_cells(
    client: BoundedClient,
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
            name = OUTPUT_LIMIT if client.flooded else TIME_LIMIT if client.interrupted else ""
            client.cell_done()
            if not isinstance(error, DeadKernelError):
                name = BAD_MESSAGES
                client.room.kill()
            run.died_in = index
            run.cells.append(CellReport(index, "killed", time.monotonic() - begin, error_name=name))
            continue
        run.cells.append(_report(index, cell, time.monotonic() - begin, client))
        client.cell_done()


def _report(index: int, cell: Any, seconds: float, client: BoundedClient) -> CellReport:
    interrupted = client.interrupted
    if client.flooded:
        return CellReport(index, "interrupted", seconds, OUTPUT_LIMIT)
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
