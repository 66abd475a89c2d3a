"""What counts for a student: dates, extensions, attempts and groups over the verdicts, and none of it in them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fake_examiner import FakeExaminer
from small_course import double_course, write_notebook

from torchgrade.errors import SpecError, UsageError
from torchgrade.gradebook import Decisions, Gradebook, Wish
from torchgrade.model import Submission, Verdict
from torchgrade.pipeline import GradeOptions, GradeSummary, cohort, standing, workers
from torchgrade.pipeline.reporting import course_name
from torchgrade.spec import load_course

DUE = "due: 2026-03-01 23:59 Europe/Moscow\n"
DAILY = f"{DUE}late: {{minus: 10 %, per: day, floor: 50 %, closed: 7 d}}\n"


class Quiet:
    """A Progress that says nothing."""

    def planned(self, total: int, known: int) -> None: ...
    def preparing(self, what: str) -> None: ...
    def started(self, student: str) -> None: ...
    def finished(self, verdict: Verdict) -> None: ...


class Stage:
    """A course, a cohort and a pretended examiner; ``times``: when each student handed in."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = double_course(folder / "course").root
        self.cohort, self.out = folder / "cohort", folder / "out"
        self.cohort.mkdir()
        self.times: dict[str, str] = {}
        self.examined: list[str] = []
        self.spec = (self.root / "assignments/double/assignment.yaml").read_text(encoding="utf-8")
        collect = cohort.collect

        def collected(*args: Any, **options: Any) -> list[Submission]:
            found = collect(*args, **options)
            return [replace(s, handed_in=self.moment(s.student)) for s in found]

        def start(setup: Any) -> FakeExaminer:
            examiner = FakeExaminer(setup)
            examiner.examined = self.examined
            return examiner

        monkeypatch.setattr(cohort, "collect", collected)
        monkeypatch.setattr(workers.warm, "start", start)

    def moment(self, student: str) -> datetime | None:
        text = self.times.get(student)
        return datetime.fromisoformat(f"{text}+03:00") if text else None

    def policy(self, text: str) -> None:
        spec = self.spec.replace("title:", f"{text}title:", 1)
        (self.root / "assignments/double/assignment.yaml").write_text(spec, encoding="utf-8")

    def hand_in(self, student: str, points: float, moment: str = "") -> None:
        write_notebook(self.cohort / f"{student}.ipynb", f"points {points:g}")
        self.times[student] = moment

    def roster(self, text: str) -> Path:
        path = self.root.parent / "roster.csv"
        path.write_text(text, encoding="utf-8")
        return path

    def grade(self, **options: Any) -> GradeSummary:
        self.examined.clear()
        course = load_course(self.root)
        assignment = course.assignments[0]
        made = GradeOptions(**{"jobs": 2, **options})
        return cohort.grade(course, assignment, self.cohort, self.out, made, Quiet())

    @property
    def submissions(self) -> dict[str, dict[str, Any]]:
        document = json.loads((self.out / "results.json").read_text(encoding="utf-8"))
        return {s["student"]: s for s in document["submissions"]}

    @property
    def rows(self) -> dict[str, dict[str, str]]:
        with (self.out / "grades.csv").open(encoding="utf-8") as file:
            return {row["student"]: row for row in csv.DictReader(file)}

    def counted(self, student: str) -> tuple[float, float]:
        """Points as examined, and those that count."""
        found = self.submissions[student]
        return found["points"], found["standing"]["points"]

    def page(self, student: str) -> str:
        return (self.out / "students" / f"{student}.html").read_text(encoding="utf-8")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, monkeypatch)


def test_without_a_policy_the_points_count_and_pages_say_nothing_of_it(stage: Stage) -> None:
    stage.hand_in("anna", 2, "2026-03-05T10:00")
    stage.grade()
    assert stage.counted("anna") == (2.0, 2.0)
    assert stage.submissions["anna"]["standing"]["because"] == []
    assert "Counts" not in stage.page("anna")
    assert ">Counts<" not in (stage.out / "index.html").read_text(encoding="utf-8")
    assert stage.rows["anna"]["counted_points"] == "2"


