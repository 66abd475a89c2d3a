"""The warm examiner and its stand-in without fork: the same verdicts, and one clear line where they fail."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small_course import (
    DOUBLE_LATE_ONLY,
    DOUBLE_PUBLIC,
    DOUBLE_RIGHT,
    add_assignment,
    examine,
    notebook,
    of,
    write_course,
)

from torchgrade.errors import BrokenError
from torchgrade.grading import warm
from torchgrade.model import Status, Verdict
from torchgrade.sandbox.warden import descendants

TRIPLES = """
# title: Three times
# loses: doubles, doubles-large
# hint: Three is one too many.

# %%
def double(x):
    return 3 * x
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_assignment(write_course(tmp_path_factory.mktemp("warm")), answers={"wrong/triples.py": TRIPLES})


@pytest.fixture(scope="module")
def examiner(root: Path) -> Iterator[warm.WarmExaminer]:
    started = warm.WarmExaminer.start(warm.Setup(str(root), "double"))
    yield started
    started.close()


def marks(verdict: Verdict) -> list[tuple[str, str, float]]:
    return [(c.id, str(c.outcome), c.points) for c in verdict.criteria]


# --- verdicts ----------------------------------------------------------------------------------------------


def test_a_right_answer_earns_all(examiner: warm.WarmExaminer) -> None:
    verdict = examine(examiner, "double", DOUBLE_RIGHT)
    assert (verdict.status, verdict.points, verdict.max_points) == (Status.GRADED, 3, 3)
    assert (verdict.sandbox, verdict.device, verdict.reason) == ("full", "cpu", "")
    assert verdict.seconds > 0


def test_a_known_mistake_gets_its_hint_instead_of_the_graders(examiner: warm.WarmExaminer) -> None:
    verdict = examine(examiner, "double", "def double(y):\n    return y + y + y")
    assert {c.hint for c in verdict.criteria} == {"Three is one too many."}


def test_another_mistake_gets_the_graders_hint(examiner: warm.WarmExaminer) -> None:
    verdict = examine(examiner, "double", "def double(x):\n    return 4 * x")
    assert of(verdict, "doubles").hint == "Twice is two times."


def test_what_was_run_is_in_the_verdict(examiner: warm.WarmExaminer) -> None:
    verdict = examine(
        examiner, "double", "print('seen')", "1 / 0", DOUBLE_RIGHT,
        notes=["a note"], digests={"notebook": "d"}, versions={"torch": "v"}, attempt=4,
    )  # fmt: skip
    assert [c.status for c in verdict.cells] == ["ok", "error", "ok"]
    assert verdict.notebook is not None
    assert verdict.notebook["cells"][0]["outputs"][0]["text"] == "seen\n"
    assert verdict.notes == ("a note",)
    assert (verdict.digests, verdict.versions, verdict.attempt) == ({"notebook": "d"}, {"torch": "v"}, 4)
    assert verdict.limits.memory_mb == 1024


def test_a_notebook_that_hits_a_limit_is_graded_on_what_it_defined(examiner: warm.WarmExaminer) -> None:
    verdict = examine(examiner, "double", DOUBLE_RIGHT, "import os; os._exit(1)")
    assert (verdict.status, verdict.points) == (Status.LIMIT, 3)
    assert verdict.reason == "cell 2 ended the whole Python process; the notebook was run without it"


def test_the_same_seed_asks_the_same_and_another_seed_another(examiner: warm.WarmExaminer) -> None:
    cell = "def double(x):\n    raise ValueError(str(x.tolist()))"

    def said(seed: str) -> tuple[str, str]:
        verdict = examine(examiner, "double", cell, seed=seed)
        return of(verdict, "doubles").detail, of(verdict, "doubles-large").detail

    first, again, other = said("1"), said("1"), said("2")
    assert first == again
    assert first[0] == other[0], "public inputs are the same for everybody"
    assert first[1] != other[1]


def test_public_only_leaves_the_rest_out(examiner: warm.WarmExaminer) -> None:
    verdict = examine(examiner, "double", DOUBLE_RIGHT, public_only=True)
    assert marks(verdict) == [("doubles", "passed", 2)]
    assert verdict.max_points == 2


def test_many_at_once_get_their_own(examiner: warm.WarmExaminer) -> None:
    cells = [DOUBLE_RIGHT, DOUBLE_LATE_ONLY, "def double(x): return x", "x = 1"]
    wanted = [3, 2, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: examine(examiner, "double", cells[n], student=f"s{n}"), range(4)))
    assert [(v.student, v.points) for v in found] == [(f"s{n}", p) for n, p in enumerate(wanted)]


