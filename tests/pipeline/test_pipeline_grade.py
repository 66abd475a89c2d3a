"""``grade`` over a pretended examiner: who is examined, how often, and what is kept and said."""

from __future__ import annotations

import csv
import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_examiner import FakeExaminer
from small_course import add_assignment, double_course, write_course, write_notebook

from torchgrade.errors import RoomError, SpecError, UsageError
from torchgrade.gradebook import Gradebook
from torchgrade.grading import warm
from torchgrade.model import Course, Status, Tier, Verdict
from torchgrade.pipeline import GradeOptions, GradeSummary, cohort, gpus, keys, machine, workers
from torchgrade.spec import load_course


class Heard:
    """A Progress that remembers."""

    def __init__(self) -> None:
        self.total = self.known = 0
        self.begun: list[str] = []
        self.done: list[str] = []

    def planned(self, total: int, known: int) -> None:
        self.total, self.known = total, known

    def preparing(self, what: str) -> None:
        """No data sets here."""

    def started(self, student: str) -> None:
        self.begun.append(student)

    def finished(self, verdict: Verdict) -> None:
        self.done.append(verdict.student)


class Stage:
    """A course, a cohort, and an examiner that is made anew for each run."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = double_course(folder / "course").root
        self.cohort = folder / "cohort"
        self.cohort.mkdir()
        self.out = folder / "out"
        self.examiners: list[FakeExaminer] = []
        self.heard = Heard()

        def start(setup: warm.Setup) -> FakeExaminer:
            self.examiners.append(FakeExaminer(setup))
            return self.examiners[-1]

        monkeypatch.setattr(workers.warm, "start", start)

    def hand_in(self, **cells: str) -> None:
        for student, cell in cells.items():
            write_notebook(self.cohort / f"{student}.ipynb", cell)

    def course(self) -> Course:
        return load_course(self.root)

    def grade(self, source: Path | None = None, out: Path | None = None, **options: Any) -> GradeSummary:
        course, self.heard = self.course(), Heard()
        assignment = course.assignment("double")
        assert assignment is not None
        made = GradeOptions(**{"jobs": 2, **options})
        return cohort.grade(course, assignment, source or self.cohort, out or self.out, made, self.heard)

    def survey(self, **options: Any) -> list[cohort.Planned]:
        course = self.course()
        made = GradeOptions(**{"jobs": 2, **options})
        return cohort.survey(course, course.assignments[0], self.cohort, self.out, made, self.heard)

    @property
    def examined(self) -> list[str]:
        """Of the last run; empty where no examiner was started."""
        return sorted(self.examiners[-1].examined) if self.examiners else []

    @property
    def all_closed(self) -> bool:
        return all(e.closed == 1 for e in self.examiners)

    def results(self) -> dict[str, Any]:
        return dict(json.loads((self.out / "results.json").read_text(encoding="utf-8")))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv(keys.SECRET_VARIABLE, "s")
    return Stage(tmp_path, monkeypatch)


def points(summary: GradeSummary) -> dict[str, float]:
    return {v.student: v.points for v in summary.verdicts}


# --- again, and what is known ------------------------------------------------------------------------------


def test_a_second_run_examines_nobody_again(stage: Stage) -> None:
    stage.hand_in(anna="points 3", boris="points 1")
    first = stage.grade()
    assert stage.examined == ["anna", "boris"]
    before = (stage.out / "results.json").read_bytes()
    stage.examiners.clear()
    second = stage.grade()
    assert stage.examiners == [], "not even an examiner is warmed up"
    assert (first.known, second.known) == (0, 2)
    assert points(first) == points(second) == {"anna": 3, "boris": 1}
    assert (stage.out / "results.json").read_bytes() == before
    assert (stage.heard.total, stage.heard.known, stage.heard.done) == (2, 2, [])


def test_only_what_is_new_is_examined(stage: Stage) -> None:
    stage.hand_in(anna="points 3", boris="points 1")
    stage.grade()
    stage.hand_in(boris="points 2", clara="points 3")
    summary = stage.grade()
    assert stage.examined == ["boris", "clara"]
    assert points(summary) == {"anna": 3, "boris": 2, "clara": 3}


def test_a_second_notebook_is_a_second_attempt_and_the_first_again_is_the_first(stage: Stage) -> None:
    for cell, attempt in (("points 1", 1), ("points 2", 2), ("points 1", 1)):
        stage.hand_in(anna=cell)
        (verdict,) = stage.grade().verdicts
        assert verdict.attempt == attempt


def test_who_left_the_cohort_is_left_out_of_the_reports(stage: Stage) -> None:
    stage.hand_in(anna="points 3", boris="points 1")
    stage.grade()
    (stage.cohort / "boris.ipynb").unlink()
    assert points(stage.grade()) == {"anna": 3}


def test_force_examines_all_again_and_counts_nobody_twice(stage: Stage) -> None:
    stage.hand_in(anna="points 3", boris="points 1")
    stage.grade()
    summary = stage.grade(force=True)
    assert stage.examined == ["anna", "boris"]
    assert points(summary) == {"anna": 3, "boris": 1}
    assert summary.known == 0


def test_force_puts_the_new_verdict_in_the_place_of_the_old(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a machine was too busy, and a notebook ran out of time that it should have had."""
    stage.hand_in(anna="points 1")
    stage.grade()
    monkeypatch.setattr(FakeExaminer, "more", 2.0)
    assert points(stage.grade(force=True)) == {"anna": 3}
    assert stage.results()["submissions"][0]["points"] == 3
    assert points(stage.grade()) == {"anna": 3}