def test_late_work_is_told_with_both_numbers_everywhere(stage: Stage) -> None:
    stage.policy(DAILY)
    stage.hand_in("anna", 2, "2026-03-03T10:00")
    stage.hand_in("boris", 2, "2026-03-01T23:59")
    stage.grade()
    assert (stage.counted("anna"), stage.counted("boris")) == ((2.0, 1.6), (2.0, 2.0))
    told = stage.submissions["anna"]["standing"]
    assert (told["raw_points"], told["late_seconds"], told["attempt"]) == (2.0, 34 * 3600 + 60, 1)
    assert (told["due"], told["handed_in"]) == ("2026-03-01T23:59:00+03:00", "2026-03-03T07:00:00+00:00")
    sentence = "2 days begun, minus 10 % each, here 0.4 points."
    assert sentence in told["because"][0]
    page = stage.page("anna")
    assert "Counts: 1.6. Earned by the work on this page: 2." in page and sentence in page
    assert "2026-03-03 10:00 Europe/Moscow" in page
    assert "Counts:" not in stage.page("boris")
    index = (stage.out / "index.html").read_text(encoding="utf-8")
    assert ">Counts</th>" in index and "2 earned, counts: 1.6" in index
    header = (stage.out / "grades.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header.endswith(",reason,counted_points,counted_bonus,late_seconds,counted_attempt,excused,because")
    assert (stage.rows["anna"]["points"], stage.rows["anna"]["counted_points"]) == ("2", "1.6")


def test_a_due_date_that_changes_grades_nothing_again_and_is_on_the_pages(stage: Stage) -> None:
    stage.policy(DAILY)
    stage.hand_in("anna", 2, "2026-03-03T10:00")
    stage.grade()
    assert stage.examined == ["anna"]
    stage.policy(DAILY.replace("03-01", "03-02"))
    roster = stage.roster("student,group\nanna,7\n")
    stage.grade(roster=roster)
    assert stage.examined == [] and stage.counted("anna") == (2.0, 1.8)
    assert "Counts: 1.8." in stage.page("anna")
    stage.grade(roster=stage.roster("student,group,extension\nanna,7,+1 d\n"))
    assert stage.examined == [] and stage.counted("anna") == (2.0, 2.0)
    assert "Extended to 2026-03-03 23:59 Europe/Moscow." in stage.page("anna")
    stage.policy("")
    stage.grade()
    assert stage.examined == [] and "Counts" not in stage.page("anna")


def test_a_page_that_says_the_same_is_not_written_again(stage: Stage) -> None:
    stage.policy(DAILY)
    stage.hand_in("anna", 2, "2026-03-03T10:00")
    stage.hand_in("boris", 2, "2026-03-01T10:00")
    stage.grade()
    before = [(stage.out / "students" / f"{s}.html").stat().st_mtime_ns for s in ("anna", "boris")]
    stage.grade()
    assert [(stage.out / "students" / f"{s}.html").stat().st_mtime_ns for s in ("anna", "boris")] == before


def test_what_nobody_knows_the_time_of_loses_nothing_and_says_so(stage: Stage) -> None:
    stage.policy(DAILY)
    stage.hand_in("anna", 2)
    stage.grade()
    assert stage.counted("anna") == (2.0, 2.0)
    assert "When it was handed in is not known, so nothing is taken off." in stage.page("anna")
    stage.times["anna"] = "2026-03-03T10:00"  # learned later, and nothing is examined again
    stage.grade()
    assert stage.examined == [] and stage.counted("anna") == (2.0, 1.6)


@pytest.mark.parametrize("moment", ["9999-12-31T23:59", "0001-01-01T00:00"])
def test_a_time_that_cannot_be_is_not_known(stage: Stage, moment: str) -> None:
    stage.policy(DAILY)
    stage.hand_in("anna", 2, moment)
    stage.grade()
    assert "not known" in stage.submissions["anna"]["standing"]["because"][0]


def test_the_same_notebook_handed_in_again_later_is_not_late(stage: Stage) -> None:
    stage.policy(DAILY)
    stage.hand_in("anna", 2, "2026-03-01T10:00")
    stage.grade()
    stage.times["anna"] = "2026-03-03T10:00"
    stage.grade()
    assert stage.counted("anna") == (2.0, 2.0)
    stage.grade(force=True)
    assert stage.counted("anna") == (2.0, 1.6), "a wrong time is put right by --force"


def test_the_best_of_all_attempts_in_the_gradebook_counts(stage: Stage) -> None:
    stage.policy(f"{DAILY}attempts: best\n")
    stage.hand_in("anna", 2, "2026-03-01T10:00")
    stage.grade()
    stage.hand_in("anna", 1, "2026-03-01T12:00")
    stage.grade()
    assert stage.counted("anna") == (1.0, 2.0)
    assert stage.submissions["anna"]["standing"]["attempt"] == 1
    assert "Attempt 1 counts: the best of 2." in stage.page("anna")
    stage.policy(f"{DAILY}attempts: last\n")
    stage.grade()
    assert stage.counted("anna") == (1.0, 1.0) and stage.examined == []


def test_what_a_teacher_decided_is_what_the_penalty_is_taken_from(stage: Stage) -> None:
    stage.policy(DAILY)
    stage.hand_in("anna", 1, "2026-03-02T10:00")
    stage.grade()
    with Gradebook.open(stage.out / "gradebook.sqlite") as book:
        desk = Decisions(book, course_name(load_course(stage.root)))
        digest = desk.verdict("double", "anna")[1].digests["notebook"]
        wish = Wish("doubles", 2.0, "Right after all.")
        desk.decide("double", "anna", [wish], who="A", notebook_digest=digest)
    stage.grade()
    told = stage.submissions["anna"]["standing"]
    assert (told["raw_points"], told["points"]) == (2.0, 1.8)
    assert "Counts: 1.8. Earned by the work on this page: 2." in stage.page("anna")


# Groups and who is excused


def test_one_hand_in_counts_for_the_group(stage: Stage) -> None:
    stage.policy(f"{DAILY}groups: true\n")
    stage.hand_in("anna", 2, "2026-03-02T10:00")
    stage.hand_in("dora", 1, "2026-03-01T10:00")
    roster = stage.roster("student,group,extension\nanna,A,\nboris,A,+1 d\nclara,B,\ndora,,\n")
    stage.grade(roster=roster)
    assert [stage.counted(s)[1] for s in ("anna", "boris", "clara", "dora")] == [1.8, 2.0, 0.0, 1.0]
    assert "What anna of your group handed in counts." in stage.page("boris")
    assert stage.submissions["boris"]["standing"]["by"] == "anna"


def test_excused_is_blank_in_the_table_and_told(stage: Stage) -> None:
    stage.hand_in("anna", 2)
    stage.grade(roster=stage.roster("student,excused\nanna,yes\nboris,да\n"))
    assert stage.submissions["anna"]["standing"]["excused"] is True
    assert (stage.rows["anna"]["counted_points"], stage.rows["anna"]["excused"]) == ("", "yes")
    assert "Excused: it counts neither for nor against." in stage.page("boris")


def test_a_broken_verdict_counts_nothing_yet(stage: Stage) -> None:
    stage.policy(DAILY)
    write_notebook(stage.cohort / "anna.ipynb", "broken")
    stage.times["anna"] = "2026-03-03T10:00"
    stage.grade()
    assert stage.rows["anna"]["counted_points"] == "" and "Counts:" not in stage.page("anna")


# A roster that says nothing that can be read: before anything is examined


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("student,extention\nanna,+1 d\n", ":1: extention: unknown column 'extention'; did you mean 'extension'?"),
        ("student,extension:dubble\nanna,\n", ":1: extension:dubble: there is no assignment 'dubble'"),
        ("student,extension\nanna,\nboris,soon\n", ":3: extension: must be such as '+2 d'"),
        ("student,excused\nanna,perhaps\n", ":2: excused: must be yes or no"),
    ],
)
def test_a_wrong_roster_is_one_clear_line_and_nothing_is_written(stage: Stage, text: str, told: str) -> None:
    stage.policy(DAILY)
    stage.hand_in("anna", 2)
    with pytest.raises(SpecError) as caught:
        stage.grade(roster=stage.roster(text))
    assert f"roster.csv{told}" in str(caught.value) and "\n" not in str(caught.value)
    assert not stage.out.exists()


