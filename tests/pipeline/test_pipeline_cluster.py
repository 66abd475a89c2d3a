"""Grading over a dask cluster: the same points as here, one clear line where it cannot be. The schedulers and
workers are real processes; where the rooms do not matter, the workers' examiners are pretended."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from dask_cluster import Cluster, until
from small_course import DOUBLE_LATE_ONLY, DOUBLE_RIGHT, double_course, notebook, write_notebook

from torchgrade.errors import BrokenError, UsageError
from torchgrade.grading import warm
from torchgrade.model import Verdict
from torchgrade.pipeline import cluster as cluster_module
from torchgrade.pipeline import keys
from torchgrade.pipeline.cluster import ClusterExaminer
from torchgrade.pipeline.on_worker import Wanted
from torchgrade.spec import load_course

#: On a worker: its examiner obeys the notebook, and ``die`` ends the worker, as a machine that loses its power.
PRETENDED = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parents[1] / "grading")!r})
from fake_examiner import FakeExaminer
from torchgrade.grading import warm

class Examiner(FakeExaminer):
    def examine(self, job, seconds):
        if "die" in job["notebook"]["cells"][0]["source"]:
            os.kill(os.getpid(), 9)
        return super().examine(job, seconds)

warm.start = Examiner
"""
OTHER_ENGINE = "keys.engine_digest = lambda: 'other'\n"
DONE = re.compile(r"\[\d+/\d+\] (\w+): ")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A scheduler without workers, which gives a job up when two workers have died of it."""
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
    started = Cluster(tmp_path / "dask")
    yield started
    started.end()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return double_course(tmp_path / "course").root


def wanted(root: Path, **changes: Any) -> Wanted:
    (assignment,) = load_course(root).assignments
    limits = dataclasses.asdict(assignment.limits)
    made = Wanted(warm.Setup(str(root), "double"), keys.assignment_digests(assignment), limits, keys.versions())
    return dataclasses.replace(made, **changes)


@pytest.fixture
def connect(cluster: Cluster, root: Path) -> Iterator[Callable[..., tuple[ClusterExaminer, list[str]]]]:
    """connect(): an examiner on the cluster, and what a teacher was told."""
    made: list[ClusterExaminer] = []

    def start(**changes: Any) -> tuple[ClusterExaminer, list[str]]:
        told: list[str] = []
        made.append(ClusterExaminer.connect(cluster.address, wanted(root, **changes), told.append))
        return made[-1], told

    yield start
    for examiner in made:
        examiner.close()


def examine(examiner: ClusterExaminer, source: str, student: str = "anna", seconds: float = 20) -> Verdict:
    job = {
        "student": student, "assignment": "double", "notebook": notebook(source), "digest": source, "notes": [],
        "attempt": 1, "seed": "", "digests": {}, "versions": {}, "device": "cpu", "tier": "full",
    }  # fmt: skip
    return examiner.examine(job, seconds)


# --- who may help ----------------------------------------------------------------------------------------------


def test_a_client_whose_event_loop_starts_late_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def late(*_: object, **__: object) -> str:
        made.append(1)
        assert len(made) > 1  # as dask says it, after ten seconds
        return "client"

    monkeypatch.setattr("distributed.Client", late)
    assert cluster_module._client("tcp://127.0.0.1:1") == "client"


def test_a_client_whose_event_loop_never_starts_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("distributed.Client", never)
    with pytest.raises(UsageError, match=r"^--scheduler: dask's client does not start on this machine"):
        cluster_module._client("tcp://127.0.0.1:1")


LEFT_BEHIND = """
import asyncio, gc
from torchgrade.pipeline import cluster
if {hushed}:
    import distributed
    cluster._hush()
class Future:
    async def _result(self):
        pass