def test_a_changed_grader_examines_all_again(stage: Stage) -> None:
    stage.hand_in(anna="points 3")
    stage.grade()
    with (stage.root / "graders/double/test_hidden.py").open("a") as file:
        file.write("# other\n")
    stage.grade()
    assert stage.examined == ["anna"]


# --- broken ------------------------------------------------------------------------------------------------


def test_a_broken_verdict_is_tried_twice_before_anybody_hears_of_it(stage: Stage) -> None:
    stage.hand_in(anna="points 3\nbroken once")
    summary = stage.grade()
    assert stage.examined == ["anna", "anna"]
    assert summary.broken == []
    assert points(summary) == {"anna": 3}


def test_a_broken_verdict_is_loud_and_not_kept_as_finished(stage: Stage) -> None:
    stage.hand_in(anna="broken", boris="points 1")
    summary = stage.grade()
    assert [v.student for v in summary.broken] == ["anna"]
    assert len(stage.grade().broken) == 1
    assert stage.examined == ["anna", "anna"], "tried again in the next run, alone"


def test_a_broken_verdict_gives_way_to_a_finished_one(stage: Stage) -> None:
    stage.hand_in(anna="broken once")
    monkey = workers._TRIES
    try:
        workers._TRIES = 1
        assert len(stage.grade().broken) == 1
    finally:
        workers._TRIES = monkey
    stage.examiners.clear()
    summary = stage.grade()  # a new examiner counts anew, so it is broken once and then graded
    assert summary.broken == []
    assert len(stage.grade().verdicts) == 1


def test_an_examiner_that_raises_is_told_in_one_line_and_costs_nothing(stage: Stage) -> None:
    stage.hand_in(anna="raise", boris="points 3")
    summary = stage.grade()
    (verdict,) = summary.broken
    assert (verdict.reason, verdict.points, verdict.max_points) == ("OSError: our own disk", 0, 0)
    assert points(summary)["boris"] == 3
    entry = stage.results()["submissions"][0]
    assert (entry["status"], entry["points"], entry["max_points"]) == ("broken", 0, 0)


def test_what_a_student_said_can_be_kept_whatever_it_is(stage: Stage) -> None:
    stage.hand_in(anna=r"say \ud800 half a pair \x00 \x1b[31m \u202e")
    (verdict,) = stage.grade().verdicts
    assert "half a pair" in verdict.criteria[0].message
    assert "half a pair" in (stage.out / "junit.xml").read_text(encoding="utf-8")