def test_forged_outputs_of_a_whole_notebook_stay_in_it(examiner: warm.WarmExaminer) -> None:
    """What peers are fooled by: the student's own torch says that all is well."""
    cell = """
    import torch
    torch.allclose = lambda *a, **k: True
    torch.Tensor.__eq__ = lambda *a: torch.ones(1).bool()
    torch.testing.assert_close = print
    def double(x): return x
    """
    assert examine(examiner, "double", cell).points == 0


# --- other ways to the same verdict ------------------------------------------------------------------------

MIXED = ("1 / 0", DOUBLE_LATE_ONLY, "import os; os._exit(0)")


@pytest.mark.slow
def test_a_fresh_process_for_each_submission_gives_the_same_verdict(
    examiner: warm.WarmExaminer, root: Path
) -> None:
    spawned = warm.SpawnedExaminer(warm.Setup(str(root), "double"))
    spawned.wait_ready()
    one, other = (examine(e, "double", *MIXED) for e in (examiner, spawned))
    spawned.close()
    assert marks(one) == marks(other) == [("doubles", "passed", 2), ("doubles-large", "failed", 0)]
    assert (one.status, one.reason, one.sandbox) == (other.status, other.reason, other.sandbox)
    assert [c.status for c in one.cells] == [c.status for c in other.cells]