loop = asyncio.new_event_loop()
loop.create_task(Future()._result())  # as a client does for a thread that asks it while it is being closed
loop.close()
del loop
gc.collect()
"""


@pytest.mark.parametrize("hushed", [False, True])
def test_what_a_closed_client_leaves_behind_is_nobodys_business(hushed: bool) -> None:
    command = [sys.executable, "-c", LEFT_BEHIND.format(hushed=hushed)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    if hushed:
        assert told == ""
    else:  # else the test would show nothing
        assert "'Future._result' was never awaited" in told
        assert "Task was destroyed" in told


def test_a_result_is_not_asked_of_a_client_that_is_closed() -> None:
    class Future:
        def add_done_callback(self, call: Callable[[object], None]) -> None:
            call(self)  # closing a client cancels its futures

        def result(self, timeout: float) -> None:
            raise AssertionError("asked")

    class Client:
        status = "closed"

    crew = cluster_module.Crew(Client(), "tcp://127.0.0.1:1", None, print)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="the connection was lost"):
        ClusterExaminer(Client(), crew)._answer(Future(), set(), 1.0)


def test_a_scheduler_that_does_not_answer(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchgrade.pipeline.cluster._CONNECT_SECONDS", 1)
    for address in ("tcp://127.0.0.1:1", "smoke://signal"):
        with pytest.raises(UsageError, match=f"--scheduler {address}: no scheduler answers") as told:
            ClusterExaminer.connect(address, wanted(root), print)
        assert "\n" not in str(told.value)


def test_a_scheduler_without_workers(cluster: Cluster, connect: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match=f"no workers; start some with `dask worker {cluster.address}`"):
        connect()


def test_a_gpu_that_nobody_has_is_told_at_once(cluster: Cluster, connect: Callable[..., Any]) -> None:
    cluster.start_workers(2)
    begin = time.monotonic()
    with pytest.raises(UsageError, match=r"no worker of .* offers a GPU; .* --resources GPU=1`"):
        connect(gpu=True)
    assert time.monotonic() - begin < 5


def test_a_gpu_that_is_offered_but_not_there_is_told(cluster: Cluster, connect: Callable[..., Any]) -> None:
    assert cluster.start_worker("--gpu", patch=NO_GPU).address
    with pytest.raises(UsageError, match=r"can examine this: tcp://.*there is no NVIDIA GPU on this machine"):
        connect(gpu=True)


NO_GPU = """
from torchgrade.pipeline import on_worker
on_worker.find_gpus = lambda: []
on_worker.why_not = lambda found: "there is no NVIDIA GPU on this machine"
"""


def test_a_worker_with_another_version_is_named_and_left_out(
    cluster: Cluster, connect: Callable[..., Any]
) -> None:
    good = cluster.start_worker(patch=PRETENDED)
    bad = {
        cluster.start_worker(patch=PRETENDED + OTHER_ENGINE).address: r"another version of double \(engine\)",
        cluster.start_worker(patch=PRETENDED + "keys.versions = lambda: {'torch': '1.0'}").address: "it has ",
        cluster.start_worker("--without-torchgrade").address: "cannot run this version of torchgrade",
        cluster.start_worker(patch=CANNOT_SEAL).address: "user namespaces are off",
    }
    assert good.address
    examiner, told = connect()
    assert list(examiner.crew.workers) == [good.address]
    assert len(told) == len(bad)
    for address, why in bad.items():
        assert any(re.match(f"worker {address} is left out: .*{why}", line) for line in told), (why, told)
    assert [examine(examiner, f"points {n}").points for n in range(3)] == [0, 1, 2]


CANNOT_SEAL = """
from torchgrade.errors import RoomError
from torchgrade.grading import warm

class Sealed:
    def wait_ready(self):
        raise RoomError("user namespaces are off")

