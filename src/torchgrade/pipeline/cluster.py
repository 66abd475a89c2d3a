"""The same examinations over dask.distributed (extra ``cluster``): a scheduler, and workers on other machines.

Each worker is asked once whether it is fit (``pipeline.on_worker``); the others are named and left out. Which of
the fit ones examines a job, and where it is examined again when a worker dies, is dask's affair.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torchgrade.errors import BrokenError, UsageError
from torchgrade.model import Verdict, verdict_from_json
from torchgrade.pipeline.datasets import Tell
from torchgrade.pipeline.on_worker import Wanted, examine_here, introduce

_CONNECT_SECONDS = 10
_CLIENT_TRIES = 3
#: For reading the course, and for an examiner to warm up.
_INTRODUCE_SECONDS = 240.0
_LOOK_SECONDS = 1.0
_FETCH_SECONDS = 60.0
#: A worker that died is started again within that by its nanny; then somebody must see to it.
_ALONE_SECONDS = 60.0
#: Without any verdict from anybody, beyond all limits of one examination.
_SILENT_SECONDS = 300.0
#: How often a job may move because all workers that it was meant for are gone.
_MOVES = 2

_KEPT = "all verdicts so far are kept, and the same command goes on"


@dataclass(frozen=True)
class Worker:
    """A worker that is fit. ``gpus``: how much of the resource GPU it offers."""

    address: str
    host: str
    threads: int
    gpus: int

    def jobs(self, gpu: bool) -> int:
        """How many it can examine at once."""
        return min(self.threads, self.gpus) if gpu else self.threads


class Crew:
    """The workers of a cluster: who is fit, who is left out and why. Each is asked once, when it comes."""

    def __init__(self, client: Any, address: str, wanted: Wanted, tell: Tell) -> None:
        self.client, self.address, self.wanted, self.tell = client, address, wanted, tell
        self.workers: dict[str, Worker] = {}
        self.left_out: dict[str, str] = {}  # why, by address
        self.without_gpu: set[str] = set()  # where the run wants one: no fault of theirs
        self.present: set[str] = set()
        self.met = self.died = False  # whether there ever was a worker, and one that could help is gone
        self.closed = threading.Event()

    def gather(self) -> None:
        """Ask all workers that there are. Raises UsageError where none can help, and says what to do."""
        deadline = time.monotonic() + _ALONE_SECONDS
        self.look()
        while not self.workers:
            if self.left_out:
                raise UsageError(f"no worker of {self.address} can examine this: {self._faults()}")
            if self.without_gpu:
                raise UsageError(
                    f"no worker of {self.address} offers a GPU; start one for each GPU: "
                    f"`CUDA_VISIBLE_DEVICES=0 dask worker {self.address} --nthreads 1 --resources GPU=1`"
                )
            if not self.met or time.monotonic() > deadline:
                raise UsageError(f"the scheduler has no workers; start some with `dask worker {self.address}`")
            time.sleep(_LOOK_SECONDS)  # who was asked died over it: a nanny may start another
            self.look()

    def look(self) -> None:
        """Ask those who are new, forget those who are gone. Raises OSError where the scheduler does not answer."""
        self.present = set(self.client.nthreads())
        for address in set(self.workers) - self.present:
            self.workers.pop(address, None)
            self.died = True
        new = self.present - set(self.workers) - set(self.left_out) - self.without_gpu
        self.met = self.met or bool(new)
        if new:
            for address, about in self.client.sync(self._ask, sorted(new)).items():
                self._judge(address, about)

    def watch(self) -> None:
        """Look again and again, until closed: a nanny starts a worker anew, a batch system adds some."""
        while not self.closed.wait(_LOOK_SECONDS):
            if self.client.status == "running":
                with contextlib.suppress(Exception):  # whoever waits for a verdict sees what is wrong
                    self.look()

    async def _ask(self, addresses: list[str]) -> dict[str, dict[str, Any]]:
        """What each says of itself. One that is gone before it answers is left out of the answer."""
        told = await asyncio.gather(*(self._ask_one(address) for address in addresses))
        return {address: about for address, about in zip(addresses, told, strict=True) if about}

    async def _ask_one(self, address: str) -> dict[str, Any]:
        question = self.client.run(introduce, self.wanted.to_json(), workers=[address], on_error="return")
        try:
            answer = (await asyncio.wait_for(question, _INTRODUCE_SECONDS))[address]
        except TimeoutError:
            return {"problem": f"it has not answered in {_INTRODUCE_SECONDS:g} s"}
        if isinstance(answer, dict):
            return answer
        if isinstance(answer, OSError):
            return {}  # gone; if it comes again, it is asked again
        said = f"{type(answer).__name__}: {answer}".splitlines()[0]
        return {"problem": f"it cannot run this version of torchgrade ({said})"}

    def _judge(self, address: str, about: dict[str, Any]) -> None:
        if about["problem"]:
            self.leave_out(address, about["problem"])
            return
        worker = Worker(address, about["host"], about["threads"], about["gpus"])
        if worker.jobs(self.wanted.gpu):
            self.workers[address] = worker
        else:
            self.without_gpu.add(address)

    def leave_out(self, address: str, why: str) -> None:
        """Never ask this one again."""
        self.workers.pop(address, None)
        if address not in self.left_out:
            self.left_out[address] = why
            self.tell(f"worker {address} is left out: {why}")

    def wait(self) -> list[Worker]:
        """Those who are fit, at least one. Raises UsageError where nobody comes."""
        deadline = time.monotonic() + _ALONE_SECONDS
        while True:
            if found := list(self.workers.values()):
                return found
            if self.left_out and not self.died:  # else a nanny may be starting one anew
                raise UsageError(f"no worker is left that can examine this: {self._faults()}; {_KEPT}")
            if time.monotonic() > deadline or self.closed.is_set() or self.client.status != "running":
                raise UsageError(f"no worker is left at {self.address}: start some; {_KEPT}")
            time.sleep(0.1)

    def _faults(self) -> str:
        (address, why), *others = self.left_out.items()
        return f"{address}: {why}" + (f"; and {len(others)} more" if others else "")


class ClusterExaminer:
    """Implements ``torchgrade.grading.warm.Examiner``."""

    def __init__(self, client: Any, crew: Crew) -> None:
        self.client, self.crew = client, crew
        self._last_heard = time.monotonic()
        self._deadly: set[str] = set()  # digests of notebooks whose workers died again and again

    @classmethod
    def connect(cls, address: str, wanted: Wanted, tell: Tell) -> ClusterExaminer:
        """Connect to a scheduler such as ``tcp://host:8786`` and ask its workers. Raises UsageError.

        ``tell`` hears of each worker that is left out.
        """
        client = _client(address)
        crew = Crew(client, address, wanted, tell)
        try:
            with _scheduler_there(client, address):
                crew.gather()
        except BaseException:
            _close(client)
            raise
        threading.Thread(target=crew.watch, daemon=True, name="crew").start()
        return cls(client, crew)

    def wait_ready(self) -> None:
        """They are: ``connect`` has waited until they had warmed up."""

    def slots(self) -> int:
        """How many submissions all fit workers together can examine at once; at least 1."""
        return max(1, sum(w.jobs(self.crew.wanted.gpu) for w in list(self.crew.workers.values())))

    def examine(self, job: dict[str, Any], seconds: float) -> Verdict:
        """Raises BrokenError where the cluster fails on this job, UsageError where it is gone."""
        digest = str(job.get("digest", ""))
        if digest in self._deadly:
            raise BrokenError("the cluster gave no verdict: this notebook ended every worker that examined it")
        moved = 0
        while True:
            answer = self._asked(job, self.crew.wait(), seconds)
            self._last_heard = time.monotonic()
            if "verdict" in answer:
                return verdict_from_json(answer["verdict"])
            if "refused" in answer:
                self.crew.leave_out(answer["worker"], answer["refused"])
                continue
            moved += 1
            if moved > _MOVES or "killed" in answer:
                self._deadly.add(digest)
                raise BrokenError("the cluster gave no verdict: the workers that examined this notebook died")

    def _asked(self, job: dict[str, Any], workers: list[Worker], seconds: float) -> dict[str, Any]:
        """What a worker answers; ``gone`` where all that were asked are, ``killed`` where dask has given up."""
        gpu = self.crew.wanted.gpu
        crowd = Counter[str]()
        for worker in workers:
            crowd[worker.host] += worker.jobs(gpu)
        names = [worker.address for worker in workers]
        with _scheduler_there(self.client, self.crew.address):
            future = self.client.submit(
                examine_here,
                self.crew.wanted.to_json(),
                dict(crowd),
                job,
                seconds,
                pure=False,
                workers=names,
                resources={"GPU": 1} if gpu else None,
            )
            try:
                return self._answer(future, set(names), seconds)
            finally:
                future.release()  # a held future would be run again when a worker dies

    def _answer(self, future: Any, asked: set[str], seconds: float) -> dict[str, Any]:
        from distributed import KilledWorker

        done, begin = threading.Event(), time.monotonic()
        future.add_done_callback(lambda _: done.set())
        while not done.wait(_LOOK_SECONDS):
            if self.client.status != "running":
                raise OSError("the connection was lost")
            if not asked & self.crew.present:
                return {"gone": True}
            if time.monotonic() - max(begin, self._last_heard) > seconds + _SILENT_SECONDS:
                raise BrokenError(
                    "the cluster gave no verdict, to nobody, for longer than an examination can take"
                )
        if self.client.status != "running":  # whoever closes a client cancels what it waits for
            raise OSError("the connection was lost")
        try:
            return dict(future.result(timeout=_FETCH_SECONDS))
        except KilledWorker:
            return {"killed": True}
        except concurrent.futures.CancelledError:
            raise OSError("the connection was lost") from None
        except Exception as error:
            if self.client.status != "running":
                raise OSError(_said(error)) from None
            raise BrokenError(f"the cluster gave no verdict ({_said(error)})") from None

    def close(self) -> None:
        """Let the cluster go. Its workers stay warm."""
        self.crew.closed.set()
        _close(self.client)


def _client(address: str) -> Any:
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise UsageError("--scheduler needs dask: pip install 'torchgrade[cluster]'") from None
    _hush()
    for _ in range(_CLIENT_TRIES):
        with contextlib.suppress(AssertionError):  # its event loop did not start within ten seconds
            return _connected(address)
    raise UsageError("--scheduler: dask's client does not start on this machine, which seems too busy; try again")


def _hush() -> None:
    """What dask has to say is said here, in one line.

    A client that is closed while threads ask it for results (Ctrl-C) leaves tasks that never began and coroutines
    that nobody awaits. Python tells of them whenever it clears them away: in any thread, so this is for the whole
    process.
    """
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "asyncio", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", r"coroutine '\w+\._\w+' was never awaited", RuntimeWarning)


def _connected(address: str) -> Any:
    import distributed

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions that differ: a worker is asked for those that matter
            return distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError, TimeoutError) as error:
        raise UsageError(f"--scheduler {address}: no scheduler answers ({_said(error)})") from None


@contextlib.contextmanager
def _scheduler_there(client: Any, address: str) -> Iterator[None]:
    """A scheduler that goes away ends the run, in one line, and not each job after its time limit."""
    try:
        yield
    except (OSError, RuntimeError, concurrent.futures.CancelledError) as error:
        if isinstance(error, RuntimeError) and client.status == "running":
            raise
        raise UsageError(f"the scheduler at {address} is gone ({_said(error)}); {_KEPT}") from None


def _said(error: BaseException) -> str:
    text = (str(error).strip() or type(error).__name__).splitlines()[-1]
    return text if type(error) in (OSError, BrokenError) else f"{type(error).__name__}: {text}"


def _close(client: Any) -> None:
    with contextlib.suppress(Exception):  # of a scheduler that is gone
        client.close(timeout=2)