def test_groups_need_a_roster_with_groups(stage: Stage) -> None:
    stage.policy("groups: true\n")
    stage.hand_in("anna", 2)
    with pytest.raises(UsageError, match="--roster is missing"):
        stage.grade()
    with pytest.raises(SpecError, match="needs a column 'group'"):
        stage.grade(roster=stage.roster("student\nanna\n"))


# Past runs


def of_run(stage: Stage, number: int, roster: Path | None = None) -> dict[str, tuple[float, float]]:
    course = load_course(stage.root)
    with Gradebook.open(stage.out / "gradebook.sqlite") as book:
        run = book.runs()[number]
        verdicts = book.verdicts(run.id, with_notebooks=False)
        found = standing.standings_of_run(book, run, course, course.assignments[0], roster, verdicts)
    return {student: (s.raw_points, s.points) for student, s in found.items()}


def test_a_past_run_knows_its_roster_and_no_later_attempt(stage: Stage) -> None:
    stage.policy(f"{DAILY}attempts: best\n")
    stage.hand_in("anna", 1, "2026-03-02T10:00")
    stage.grade(roster=stage.roster("student,extension,note\nanna,+1 d,secret\n"))
    stage.hand_in("anna", 2, "2026-03-01T10:00")
    stage.grade()
    assert of_run(stage, 0) == {"anna": (1.0, 1.0)}
    assert of_run(stage, 1) == {"anna": (2.0, 2.0)}
    assert of_run(stage, 0, stage.roster("student,extension\nanna,\n")) == {"anna": (1.0, 0.9)}
    with Gradebook.open(stage.out / "gradebook.sqlite") as book:
        assert book.runs()[0].settings["roster"] == {"anna": {"extension": "+1 d"}}