# --- who hands in, and who does not ------------------------------------------------------------------------


def test_what_cannot_be_read_is_a_verdict_and_needs_no_examiner(stage: Stage) -> None:
    (stage.cohort / "empty.ipynb").touch()
    (stage.cohort / "no_notebook").mkdir()
    (stage.cohort / "half.ipynb").write_text('{"cells": [')
    summary = stage.grade()
    assert stage.examined == [] and stage.all_closed
    assert {v.student: v.status for v in summary.verdicts} == dict.fromkeys(
        ("empty", "no_notebook", "half"), Status.UNREADABLE
    )
    for verdict in summary.verdicts:
        assert verdict.reason
        assert (verdict.points, verdict.max_points) == (0, 3)
        assert {c.message for c in verdict.criteria} == {verdict.reason}
    stage.grade()
    assert stage.heard.known == 3


def test_a_roster_adds_the_missing_and_notes_the_strangers(stage: Stage, tmp_path: Path) -> None:
    stage.hand_in(anna="points 3", zoe="points 3")
    roster = tmp_path / "roster.csv"
    roster.write_text("group,student\n1,anna\n2,boris\n")
    found = {v.student: v for v in stage.grade(roster=roster).verdicts}
    assert list(found) == ["anna", "boris", "zoe"]
    assert (found["boris"].status, found["boris"].reason) == (Status.UNREADABLE, "nothing was handed in")
    assert found["anna"].notes == ()
    assert found["zoe"].notes == ("not in the roster roster.csv",)


def test_a_missing_student_who_hands_in_later_begins_with_the_first_attempt(stage: Stage, tmp_path: Path) -> None:
    stage.hand_in(anna="points 3")
    roster = tmp_path / "roster.csv"
    roster.write_text("student\nanna\nboris\n")
    stage.grade(roster=roster)
    stage.hand_in(boris="points 2")
    found = {v.student: v for v in stage.grade(roster=roster).verdicts}
    assert (found["boris"].status, found["boris"].points, found["boris"].attempt) == (Status.GRADED, 2, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name\nanna\n", r"roster\.csv:1: student: the first line must name a column 'student'"),
        ("studnt\nanna\n", r"roster\.csv:1: student: .*did you mean 'student' by 'studnt'"),
        ("student\nanna\nanna\n", r"roster\.csv:3: student: 'anna' is listed twice"),
        ("student,group\nanna,1\n,2\n", r"roster\.csv:3: student: a row without a student"),
        ('student\n"anna\n', r"roster\.csv:\d: not CSV"),
        ("", r"roster\.csv:1: student: the first line must name a column"),
    ],
)
def test_a_bad_roster_names_file_and_line(stage: Stage, tmp_path: Path, text: str, said: str) -> None:
    stage.hand_in(anna="points 3")
    roster = tmp_path / "roster.csv"
    roster.write_text(text)
    with pytest.raises(SpecError, match=said):
        stage.grade(roster=roster)
    assert stage.examined == [] and stage.all_closed


def test_a_roster_that_is_not_there_is_named(stage: Stage, tmp_path: Path) -> None:
    stage.hand_in(anna="points 3")
    with pytest.raises(SpecError, match=r"none\.csv: the roster cannot be read"):
        stage.grade(roster=tmp_path / "none.csv")


# --- places ------------------------------------------------------------------------------------------------


def test_a_gradebook_elsewhere_is_shared_by_two_folders(stage: Stage, tmp_path: Path) -> None:
    stage.hand_in(anna="points 3")
    book = tmp_path / "books" / "all.sqlite"
    book.parent.mkdir()
    stage.grade(gradebook=str(book))
    assert not (stage.out / "gradebook.sqlite").exists()
    stage.examiners.clear()
    summary = stage.grade(gradebook=f"sqlite:///{book}", out=tmp_path / "other")
    assert stage.examiners == []
    assert points(summary) == {"anna": 3}
    assert (tmp_path / "other" / "students" / "anna.html").is_file()


