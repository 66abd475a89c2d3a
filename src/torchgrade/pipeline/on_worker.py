"""What runs on a worker of a dask cluster: it says whether it is fit, and examines jobs with a warm examiner.

Nothing here is called by the command itself: ``pipeline.cluster`` sends it over. A worker finds the course at the
same path as the command (a shared file system), and refuses jobs of another version of it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchgrade.data import PreparedData
from torchgrade.errors import BrokenError, TorchgradeError
from torchgrade.grading import warm
from torchgrade.pipeline import keys
from torchgrade.pipeline.gpus import Slot, Slots, find_gpus, slots_on, why_not
from torchgrade.pipeline.machine import on_slot
from torchgrade.spec import load_course

#: An examiner that nobody has used for so long is ended when another is started.
_IDLE_SECONDS = 600.0
_PASSED_OVER = ("cohort", "__pycache__", ".ipynb_checkpoints")  # as in keys.assignment_digests


@dataclass(frozen=True)
class Wanted:
    """What a worker must have to examine a run's jobs. Travels as plain data, so that any version can read it."""

    setup: warm.Setup
    digests: dict[str, str]
    limits: dict[str, float]  # course.yaml has a part in them, and is in no digest
    versions: dict[str, str]
    gpu: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain data; ``wanted_from_json`` is its inverse."""
        return dataclasses.asdict(self)


def wanted_from_json(data: dict[str, Any]) -> Wanted:
    """Raises TypeError for what another version of torchgrade has sent."""
    return Wanted(**{**data, "setup": warm.Setup(**data["setup"])})


# --- the two things that the command asks for ------------------------------------------------------------------


async def introduce(wanted: dict[str, Any], dask_worker: Any) -> dict[str, Any]:
    """``host``, ``threads``, ``gpus`` (the resource GPU), and ``problem``: why it cannot help; empty where it can.

    Runs beside the worker's tasks. Where all is well, its examiner is warm afterwards.
    """
    about = {
        "host": socket.gethostname(),
        "threads": int(dask_worker.state.nthreads),
        "gpus": int(dask_worker.state.total_resources.get("GPU", 0)),
        "problem": "",
    }
    if about["gpus"] or not wanted["gpu"]:
        about["problem"] = await asyncio.to_thread(_problem, wanted_from_json(wanted))
    return about


def examine_here(
    wanted: dict[str, Any], crowd: dict[str, int], job: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """Examine one job: ``verdict``; or ``refused``, the reason, and the ``worker``, which must not be asked again.

    ``crowd``: how many jobs may run at once on each machine, by its host name. Raises BrokenError, RoomError.
    """
    from distributed import get_worker

    worker, here = get_worker(), wanted_from_json(wanted)
    if problem := _difference(here):
        return {"refused": problem, "worker": worker.address}
    jobs = max(crowd.get(socket.gethostname(), 1), worker.state.nthreads)
    with _slots(here.gpu, worker).lent() as slot, _lent_examiner(here) as examiner:
        local = {**job, **on_slot(slot, jobs), "versions": keys.versions()}
        return {"verdict": examiner.examine(local, seconds).to_json()}


# --- is it fit? ------------------------------------------------------------------------------------------------


def _problem(wanted: Wanted) -> str:
    """Why this machine cannot examine what is wanted, in words for a teacher; empty where it can."""
    if problem := _difference(wanted):
        return problem
    if wanted.gpu and (reason := why_not(find_gpus())):
        return reason
    try:
        with _lent_examiner(wanted) as examiner:
            examiner.wait_ready()
    except TorchgradeError as error:
        return str(error).strip().splitlines()[-1]
    return ""


def _difference(wanted: Wanted) -> str:
    """In what this worker differs from the command, so that its verdicts would be others; empty: in nothing."""
    for name, version in wanted.versions.items():
        # CPU and CUDA builds of one version differ behind the plus; the verdict tells which one it was.
        if (have := keys.versions().get(name, "none")).partition("+")[0] != version.partition("+")[0]:
            return f"it has {name} {have}, not {version}"
    try:
        found = _Here.of(wanted.setup)
    except (TorchgradeError, OSError) as error:
        return f"{error}".strip().splitlines()[-1]
    different = [name for name, digest in wanted.digests.items() if found.digests.get(name) != digest]
    different += ["limits"] if found.limits != wanted.limits else []
    what = wanted.setup.assignment
    return (
        f"it has another version of {what} ({', '.join(different)}) in {wanted.setup.course}" if different else ""
    )


@dataclass(frozen=True)
class _Here:
    """What this machine has of a course. Read again only where os.stat says that something has changed."""

    stamp: tuple[Any, ...]
    digests: dict[str, str]
    limits: dict[str, float]

    @classmethod
    def of(cls, setup: warm.Setup) -> _Here:
        """Raises TorchgradeError or OSError where there is no such course."""
        known, stamp = _known.get(setup), tuple(_stamp(setup))
        if known is None or known.stamp != stamp:
            known = _known[setup] = cls(stamp, *_read(setup))
        return known


_known: dict[warm.Setup, _Here] = {}


def _read(setup: warm.Setup) -> tuple[dict[str, str], dict[str, float]]:
    """(digests, limits)."""
    assignment = load_course(Path(setup.course), only=setup.assignment).assignment(setup.assignment)
    if assignment is None:
        raise BrokenError(f"there is no assignment {setup.assignment!r} in {setup.course}")
    digests = keys.assignment_digests(assignment)
    if setup.data:
        digests["data"] = PreparedData.open(Path(setup.data)).digest
    return digests, dataclasses.asdict(assignment.limits)


def _stamp(setup: warm.Setup) -> Iterator[tuple[str, int, int, int, int]]:
    """Name, inode, size and times of all files that a digest is made of, in the order of the folders."""
    root = Path(setup.course)
    for name in ("assignments", "graders", "solutions"):
        yield from _stamps_below(str(root / name / setup.assignment))
    for file in (root / "course.yaml", *([Path(setup.data) / "prepared.json"] if setup.data else [])):
        yield _stamp_of(str(file), os.stat(file))


def _stamps_below(folder: str) -> Iterator[tuple[str, int, int, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in _PASSED_OVER:
                continue
            if entry.is_dir():
                yield from _stamps_below(entry.path)
            else:
                yield _stamp_of(entry.path, entry.stat())


def _stamp_of(path: str, found: os.stat_result) -> tuple[str, int, int, int, int]:
    return path, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


# --- slots and warm examiners ----------------------------------------------------------------------------------

_lock = threading.Lock()
_gpu_slots: dict[int, Slots] = {}


def _slots(gpu: bool, worker: Any) -> Slots:
    """What this worker's jobs share: its GPUs, as CUDA_VISIBLE_DEVICES names them; nothing on the CPU."""
    if not gpu:
        return Slots([Slot()])
    with _lock:
        at_once = min(worker.state.nthreads, int(worker.state.total_resources.get("GPU", 1)))
        if at_once not in _gpu_slots:
            _gpu_slots[at_once] = Slots(slots_on(find_gpus(), max(1, at_once)))
        return _gpu_slots[at_once]


