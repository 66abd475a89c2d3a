"""The same examinations over dask.distributed (extra ``cluster``): a scheduler, and workers on other machines.

Workers find the course at the same path (a shared file system) and refuse jobs of another version of it.
"""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import Any

from torchgrade.data import PreparedData
from torchgrade.errors import BrokenError, UsageError
from torchgrade.grading import warm
from torchgrade.model import Verdict, verdict_from_json
from torchgrade.pipeline import keys
from torchgrade.spec import load_course

_CONNECT_SECONDS = 20
_examiners: dict[warm.Setup, tuple[dict[str, str], warm.Examiner]] = {}
_lock = threading.Lock()


class ClusterExaminer:
    """Implements ``torchgrade.grading.warm.Examiner``."""

    def __init__(self, client: Any, setup: warm.Setup, digests: dict[str, str], *, gpu: bool = False) -> None:
        self.client, self.setup, self.digests = client, setup, digests
        self.resources = {"GPU": 1} if gpu else None

    @classmethod
    def connect(
        cls, address: str, setup: warm.Setup, digests: dict[str, str], *, gpu: bool = False
    ) -> ClusterExaminer:
        """Connect to a scheduler such as ``tcp://host:8786``; ``gpu``: workers must have one. Raises UsageError."""
        try:
            from distributed import Client
        except ImportError:
            raise UsageError("--scheduler needs dask: pip install 'torchgrade[cluster]'") from None
        try:
            client = Client(address, timeout=_CONNECT_SECONDS)
        except (OSError, ValueError, TimeoutError) as error:
            raise UsageError(f"--scheduler {address}: no scheduler answers ({error})") from None
        return cls(client, setup, digests, gpu=gpu)

    def wait_ready(self) -> None:
        """Raises UsageError when the cluster has no worker."""
        if not self.client.nthreads():
            raise UsageError("the scheduler has no workers; start some with `dask worker ADDRESS`")

    def slots(self) -> int:
        """How many submissions all workers together can examine at once; at least 1."""
        return max(1, sum(int(threads) for threads in self.client.nthreads().values()))

    def examine(self, job: dict[str, Any], seconds: float) -> Verdict:
        future = self.client.submit(
            examine_here,
            dataclasses.asdict(self.setup),
            self.digests,
            job,
            seconds,
            pure=False,
            resources=self.resources,
        )
        try:
            answer = future.result(timeout=seconds)
        except Exception as error:
            raise BrokenError(f"the cluster gave no verdict ({type(error).__name__}: {error})") from None
        finally:
            future.release()  # a held future would be run again when a worker dies
        return verdict_from_json(answer)

    def close(self) -> None:
        self.client.close()


def examine_here(
    setup: dict[str, Any], digests: dict[str, str], job: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """Run on a worker: examine one job with this machine's warm examiner. Raises BrokenError."""
    wanted = warm.Setup(**setup)
    assignment = load_course(Path(wanted.course), only=wanted.assignment).assignment(wanted.assignment)
    of_course = {name: digest for name, digest in digests.items() if name != "data"}
    if assignment is None or keys.assignment_digests(assignment) != of_course:
        raise BrokenError(f"this worker has another version of {wanted.assignment} in {wanted.course}")
    if wanted.data and PreparedData.open(Path(wanted.data)).digest != digests["data"]:
        raise BrokenError(f"this worker has other data sets in {wanted.data}")
    return _examiner(wanted, digests).examine(job, seconds).to_json()


def _examiner(setup: warm.Setup, digests: dict[str, str]) -> warm.Examiner:
    """This machine's warm examiner, one for all threads; made anew when the course has changed since."""
    with _lock:
        known, examiner = _examiners.get(setup, ({}, None))
        if examiner is None or known != digests:
            if examiner is not None:
                examiner.close()
            examiner = warm.start(setup)
            _examiners[setup] = digests, examiner
        return examiner