def test_runs_are_recorded_with_their_end(stage: Stage) -> None:
    stage.hand_in(anna="points 3")
    stage.grade()
    stage.grade()
    with Gradebook.open(stage.out / "gradebook.sqlite") as book:
        runs = book.runs()
    assert [r.verdicts for r in runs] == [1, 1]
    assert all(r.ended for r in runs)
    assert runs[0].settings["tier"] == "full"


@pytest.mark.parametrize("place", ["file", "below a file"])
def test_an_output_folder_that_is_a_file_is_refused(stage: Stage, tmp_path: Path, place: str) -> None:
    stage.hand_in(anna="points 3")
    (tmp_path / "taken").write_text("kept")
    out = tmp_path / "taken" if place == "file" else tmp_path / "taken" / "out"
    with pytest.raises(UsageError, match="the output folder cannot be made"):
        stage.grade(out=out)
    assert (tmp_path / "taken").read_text() == "kept"
    assert stage.examined == [] and stage.all_closed


@pytest.mark.parametrize("taken", ["students", "results.json", "index.html"])
def test_reports_that_cannot_be_written_are_one_line_and_lose_no_verdict(stage: Stage, taken: str) -> None:
    stage.hand_in(anna="points 3")
    stage.out.mkdir()
    if taken == "students":
        (stage.out / taken).write_text("a file where a folder is needed")
    else:
        (stage.out / taken / "a folder where a file is needed").mkdir(parents=True)
    with pytest.raises(UsageError, match="reports cannot be written") as fault:
        stage.grade()
    assert "\n" not in str(fault.value)
    with Gradebook.open(stage.out / "gradebook.sqlite") as book:
        assert [r.verdicts for r in book.runs()] == [0 if taken == "students" else 1]


@pytest.mark.parametrize("inside", [".", "out", "a/b"])
def test_reports_do_not_go_where_the_submissions_lie(stage: Stage, inside: str) -> None:
    """The next run would take them for somebody's submission."""
    stage.hand_in(anna="points 3")
    with pytest.raises(UsageError, match="submissions"):
        stage.grade(out=stage.cohort / inside)
    assert sorted(p.name for p in stage.cohort.iterdir()) == ["anna.ipynb"]


def test_reports_may_go_beside_a_single_notebook(stage: Stage) -> None:
    stage.hand_in(anna="points 3")
    summary = stage.grade(stage.cohort / "anna.ipynb", stage.cohort / "out")
    assert points(summary) == {"anna": 3}


@pytest.mark.parametrize("source", ["nowhere", "notes.txt", "empty"])
def test_submissions_that_are_none_are_refused_before_anything_is_written(
    stage: Stage, tmp_path: Path, source: str
) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=source):
        stage.grade(tmp_path / source)
    assert not stage.out.exists()


def test_nothing_is_written_into_the_course(stage: Stage) -> None:
    stage.hand_in(anna="points 3")
    before = listing(stage.root)
    stage.grade()
    assert listing(stage.root) == before


def listing(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(p.relative_to(folder)), p.stat().st_mtime_ns) for p in folder.rglob("*"))


# --- what an examiner is told ------------------------------------------------------------------------------


def test_a_job_holds_what_makes_a_verdict_repeatable(stage: Stage) -> None:
    stage.hand_in(anna="points 3")
    (verdict,) = stage.grade(tier=Tier.LANDLOCK, device="cpu").verdicts
    (job,) = stage.examiners[-1].jobs
    assert stage.examiners[-1].setup.tier == "landlock"
    assert (job["tier"], job["device"]) == ("landlock", "cpu")
    assert set(verdict.digests) == {"spec", "files", "graders", "solution", "engine", "notebook"}
    assert verdict.digests["notebook"]
    assert {"torch", "python", "torchgrade"} <= set(verdict.versions)
    assert len(verdict.seed) == 64


def test_the_same_submission_gets_the_same_seed_again(stage: Stage) -> None:
    stage.hand_in(anna="points 3", boris="points 3")
    first = {v.student: v.seed for v in stage.grade().verdicts}
    again = {v.student: v.seed for v in stage.grade(force=True).verdicts}
    assert first == again
    assert first["anna"] != first["boris"]