class _Warm:
    """A warm examiner, and who uses it."""

    def __init__(self, wanted: Wanted) -> None:
        self.examiner, self.digests = warm.start(wanted.setup), wanted.digests
        self.users, self.last_used = 0, time.monotonic()

    def is_gone(self) -> bool:
        """Whether its process ended by itself: of memory, say."""
        return isinstance(self.examiner, warm.WarmExaminer) and self.examiner.process.poll() is not None

    def is_stale(self, now: float) -> bool:
        """Whether nobody has needed it for long."""
        return not self.users and now - self.last_used > _IDLE_SECONDS

    def __enter__(self) -> warm.Examiner:
        """For one job."""
        return self.examiner

    def __exit__(self, *_: object) -> None:
        """Given back."""
        with _lock:
            self.users, self.last_used = self.users - 1, time.monotonic()


_examiners: dict[warm.Setup, _Warm] = {}


def _lent_examiner(wanted: Wanted) -> _Warm:
    """This process's warm examiner, one for all threads; made anew when the course has changed since."""
    with _lock:
        kept = _examiners.get(wanted.setup)
        if kept is None or kept.digests != wanted.digests or kept.is_gone():
            _end({setup for setup, one in _examiners.items() if one is kept or one.is_stale(time.monotonic())})
            kept = _examiners[wanted.setup] = _Warm(wanted)
        kept.users += 1
        return kept


def _end(setups: set[warm.Setup]) -> None:
    for setup in setups:
        _examiners.pop(setup).examiner.close()
