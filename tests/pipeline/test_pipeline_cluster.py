"""Grading over a dask cluster: the same points as here, one clear line where it cannot be."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_examiner import FakeExaminer
from small_course import DOUBLE_LATE_ONLY, DOUBLE_RIGHT, double_course, notebook, write_notebook

from torchgrade.errors import BrokenError
from torchgrade.grading import warm
from torchgrade.pipeline import cluster, keys
from torchgrade.spec import load_course

CLUSTER = """
import sys
from distributed import LocalCluster

if __name__ == "__main__":
    with LocalCluster(
        n_workers=int(sys.argv[1]), threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def start_cluster(tmp_path: Path) -> Iterator[Callable[[int], str]]:
    """start_cluster(2): the address of a scheduler with so many workers, each a process."""
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    started: list[subprocess.Popen[str]] = []

    def start(workers: int) -> str:
        process = subprocess.Popen(
            [sys.executable, str(script), str(workers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip()

    yield start
    for process in started:
        process.communicate("", timeout=30)


def grade(root: Path, cohort: Path, out: Path, address: str) -> subprocess.CompletedProcess[str]:
    command = ["grade", "double", str(cohort), "--out", str(out), "--scheduler", address]
    return subprocess.run(
        [sys.executable, "-m", "torchgrade", *command],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_without_workers_there_is_one_clear_line(tmp_path: Path, start_cluster: Callable[[int], str]) -> None:
    root = double_course(tmp_path / "course").root
    write_notebook(tmp_path / "cohort" / "anna.ipynb", DOUBLE_RIGHT)
    done = grade(root, tmp_path / "cohort", tmp_path / "out", start_cluster(0))
    assert done.returncode == 2
    assert done.stderr == "torchgrade: the scheduler has no workers; start some with `dask worker ADDRESS`\n"


def test_a_cluster_gives_the_same_points(tmp_path: Path, start_cluster: Callable[[int], str]) -> None:
    root = double_course(tmp_path / "course").root
    answers = {"anna": DOUBLE_RIGHT, "boris": DOUBLE_LATE_ONLY, "clara": "def double(x): return x"}
    for student, answer in answers.items():
        write_notebook(tmp_path / "cohort" / f"{student}.ipynb", "1 / 0", answer)
    done = grade(root, tmp_path / "cohort", tmp_path / "out", start_cluster(2))
    assert (done.returncode, done.stderr) == (0, "")
    entries = json.loads((tmp_path / "out" / "results.json").read_text())["submissions"]
    assert {e["student"]: (e["status"], e["points"]) for e in entries} == {
        "anna": ("graded", 3),
        "boris": ("graded", 2),
        "clara": ("graded", 0),
    }


# --- what runs on a worker, without one --------------------------------------------------------------------


class Worker:
    """A worker's side, with pretended examiners; the course lies where the harness has it too."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.started: list[FakeExaminer] = []
        monkeypatch.setattr(cluster, "_examiners", {})
        monkeypatch.setattr(cluster.warm, "start", self._start)

    def _start(self, setup: warm.Setup) -> FakeExaminer:
        threading.Event().wait(0.05)
        self.started.append(FakeExaminer(setup))
        return self.started[-1]

    def digests(self) -> dict[str, str]:
        return keys.assignment_digests(load_course(self.root).assignments[0])

    def examine(self, digests: dict[str, str] | None = None, **setup: Any) -> dict[str, Any]:
        job = {
            "student": "anna", "assignment": "double", "notebook": notebook("points 2"), "notes": [],
            "attempt": 1, "seed": "", "digests": {}, "versions": {}, "device": "cpu", "tier": "full",
        }  # fmt: skip
        wanted = dataclasses.asdict(warm.Setup(str(self.root), "double", **setup))
        return cluster.examine_here(wanted, self.digests() if digests is None else digests, job, 10)


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    return Worker(double_course(tmp_path).root, monkeypatch)


def test_a_worker_keeps_its_examiner_warm(worker: Worker) -> None:
    assert [worker.examine()["points"] for _ in range(3)] == [2, 2, 2]
    assert len(worker.started) == 1


def test_the_threads_of_a_worker_share_one_examiner(worker: Worker) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: worker.examine(), range(8)))
    assert len(worker.started) == 1


def test_another_setup_has_another_examiner(worker: Worker) -> None:
    worker.examine()
    worker.examine(tier="landlock")
    assert [e.setup.tier for e in worker.started] == ["full", "landlock"]


def test_a_course_that_changed_is_not_examined_by_the_graders_of_before(worker: Worker) -> None:
    worker.examine()
    with (worker.root / "graders/double/test_hidden.py").open("a") as file:
        file.write("# other\n")
    worker.examine()
    assert [e.closed for e in worker.started] == [1, 0]
    assert [len(e.examined) for e in worker.started] == [1, 1]


def test_a_worker_with_another_version_of_the_course_refuses(worker: Worker) -> None:
    before = worker.digests()
    with (worker.root / "graders/double/test_hidden.py").open("a") as file:
        file.write("# other\n")
    with pytest.raises(BrokenError, match="this worker has another version of double"):
        worker.examine(before)
    assert worker.started == []


class FakeClient:
    """A dask client whose workers answer at once."""

    def __init__(self, nthreads: dict[str, int], answer: Any = None) -> None:
        self._nthreads, self._answer = nthreads, answer
        self.released = 0

    def nthreads(self) -> dict[str, int]:
        return self._nthreads

    def submit(self, *_: Any, **__: Any) -> FakeClient:
        return self

    def result(self, timeout: float) -> Any:
        raise self._answer

    def release(self) -> None:
        self.released += 1


def test_all_threads_of_all_workers_are_used() -> None:
    setup = warm.Setup("c", "a")
    assert cluster.ClusterExaminer(FakeClient({f"w{n}": 2 for n in range(9)}), setup, {}).slots() == 18
    assert cluster.ClusterExaminer(FakeClient({}), setup, {}).slots() == 1


@pytest.mark.parametrize("fault", [TimeoutError("late"), OSError("gone"), BrokenError("another version")])
def test_whatever_a_cluster_does_is_our_fault_and_its_future_is_let_go(fault: Exception) -> None:
    client = FakeClient({"w": 1}, fault)
    with pytest.raises(BrokenError, match="the cluster gave no verdict"):
        cluster.ClusterExaminer(client, warm.Setup("c", "a"), {}).examine({}, 1.0)
    assert client.released == 1