def test_no_job_holds_the_secret(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.SECRET_VARIABLE, "THE-SECRET")
    stage.hand_in(anna="points 3")
    stage.grade()
    assert "THE-SECRET" not in json.dumps(stage.examiners[-1].jobs)
    for path in stage.out.rglob("*"):
        assert path.is_dir() or b"THE-SECRET" not in path.read_bytes()


@pytest.mark.parametrize("jobs", [1, 3])
def test_so_many_at_once_as_asked_for(stage: Stage, jobs: int) -> None:
    stage.hand_in(**{f"s{n}": "sleep 0.05\npoints 1" for n in range(7)})
    summary = stage.grade(jobs=jobs)
    assert stage.examiners[-1].most_at_once == jobs
    assert len(summary.verdicts) == 7
    assert sorted(stage.heard.done) == sorted(stage.heard.begun) == [f"s{n}" for n in range(7)]


def test_verdicts_are_kept_as_they_come_not_at_the_end(stage: Stage) -> None:
    """A slow one does not hold back the others."""
    stage.hand_in(a="sleep 1.0\npoints 1", **{f"s{n}": "points 1" for n in range(5)})
    stage.grade(jobs=2)
    assert stage.heard.done[-1] == "a"


def test_the_examiner_is_closed_once(stage: Stage) -> None:
    stage.hand_in(anna="points 3")
    stage.grade()
    assert stage.examiners[-1].closed == 1


def test_an_interrupt_closes_the_examiner_and_keeps_what_was_reached(stage: Stage) -> None:
    stage.hand_in(anna="points 3", boris="sleep 0.3\ninterrupt", clara="sleep 0.6\npoints 1")
    with pytest.raises(KeyboardInterrupt):
        stage.grade(jobs=2)
    assert stage.examiners[-1].closed == 1
    with Gradebook.open(stage.out / "gradebook.sqlite") as book:
        (run,) = book.runs()
    assert (run.verdicts, run.ended) == (1, None)


def test_an_interrupt_while_a_verdict_is_written_closes_the_examiner_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.hand_in(**{f"s{n}": "sleep 0.05\npoints 1" for n in range(6)})
    closed: list[int] = []

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Gradebook, "record", interrupted)
    try:
        stage.grade(jobs=1)
    except KeyboardInterrupt:
        closed.append(stage.examiners[-1].closed)  # while the traceback still holds every frame
    assert closed == [1]
    assert len(stage.examined) < 6


def test_a_room_that_cannot_be_sealed_is_refused_before_the_first_submission(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: FakeExaminer) -> None:
        raise RoomError("no namespaces here")

    monkeypatch.setattr(FakeExaminer, "wait_ready", refuse)
    stage.hand_in(anna="points 3")
    with pytest.raises(RoomError, match=r"no namespaces here.*--sandbox landlock"):
        stage.grade()
    assert stage.examined == []
    assert stage.examiners[-1].closed == 1


# --- GPUs --------------------------------------------------------------------------------------------------

TWO = [gpus.Gpu(0, "GPU-a", "A card", 16_000, "570"), gpus.Gpu(1, "GPU-b", "A card", 16_000, "570")]


def test_a_gpu_that_is_not_there_is_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.hand_in(anna="points 3")
    with_gpus(monkeypatch, [], "there is no NVIDIA GPU on this machine")
    with pytest.raises(UsageError, match="--device cuda: there is no NVIDIA GPU"):
        stage.grade(device="cuda")


def with_gpus(monkeypatch: pytest.MonkeyPatch, found: list[gpus.Gpu], why_not: str = "") -> None:
    monkeypatch.setattr(gpus, "find_gpus", lambda: found)
    monkeypatch.setattr(gpus, "why_not", lambda _: why_not)