warm.start = lambda setup: Sealed()
"""


def test_a_worker_that_dies_when_it_is_asked_is_waited_for(cluster: Cluster, connect: Callable[..., Any]) -> None:
    """A nanny starts it anew."""
    dies = "import os\nfrom torchgrade.pipeline import on_worker\non_worker._problem = lambda wanted: os._exit(9)"
    (doomed,) = cluster.start_workers(1, patch=dies)
    restarted = threading.Thread(target=lambda: (doomed.process.wait(), cluster.start_worker(patch=PRETENDED)))
    restarted.start()
    examiner, told = connect()
    restarted.join()
    assert told == []
    assert examine(examiner, "points 2").points == 2


def test_limits_of_the_course_are_a_difference_too(
    cluster: Cluster, connect: Callable[..., Any], root: Path
) -> None:
    assert cluster.start_worker(patch=PRETENDED).address
    limits = {**wanted(root).limits, "cell_seconds": 7.0}
    with pytest.raises(UsageError, match=r"another version of double \(limits\)"):
        connect(limits=limits)


def test_builds_of_one_version_are_no_difference_and_the_verdict_tells_the_workers(
    cluster: Cluster, connect: Callable[..., Any]
) -> None:
    other = "real = keys.versions\nkeys.versions = lambda: {**real(), 'torch': real()['torch'] + '.cu999'}\n"
    plus = "+" if "+" not in keys.versions()["torch"] else ""
    assert cluster.start_worker(patch=PRETENDED + other.replace(".cu999", f"{plus}.cu999")).address
    examiner, told = connect()
    assert told == []
    assert examine(examiner, "points 1").versions["torch"].endswith(".cu999")


def test_a_worker_that_changes_in_mid_run_is_left_out(
    cluster: Cluster, connect: Callable[..., Any], root: Path
) -> None:
    """One whose copy of the course was changed refuses at once; it must not swallow all jobs so."""
    cluster.start_worker(patch=PRETENDED)
    fickle = cluster.start_worker(patch=PRETENDED + FICKLE).address
    assert cluster.workers[0].address
    examiner, told = connect()
    assert len(examiner.crew.workers) == 2
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(lambda n: examine(examiner, f"sleep 0.1\npoints {n % 4}"), range(12)))
    assert [verdict.points for verdict in verdicts] == [n % 4 for n in range(12)]
    assert told == [f"worker {fickle} is left out: it has another version"]


#: Fit when it is asked and for its first job, no longer.
FICKLE = """
from torchgrade.pipeline import on_worker

asked = []

def difference(wanted):
    asked.append(1)
    return "it has another version" if len(asked) > 2 else ""

on_worker._difference = difference
"""


def test_a_worker_that_comes_later_helps(cluster: Cluster, connect: Callable[..., Any]) -> None:
    (first,) = cluster.start_workers(1, patch=PRETENDED)
    examiner, _ = connect()
    assert examiner.slots() == 1
    (second,) = cluster.start_workers(1, patch=PRETENDED, threads=3)
    assert until(lambda: second.address in examiner.crew.workers)
    assert examiner.slots() == 4
    first.kill()
    assert examine(examiner, "points 2").points == 2


# --- what may happen -------------------------------------------------------------------------------------------


def test_a_notebook_of_which_workers_die_is_broken_and_the_next_is_examined(
    cluster: Cluster, connect: Callable[..., Any]
) -> None:
    cluster.start_workers(3, patch=PRETENDED)
    examiner, _ = connect()
    for _ in range(2):  # nor does it end more workers when it is tried again
        with pytest.raises(BrokenError, match=r"the cluster gave no verdict: .*workers? that examined"):
            examine(examiner, "die")
    assert sum(worker.process.poll() is None for worker in cluster.workers) == 1
    assert examine(examiner, "points 2").points == 2


def test_a_notebook_that_ends_the_only_worker_each_time_is_given_up(
    cluster: Cluster, connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A nanny starts the worker anew, at another address."""
    cluster.start_workers(1, patch=PRETENDED)
    examiner, _ = connect()
    verdict: list[str] = []

    def wait() -> None:
        try:
            examine(examiner, "die")
        except BrokenError as error:
            verdict.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    while thread.is_alive():
        if all(worker.process.poll() is not None for worker in cluster.workers):
            assert len(cluster.workers) < 5
            cluster.start_workers(1, patch=PRETENDED)
        thread.join(0.1)
    assert verdict == ["the cluster gave no verdict: the workers that examined this notebook died"]


