"""What runs on a worker of a cluster, without a cluster: warm examiners, slots, and what is read again."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import sys
import threading
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from fake_examiner import FakeExaminer
from small_course import double_course, notebook

from torchgrade.grading import warm
from torchgrade.pipeline import keys, machine, on_worker
from torchgrade.pipeline.gpus import Gpu
from torchgrade.pipeline.on_worker import Wanted
from torchgrade.spec import load_course


class Machine:
    """A worker's side, with pretended examiners; the course lies where the command has it too."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.started: list[FakeExaminer] = []
        self.read = 0
        for name in ("_examiners", "_known", "_gpu_slots"):
            monkeypatch.setattr(on_worker, name, {})
        monkeypatch.setattr(on_worker.warm, "start", self._start)
        monkeypatch.setattr(on_worker, "load_course", self._load_course)
        monkeypatch.setattr(
            on_worker, "find_gpus", lambda: [Gpu(0, "GPU-a", "H", 80_000), Gpu(1, "GPU-b", "H", 80_000)]
        )
        monkeypatch.setattr(machine, "processors", lambda: 16)
        monkeypatch.setattr(on_worker.socket, "gethostname", lambda: "here")
        self.state = SimpleNamespace(nthreads=2, total_resources={"GPU": 2.0})
        distributed = ModuleType("distributed")
        distributed.get_worker = lambda: SimpleNamespace(address="tcp://here:1", state=self.state)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "distributed", distributed)

    def _start(self, setup: warm.Setup) -> FakeExaminer:
        threading.Event().wait(0.05)
        self.started.append(FakeExaminer(setup))
        return self.started[-1]

    def _load_course(self, *arguments: Any, **more: Any) -> Any:
        self.read += 1
        return load_course(*arguments, **more)

    def wanted(self, **changes: Any) -> Wanted:
        (assignment,) = load_course(self.root).assignments
        setup, limits = warm.Setup(str(self.root), "double"), dataclasses.asdict(assignment.limits)
        made = Wanted(setup, keys.assignment_digests(assignment), limits, keys.versions())
        return dataclasses.replace(made, **changes)

    def examine(self, wanted: Wanted | None = None, line: str = "points 2", **crowd: int) -> dict[str, Any]:
        job = {
            "student": "anna", "assignment": "double", "notebook": notebook(line), "notes": [],
            "attempt": 1, "seed": "", "digests": {}, "versions": {}, "device": "cpu", "tier": "full",
        }  # fmt: skip
        return on_worker.examine_here((wanted or self.wanted()).to_json(), crowd, job, 10)

    def change_graders(self) -> None:
        with (self.root / "graders/double/test_hidden.py").open("a") as file:
            file.write("# other\n")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(double_course(tmp_path).root, monkeypatch)


def test_an_examiner_stays_warm(here: Machine) -> None:
    assert [here.examine()["verdict"]["points"] for _ in range(3)] == [2, 2, 2]
    assert len(here.started) == 1


def test_the_threads_of_a_worker_share_one_examiner(here: Machine) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: here.examine(), range(8)))
    assert len(here.started) == 1


def test_another_setup_has_another_examiner(here: Machine) -> None:
    here.examine()
    here.examine(here.wanted(setup=warm.Setup(str(here.root), "double", tier="landlock")))
    assert [e.setup.tier for e in here.started] == ["full", "landlock"]
    assert [e.closed for e in here.started] == [0, 0]


def test_one_that_nobody_needs_any_more_is_ended(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    here.examine()
    monkeypatch.setattr(on_worker, "_IDLE_SECONDS", -1.0)
    here.examine(here.wanted(setup=warm.Setup(str(here.root), "double", tier="landlock")))
    assert [e.closed for e in here.started] == [1, 0]


def test_one_that_ended_by_itself_is_made_anew(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    here.examine()
    monkeypatch.setattr(on_worker.warm, "WarmExaminer", FakeExaminer)
    ended: list[int | None] = [None, -9]
    here.started[0].process = SimpleNamespace(poll=lambda: ended.pop(0))  # type: ignore[attr-defined]
    here.examine()
    assert len(here.started) == 1
    here.examine()
    assert len(here.started) == 2


def test_a_course_that_changed_is_not_examined_by_the_graders_of_before(here: Machine) -> None:
    here.examine()
    here.change_graders()
    here.examine()
    assert [e.closed for e in here.started] == [1, 0]
    assert [len(e.examined) for e in here.started] == [1, 1]


def test_another_version_of_the_course_is_refused(here: Machine) -> None:
    before = here.wanted()
    here.examine(before)
    here.change_graders()
    answer = here.examine(before)
    assert answer["worker"] == "tcp://here:1"
    assert answer["refused"] == f"it has another version of double (graders) in {here.root}"
    assert len(here.started[0].examined) == 1


def test_a_course_that_is_not_there_is_refused(here: Machine, tmp_path: Path) -> None:
    elsewhere = here.wanted(setup=warm.Setup(str(tmp_path / "elsewhere"), "double"))
    assert "elsewhere" in here.examine(elsewhere)["refused"]


def test_nothing_is_read_again_while_nothing_changes(here: Machine) -> None:
    wanted = here.wanted()
    for _ in range(5):
        here.examine(wanted)
    assert here.read == 1
    (here.root / "graders/double/__pycache__").mkdir()
    (here.root / "graders/double/__pycache__/test_public.pyc").write_text("")
    here.examine(wanted)
    assert here.read == 1
    path = here.root / "graders/double/test_public.py"
    text = path.read_text()
    path.write_text(text.replace("twice", "eciwt"))  # as long as before
    assert "refused" in here.examine(wanted)
    path.write_text(text)
    assert "verdict" in here.examine(wanted)


def test_a_job_gets_its_share_of_the_machine(here: Machine) -> None:
    here.examine()
    here.examine(here=8)
    assert [job["threads"] for job in here.started[0].jobs] == [8, 2]
    assert [job["gpu"] for job in here.started[0].jobs] == ["", ""]


def test_jobs_on_gpus_have_each_their_own(here: Machine) -> None:
    wanted = here.wanted(gpu=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: here.examine(wanted, "sleep 0.1\npoints 2"), range(4)))
    jobs = here.started[0].jobs
    assert {(job["gpu"], job["gpu_fraction"]) for job in jobs} == {("GPU-a", 0.8), ("GPU-b", 0.8)}
    assert here.started[0].most_on_one == 1


def test_a_worker_that_offers_half_of_its_threads_for_gpus_shares_none(here: Machine) -> None:
    here.state.nthreads, here.state.total_resources = 4, {"GPU": 1.0}
    here.examine(here.wanted(gpu=True))
    assert [(job["gpu"], job["gpu_fraction"]) for job in here.started[0].jobs] == [("GPU-a", 0.8)]
