"""What this machine has: processors, memory, and whether a GPU can be used."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchgrade.errors import UsageError
from torchgrade.model import Assignment
from torchgrade.pipeline import gpus
from torchgrade.pipeline.gpus import Gpu, Slot

#: Memory that a worker should find free before another is started beside it.
_MEMORY_PER_JOB_MB = 1500


def default_jobs() -> int:
    """As many submissions at once as there are processors, and memory for."""
    return max(1, min(processors(), available_mb() // _MEMORY_PER_JOB_MB))


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux: a batch system gives a job some of them
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_mb(meminfo: Path = Path("/proc/meminfo")) -> int:
    """MiB that programs can still have; what only caches files counts, since the system gives it up."""
    with contextlib.suppress(OSError, ValueError):
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) >> 10
    return _MEMORY_PER_JOB_MB


@dataclass(frozen=True)
class Place:
    """Where a run computes. ``note`` says why not on a GPU, where there is one."""

    device: str = "cpu"  # or cuda
    gpus: tuple[Gpu, ...] = ()
    note: str = ""


def choose_place(wanted: str, assignment: Assignment, wanted_gpus: int = 0, *, elsewhere: bool = False) -> Place:
    """The GPUs of this machine (the first ``wanted_gpus``, 0: all) or its processors.

    ``elsewhere``: other machines compute, whose GPUs are known there; one is then used only where it is asked for.
    ``wanted`` is auto, cpu or cuda. Raises UsageError when a GPU is asked for, by the command or by the
    assignment, and cannot be had, with the reason.
    """
    if wanted == "cpu" or (wanted == "auto" and assignment.device == "cpu"):
        if wanted_gpus:
            raise UsageError(f"--gpus {wanted_gpus}: {assignment.id} is graded on the CPU; say --device cuda")
        return Place()
    if elsewhere:
        if wanted_gpus:
            raise UsageError(f"--gpus {wanted_gpus}: the workers of a --scheduler are started with their GPUs")
        return Place("cuda" if "cuda" in (wanted, assignment.device) else "cpu")
    found = gpus.find_gpus()
    reason = gpus.why_not(found)
    if not reason:
        return Place("cuda", tuple(gpus.chosen(found, wanted_gpus)))
    if asked := _who_asked(wanted, assignment, wanted_gpus):
        raise UsageError(f"{asked}: {reason}; --device cpu grades without")
    return Place(note=f"on the CPU: {reason}" if found else "")


def _who_asked(wanted: str, assignment: Assignment, wanted_gpus: int) -> str:
    if wanted == "cuda":
        return "--device cuda"
    if wanted_gpus:
        return f"--gpus {wanted_gpus}"
    return f"{assignment.id} wants a GPU (`device: cuda`)" if assignment.device == "cuda" else ""


def slots(place: Place, jobs: int) -> list[Slot]:
    """One for each submission that is examined at the same time: ``jobs``, or as many as the GPUs hold."""
    return gpus.slots_on(place.gpus, jobs) if place.gpus else [Slot()] * jobs


def on_slot(slot: Slot, jobs: int) -> dict[str, Any]:
    """What a slot, one of ``jobs`` on this machine, adds to a job."""
    return {
        "threads": max(1, processors() // jobs),
        "gpu": slot.gpu,
        "gpu_fraction": slot.fraction,
        "gpu_memory_mb": slot.memory_mb,
    }