def test_nobody_left_is_told(
    cluster: Cluster, connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torchgrade.pipeline.cluster._ALONE_SECONDS", 1.0)
    (only,) = cluster.start_workers(1, patch=PRETENDED)
    examiner, _ = connect()
    only.kill()
    with pytest.raises(UsageError, match=r"no worker is left .* the same command goes on"):
        examine(examiner, "points 2")


def test_the_only_fit_worker_is_waited_for_though_another_is_there(
    cluster: Cluster, connect: Callable[..., Any]
) -> None:
    (good,) = cluster.start_workers(1, patch=PRETENDED)
    assert cluster.start_worker(patch=OTHER_ENGINE).address
    examiner, _ = connect()
    good.kill()
    assert until(lambda: not examiner.crew.workers)
    restarted = threading.Thread(target=lambda: (time.sleep(0.5), cluster.start_worker(patch=PRETENDED)))
    restarted.start()
    assert examine(examiner, "points 2").points == 2
    restarted.join()


def test_what_the_examiner_raises_is_our_fault(cluster: Cluster, connect: Callable[..., Any]) -> None:
    cluster.start_workers(1, patch=PRETENDED)
    examiner, _ = connect()
    with pytest.raises(BrokenError, match="our own disk"):
        examine(examiner, "raise")


# --- the command -----------------------------------------------------------------------------------------------


class Run:
    """The command over a cluster."""

    def __init__(self, root: Path, folder: Path, address: str) -> None:
        self.out = folder / "out"
        command = ["grade", "double", str(folder / "cohort"), "--out", str(self.out), "--scheduler", address]
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "torchgrade", *command],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []

    def until(self, count: int) -> None:
        """Until so many verdicts were told."""
        for line in self.process.stdout or ():
            self.lines.append(line)
            if len(self.done) >= count:
                return

    @property
    def done(self) -> list[str]:
        return [m[1] for line in self.lines if (m := DONE.match(line))]

    def end(self) -> tuple[int, str]:
        out, err = self.process.communicate(timeout=120)
        self.lines += out.splitlines()
        return self.process.returncode, err

    def entries(self) -> dict[str, tuple[str, float]]:
        found = json.loads((self.out / "results.json").read_text())["submissions"]
        assert len(found) == len({e["student"] for e in found})
        return {e["student"]: (e["status"], e["points"]) for e in found}

    def recorded(self) -> list[str]:
        with closing(sqlite3.connect(self.out / "gradebook.sqlite")) as plain:
            return sorted(student for (student,) in plain.execute("SELECT student FROM verdict WHERE finished"))


def test_a_worker_killed_in_mid_run_loses_and_doubles_nothing(
    cluster: Cluster, root: Path, tmp_path: Path
) -> None:
    students = [f"s{n}" for n in range(10)]
    for n, student in enumerate(students):
        write_notebook(tmp_path / "cohort" / f"{student}.ipynb", f"sleep 0.4\npoints {n % 4}")
    doomed, _ = cluster.start_workers(2, patch=PRETENDED)
    run = Run(root, tmp_path, cluster.address)
    run.until(3)
    doomed.kill()
    assert run.end() == (0, "")
    assert sorted(run.done) == run.recorded() == students
    assert run.entries() == {s: ("graded", n % 4) for n, s in enumerate(students)}


def test_a_scheduler_that_goes_away_is_told_in_one_line_and_the_same_command_goes_on(
    cluster: Cluster, root: Path, tmp_path: Path
) -> None:
    students = [f"s{n}" for n in range(8)]
    for student in students:
        write_notebook(tmp_path / "cohort" / f"{student}.ipynb", "sleep 0.4\npoints 2")
    cluster.start_workers(2, patch=PRETENDED)
    run = Run(root, tmp_path, cluster.address)
    run.until(3)
    cluster.scheduler.kill()
    begin = time.monotonic()
    code, err = run.end()
    assert time.monotonic() - begin < 15
    assert code == 2
    assert re.fullmatch(
        r"torchgrade: the scheduler at tcp://\S+ is gone \(.*\); all verdicts so far .* goes on\n", err
    )
    other = Cluster(tmp_path / "other")
    try:
        other.start_workers(1, patch=PRETENDED)
        again = Run(root, tmp_path, other.address)
        assert again.end() == (0, "")
    finally:
        other.end()
    assert not set(run.done) & set(again.done)
    assert again.recorded() == students
    assert again.entries() == dict.fromkeys(students, ("graded", 2))