def test_the_place_is_the_assignments_where_none_is_asked_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignment = stage.course().assignments[0]
    with_gpus(monkeypatch, TWO)
    assert machine.choose_place("auto", assignment) == machine.Place("cuda", tuple(TWO))
    assert machine.choose_place("auto", assignment, 1) == machine.Place("cuda", tuple(TWO[:1]))
    assert machine.choose_place("auto", replace(assignment, device="cpu")) == machine.Place()
    assert machine.choose_place("cuda", replace(assignment, device="cpu")).device == "cuda"
    assert machine.choose_place("cpu", assignment) == machine.Place()
    with pytest.raises(UsageError, match="--gpus 3: this machine has 2"):
        machine.choose_place("auto", assignment, 3)
    with pytest.raises(UsageError, match="--gpus 1: double is graded on the CPU"):
        machine.choose_place("auto", replace(assignment, device="cpu"), 1)


def test_a_gpu_that_cannot_be_used_is_told_or_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assignment = stage.course().assignments[0]
    with_gpus(monkeypatch, TWO, "PyTorch is built for the CPU alone")
    assert machine.choose_place("auto", assignment).note == "on the CPU: PyTorch is built for the CPU alone"
    with pytest.raises(UsageError, match=r"double wants a GPU \(`device: cuda`\): PyTorch is built for the CPU"):
        machine.choose_place("auto", replace(assignment, device="cuda"))


def test_each_examination_has_a_share_of_a_gpu_for_itself(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, TWO)
    stage.hand_in(**{f"s{n}": "points 3\nsleep 0.05" for n in range(8)})
    stage.grade(jobs=4)
    jobs = stage.examiners[-1].jobs
    assert {j["gpu"] for j in jobs} == {"GPU-a", "GPU-b"} and {j["device"] for j in jobs} == {"cuda"}
    assert {(j["gpu_fraction"], j["gpu_memory_mb"]) for j in jobs} == {(0.4, 6400 + 1024)}
    assert stage.examiners[-1].most_on_one == 2


# --- reports -----------------------------------------------------------------------------------------------

SUBMISSION = {
    "student": str, "status": str, "points": float, "max_points": float, "seconds": float, "device": str,
    "sandbox": str, "bonus": float, "criteria": list,
}  # fmt: skip
CRITERION = {
    "id": str, "outcome": str, "points": float, "max_points": float, "bonus": bool, "visibility": str,
    "message": str, "hint": str,
}  # fmt: skip


def test_results_json_has_the_keys_that_programs_rely_on(stage: Stage) -> None:
    stage.hand_in(anna="points 3", boris="points 1")
    (stage.cohort / "empty.ipynb").touch()
    stage.grade()
    document = stage.results()
    assert (document["schema"], document["assignment"]) == ("torchgrade/results/v1", "double")
    assert document["max_points"] == 3.0
    assert [s["student"] for s in document["submissions"]] == ["anna", "boris", "empty"]
    for entry in document["submissions"]:
        assert {k: type(entry[k]) for k in SUBMISSION} == SUBMISSION
        for criterion in entry["criteria"]:
            assert {k: type(criterion[k]) for k in CRITERION} == CRITERION


def test_all_reports_are_written(stage: Stage) -> None:
    stage.hand_in(anna="points 3")
    summary = stage.grade()
    assert summary.index == stage.out / "index.html"
    there = {str(p.relative_to(stage.out)) for p in stage.out.rglob("*") if p.is_file()}
    assert there >= {"index.html", "students/anna.html", "grades.csv", "junit.xml", "results.json"}
    with (stage.out / "grades.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["points"] == "3"


def test_a_cohort_is_graded_under_odd_names(stage: Stage) -> None:
    for name in ("Ivanov Пётр", "a:b", "x" * 100, "a..b", "CON", "-rf", "[red]", "a\nb", "a\x1b[31mb"):
        write_notebook(stage.cohort / f"{name}.ipynb", "points 1")
    summary = stage.grade()
    assert len(summary.verdicts) == 9
    assert len(list((stage.out / "students").iterdir())) == 9
    assert all(v.student.isprintable() for v in summary.verdicts)


# --- how many at once --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free_mb", "processors", "jobs"), [(0, 64, 1), (1500, 64, 1), (6000, 64, 4), (90_000, 8, 8), (90_000, 1, 1)]
)
def test_default_jobs_are_bounded_by_memory_and_processors(
    monkeypatch: pytest.MonkeyPatch, free_mb: int, processors: int, jobs: int
) -> None:
    monkeypatch.setattr(machine, "available_mb", lambda: free_mb)
    monkeypatch.setattr(machine, "processors", lambda: processors)
    assert machine.default_jobs() == jobs