def test_a_plain_kernel_gives_the_same_points(
    examiner: warm.WarmExaminer, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS: a fresh process, an ordinary kernel, the public criteria. The course's secret stays outside."""
    monkeypatch.setenv("TORCHGRADE_SECRET", "sesame")
    spawned = warm.SpawnedExaminer(warm.Setup(str(root), "double", tier="none", public_only=True, plain=True))
    one = examine(examiner, "double", *MIXED, public_only=True)
    look = "import os; print('sesame' in str(dict(os.environ)), len(os.environ) > 1)"
    other = examine(spawned, "double", *MIXED, look, public_only=True, tier="none")
    assert marks(one) == marks(other) == [("doubles", "passed", 2)]
    assert other.sandbox == "none"
    assert [c.status for c in one.cells] == [c.status for c in other.cells][:3]
    assert other.notebook is not None
    assert other.notebook["cells"][3]["outputs"][0]["text"] == "False True\n"


# --- what is ours ------------------------------------------------------------------------------------------


def test_an_examiner_without_a_verdict_is_ended_and_said_to_be(
    examiner: warm.WarmExaminer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "STUCK_SECONDS", 1.0)
    job = {"student": "a", "assignment": "double", "notebook": notebook("while True: pass"), "digest": "d"}
    with pytest.raises(BrokenError, match="ended or hung"):
        examiner.examine(job, 0.2)
    monkeypatch.undo()
    assert examine(examiner, "double", DOUBLE_RIGHT).points == 3


def test_a_job_of_another_form_is_broken_and_the_next_is_not(examiner: warm.WarmExaminer) -> None:
    with pytest.raises(BrokenError):
        examiner.examine({"student": "a", "no_such_field": 1}, 10)
    assert examine(examiner, "double", DOUBLE_RIGHT).points == 3


def test_a_warm_process_that_was_killed_is_our_fault_and_leaves_nothing(root: Path) -> None:
    killed = warm.WarmExaminer.start(warm.Setup(str(root), "double"))
    killed.wait_ready()
    below = descendants(killed.process.pid)
    assert below, "the warm parent of rooms"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(examine, killed, "double", "import time; time.sleep(30)")
        time.sleep(1.0)
        below += descendants(killed.process.pid)
        killed.process.kill()
        with pytest.raises(BrokenError):
            running.result(20)
    with pytest.raises(BrokenError):
        examine(killed, "double", DOUBLE_RIGHT)
    killed.close()
    assert until(lambda: not any(alive(pid) for pid in below))


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# Faults at the start: each would cost a warm process, so they are tried without one.


def once(root: Path, assignment: str = "double", **setup: Any) -> dict[str, Any]:
    """What a fresh examiner answers to a right notebook, its diagnostics on standard error told apart."""
    made = dataclasses.asdict(warm.Setup(str(root), assignment, **setup))
    job = {"student": "a", "assignment": assignment, "notebook": notebook(DOUBLE_RIGHT), "digest": "d"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "torchgrade.grading.warmed", "--once"],
        input=json.dumps({"setup": made, "job": job}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_a_missing_solution_is_one_line_that_names_it(tmp_path: Path) -> None:
    root = add_assignment(write_course(tmp_path))
    (root / "solutions/double/double.ipynb").unlink()
    problem = once(root, plain=True)["problem"]
    assert "solutions/double/double.ipynb: the notebook does not exist" in problem
    assert "\n" not in problem


def test_a_grader_that_cannot_be_imported_breaks_its_own_criteria_alone(tmp_path: Path) -> None:
    hidden = 'import no_such_module\n@pytest.mark.criterion("doubles-large")\ndef test_a(): ...'
    started = warm.WarmExaminer.start(
        warm.Setup(str(add_assignment(write_course(tmp_path), hidden=hidden)), "double")
    )
    verdict = examine(started, "double", DOUBLE_RIGHT)
    assert marks(verdict) == [("doubles", "passed", 2), ("doubles-large", "broken", 0)]
    assert (verdict.points, verdict.max_points, verdict.status) == (2, 2, Status.BROKEN)
    assert "no_such_module" in of(verdict, "doubles-large").detail
    assert "no_such_module" not in of(verdict, "doubles-large").message
    below = descendants(started.process.pid)
    started.close()
    assert started.process.returncode == 0
    assert until(lambda: not any(alive(pid) for pid in below)), "closing ends everything"


def test_a_solution_that_does_not_run_is_one_line_that_names_its_cell(tmp_path: Path) -> None:
    root = add_assignment(write_course(tmp_path), solution=["a = 1", "1 / 0"])
    assert once(root, plain=True)["problem"] == "double.ipynb, cell 2: ZeroDivisionError: division by zero"


MEMORY = """
import contextlib, glob, re
word = re.compile(b"[o]pensesame-opensesame")  # which this text itself does not match
found = []
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    with contextlib.suppress(PermissionError), open(path, "rb") as file:
        found += [path] * bool(word.search(file.read()))
with open("/proc/self/maps") as maps:
    spans = [line.split()[0] for line in maps if " rw-p " in line]
with open("/proc/self/mem", "rb", 0) as memory:
    for span in spans:
        begin, end = (int(n, 16) for n in span.split("-"))
        memory.seek(begin)
        found += [span] * bool(word.search(memory.read(end - begin)))
print(len(spans) > 50, found, bool(word.search(b"o" + b"pensesame-o" + b"pensesame")))
"""


def test_nothing_of_the_harnesss_environment_is_in_a_rooms_memory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent of rooms is forked from a process that learns only afterwards what it is for."""
    monkeypatch.setenv("HARNESS_SECRET", "opensesame-opensesame")
    monkeypatch.setenv("PYTHONPATH", "/opensesame-opensesame")
    started = warm.WarmExaminer.start(warm.Setup(str(root), "double"))
    try:
        verdict = examine(started, "double", MEMORY, DOUBLE_RIGHT)
    finally:
        started.close()
    assert verdict.notebook is not None and verdict.points == 3
    assert verdict.notebook["cells"][0]["outputs"][0].get("text") == "True [] True\n", verdict.cells


def test_a_grader_that_ends_the_process_or_never_ends_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code, seconds, said in (
        ("import os\nos._exit(3)", 60.0, "exit code 3 while it ran solution, graders and answers of 'double'"),
        ("while True: pass", 4.0, "after 4 s it still ran solution, graders and answers of 'double'"),
    ):
        monkeypatch.setattr(warm, "_READY_SECONDS", seconds)
        root = add_assignment(write_course(tmp_path / code[:5]), public=DOUBLE_PUBLIC + code)
        started = warm.WarmExaminer.start(warm.Setup(str(root), "double"))
        with pytest.raises(BrokenError, match=said):
            started.wait_ready()
        started.close()
        assert started.process.returncode is not None


def test_a_grader_that_never_ends_does_not_outlive_the_harness(tmp_path: Path) -> None:
    """The harness may be killed while the course's own code hangs; nobody else would end that."""
    root = add_assignment(write_course(tmp_path), public=DOUBLE_PUBLIC + "while True: pass")
    code = f"""
import os, signal, time
from torchgrade.grading import warm
started = warm.WarmExaminer.start(warm.Setup({str(root)!r}, "double"))
print(started.process.pid, flush=True)
time.sleep(1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    pid = int(done.stdout)
    assert until(lambda: not alive(pid), 30.0)