def test_ctrl_c_does_not_wait_for_the_cluster(cluster: Cluster, root: Path, tmp_path: Path) -> None:
    write_notebook(tmp_path / "cohort" / "anna.ipynb", "points 2")
    for n in range(3):
        write_notebook(tmp_path / "cohort" / f"slow{n}.ipynb", "sleep 3600\npoints 2")
    cluster.start_workers(2, patch=PRETENDED)
    run = Run(root, tmp_path, cluster.address)
    run.until(1)
    run.process.send_signal(signal.SIGINT)
    code, err = run.end()  # which waits for minutes, not for an hour
    assert code == 130
    assert err == "\nstopped; nothing is lost: the same command goes on where this one ended\n"
    assert run.recorded() == ["anna"]


def test_only_workers_that_cannot_help(cluster: Cluster, root: Path, tmp_path: Path) -> None:
    write_notebook(tmp_path / "cohort" / "anna.ipynb", "points 2")
    cluster.start_workers(1, patch=PRETENDED + OTHER_ENGINE)
    run = Run(root, tmp_path, cluster.address)
    code, err = run.end()
    assert code == 2
    assert re.fullmatch(
        r"torchgrade: no worker of \S+ can examine this: .* version of double \(engine\) in .*\n", err
    )


REACHES_OUT = """
import socket

def reaches(address):
    try:
        socket.create_connection(address, timeout=2).close()
    except OSError:
        return False
    return True

reached = any(reaches(address) for address in {addresses})

def double(x):
    return 2 * x + reached
"""


def test_a_cluster_gives_the_same_points_and_students_never_reach_it(
    cluster: Cluster, root: Path, tmp_path: Path
) -> None:
    """In real rooms on real workers. Were a network there, the curious student would lose points."""
    workers = cluster.start_workers(2)
    addresses = [each.address.removeprefix("tcp://").rsplit(":", 1) for each in (cluster.scheduler, *workers)]
    curious = REACHES_OUT.format(addresses=[(host, int(port)) for host, port in addresses])
    answers = {
        "anna": DOUBLE_RIGHT,
        "boris": DOUBLE_LATE_ONLY,
        "clara": "def double(x): return x",
        "dora": curious,
    }
    for student, answer in answers.items():
        write_notebook(tmp_path / "cohort" / f"{student}.ipynb", "1 / 0", answer)
    run = Run(root, tmp_path, cluster.address)
    assert run.end() == (0, "")
    assert run.entries() == {
        "anna": ("graded", 3),
        "boris": ("graded", 2),
        "clara": ("graded", 0),
        "dora": ("graded", 3),
    }


@pytest.mark.slow
def test_a_worker_killed_in_mid_run_with_real_rooms(cluster: Cluster, root: Path, tmp_path: Path) -> None:
    students = [f"s{n}" for n in range(12)]
    for n, student in enumerate(students):
        answer = DOUBLE_RIGHT if n % 2 else DOUBLE_LATE_ONLY
        write_notebook(tmp_path / "cohort" / f"{student}.ipynb", "import time; time.sleep(0.5)", answer)
    doomed, _ = cluster.start_workers(2)
    run = Run(root, tmp_path, cluster.address)
    run.until(3)
    doomed.kill()
    assert run.end() == (0, "")
    assert sorted(run.done) == run.recorded() == sorted(students)
    assert run.entries() == {s: ("graded", 2 + n % 2) for n, s in enumerate(students)}