def test_memory_that_only_caches_files_is_available(tmp_path: Path) -> None:
    """A server that has read much has little free memory, and much that it can give."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 16000000 kB\nMemFree: 100000 kB\nMemAvailable: 8192000 kB\n")
    assert machine.available_mb(meminfo) == 8000
    assert machine.available_mb(tmp_path / "none") > 0


def test_only_processors_that_we_may_use_count() -> None:
    assert 1 <= machine.processors() <= (os.cpu_count() or 1)


def test_a_window_of_calls_is_held_not_all_of_them() -> None:
    import concurrent.futures

    drawn, lock = [], threading.Lock()

    def work(n: int) -> tuple[str, Any]:
        return str(n), n

    def calls() -> Any:
        for n in range(100):
            with lock:
                drawn.append(n)
            yield work, n

    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        results = workers.as_completed(executor, calls(), 4)
        next(results)
        assert len(drawn) <= 5
        assert len(list(results)) == 99


def test_two_assignments_do_not_share_verdicts(stage: Stage) -> None:
    add_assignment(stage.root, "other")
    stage.hand_in(anna="points 3")
    stage.grade()
    course = stage.course()
    assignment = course.assignment("other")
    assert assignment is not None
    summary = cohort.grade(course, assignment, stage.cohort, stage.out, GradeOptions(jobs=1), Heard())
    assert stage.examiners[-1].setup.assignment == "other"
    assert stage.examined == ["anna"]
    assert summary.known == 0


def test_a_course_whose_graders_do_not_fit_is_refused_first(stage: Stage) -> None:
    stage.hand_in(anna="points 3")
    (stage.root / "graders/double/test_hidden.py").unlink()
    with pytest.raises(SpecError, match="no grader tests 'doubles-large'"):
        stage.grade()
    assert not stage.out.exists()


def test_a_course_without_a_solution_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, monkeypatch)
    stage.hand_in(anna="points 3")
    (stage.root / "solutions/double/double.ipynb").unlink()
    with pytest.raises(SpecError, match=r"double\.ipynb: the notebook does not exist"):
        stage.grade()
    assert stage.examined == [] and stage.all_closed


def test_write_course_makes_a_course(tmp_path: Path) -> None:
    assert load_course(write_course(tmp_path / "c")).assignments == ()


# --- what to examine ---------------------------------------------------------------------------------------


def test_only_the_named_are_examined_and_the_others_keep_their_verdicts(stage: Stage) -> None:
    stage.hand_in(anna="points 1", boris="points 2")
    stage.grade()
    stage.hand_in(anna="points 3", boris="points 3", vera="points 3")
    summary = stage.grade(only=("anna",))
    assert stage.examined == ["anna"]
    assert points(summary) == {"anna": 3.0} and summary.left_out == 2
    assert points(stage.grade()) == {"anna": 3.0, "boris": 3.0, "vera": 3.0}


def test_force_with_only_examines_again_whom_it_names(stage: Stage) -> None:
    stage.hand_in(anna="points 1", boris="points 2")
    stage.grade()
    summary = stage.grade(only=("boris",), force=True)
    assert stage.examined == ["boris"] and points(summary) == {"anna": 1.0, "boris": 2.0}


def test_a_misspelt_name_is_refused_with_the_nearest(stage: Stage) -> None:
    stage.hand_in(anna="points 1", boris="points 2")
    with pytest.raises(UsageError, match=r"--only bori: nobody .* did you mean 'boris'\?"):
        stage.grade(only=("bori",))
    assert stage.all_closed, "what had begun to warm up was ended"


def test_failed_examines_again_what_hit_a_limit(stage: Stage) -> None:
    stage.hand_in(anna="points 1", boris="limit")
    assert stage.grade().verdicts[1].status == Status.LIMIT
    stage.grade(failed=True)
    assert stage.examined == ["boris"]


def test_a_dry_run_says_why_and_does_nothing(stage: Stage) -> None:
    stage.hand_in(anna="points 1", boris="points 2")
    planned = stage.survey()
    assert [(p.student, p.known, p.why) for p in planned] == [
        ("anna", False, "no verdict yet"), ("boris", False, "no verdict yet"),
    ]  # fmt: skip
    assert not stage.out.exists() and stage.examiners == []
    stage.grade()
    stage.hand_in(boris="points 3")
    known, again = stage.survey()
    assert known.known and (again.known, again.why) == (False, "another notebook")
    grader = stage.root / "graders" / "double" / "test_public.py"
    grader.write_text(grader.read_text() + "\n# changed\n")
    assert [p.why for p in stage.survey()] == [
        "the graders have changed", "another notebook, the graders have changed",
    ]  # fmt: skip
    assert cohort.tally(stage.survey()) == [
        ("the graders have changed", 1), ("another notebook, the graders have changed", 1),
    ]  # fmt: skip


def test_pages_that_are_there_are_not_written_again(stage: Stage) -> None:
    stage.hand_in(anna="points 1", boris="points 2")
    stage.grade()
    page = stage.out / "students" / "anna.html"
    before = page.stat().st_mtime_ns
    (stage.out / "students" / "boris.html").unlink()
    stage.grade()
    assert page.stat().st_mtime_ns == before
    assert (stage.out / "students" / "boris.html").is_file(), "one that is gone is written again"


def test_the_page_of_who_left_goes_and_foreign_files_stay(stage: Stage) -> None:
    stage.hand_in(anna="points 1", boris="points 2")
    stage.grade()
    (stage.out / "students" / "notes.html").write_text("mine")
    (stage.cohort / "boris.ipynb").unlink()
    stage.grade()
    there = {p.name for p in (stage.out / "students").iterdir()}
    assert there == {"anna.html", "notes.html"}


def test_an_examiner_that_died_is_started_anew(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeExaminer, "deaths_left", 1)
    stage.hand_in(anna="points 1", boris="die", vera="points 2", zoe="points 3")
    assert points(stage.grade(jobs=1)) == {"anna": 1.0, "boris": 3.0, "vera": 2.0, "zoe": 3.0}
    assert len(stage.examiners) == 2 and stage.all_closed


def test_two_courses_in_one_gradebook_count_attempts_apart(stage: Stage, tmp_path: Path) -> None:
    book = str(tmp_path / "all.sqlite")
    stage.hand_in(anna="points 1")
    stage.grade(gradebook=book)
    course = stage.root / "course.yaml"
    course.write_text(course.read_text().replace("year: ", "year: 1"))
    stage.hand_in(anna="points 2")
    (verdict,) = stage.grade(gradebook=book, out=tmp_path / "other").verdicts
    assert verdict.attempt == 1
    stage.hand_in(anna="points 3")
    (verdict,) = stage.grade(gradebook=book, out=tmp_path / "other").verdicts
    assert verdict.attempt == 2


def test_with_a_scheduler_the_gpus_of_this_machine_do_not_count(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignment = stage.course().assignments[0]
    with_gpus(monkeypatch, [], "there is no NVIDIA GPU on this machine")
    assert machine.choose_place("cuda", assignment, elsewhere=True) == machine.Place("cuda")
    assert machine.choose_place("auto", assignment, elsewhere=True) == machine.Place()
    assert machine.choose_place("auto", replace(assignment, device="cuda"), elsewhere=True).device == "cuda"
    with pytest.raises(UsageError, match="--gpus 2: the workers"):
        machine.choose_place("cuda", assignment, 2, elsewhere=True)
