"""What a gradebook keeps, and what it says twice."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from torchgrade.errors import BrokenError, UsageError
from torchgrade.gradebook import Gradebook
from torchgrade.model import CriterionResult, Outcome, Status, Verdict

Make = Callable[..., Verdict]


def test_a_recorded_verdict_comes_back_equal(gradebook: Gradebook, verdict: Make) -> None:
    run = gradebook.start_run("softmax", {"jobs": 2})
    gradebook.record(verdict(), "k1", run)
    assert gradebook.finished("softmax", ["k1", "k2"]) == {"k1": verdict()}
    assert gradebook.verdicts(run) == [verdict()]


def test_it_is_there_after_it_was_closed(place: str, verdict: Make) -> None:
    with Gradebook.open(place) as first:
        run = first.start_run("softmax", {})
        first.record(verdict(notebook=None), "k1", run)
    with Gradebook.open(place.removeprefix("sqlite:///")) as second:
        assert second.verdicts(run) == [verdict(notebook=None)]


def test_a_finished_verdict_stays_when_its_key_comes_again(gradebook: Gradebook, verdict: Make) -> None:
    runs = [gradebook.start_run("softmax", {}) for _ in range(2)]
    gradebook.record(verdict(points=2.0), "k1", runs[0])
    gradebook.record(verdict(points=1.0), "k1", runs[1])
    assert gradebook.verdicts(runs[0]) == gradebook.verdicts(runs[1]) == [verdict(points=2.0)]


BROKEN_LINE = CriterionResult("rows", "Rows", Outcome.BROKEN, 0.0, 2.0)


@pytest.mark.parametrize("broken", [{"status": Status.BROKEN, "reason": "room"}, {"criteria": (BROKEN_LINE,)}])
def test_a_broken_verdict_is_not_finished_and_gives_way(
    gradebook: Gradebook, verdict: Make, broken: dict[str, object]
) -> None:
    run = gradebook.start_run("softmax", {})
    gradebook.record(verdict(**broken), "k1", run)
    assert gradebook.finished("softmax", ["k1"]) == {}
    assert gradebook.verdicts(run) == [verdict(**broken)]
    gradebook.record(verdict(notebook=None), "k1", run)
    assert gradebook.finished("softmax", ["k1"]) == {"k1": verdict(notebook=None)}
    assert gradebook.verdicts(run) == [verdict(notebook=None)]


def test_finished_asks_about_one_assignment(gradebook: Gradebook, verdict: Make) -> None:
    gradebook.record(verdict(), "k1", gradebook.start_run("softmax", {}))
    assert gradebook.finished("padding", ["k1"]) == {}


def test_ten_thousand_keys_in_one_question(gradebook: Gradebook, verdict: Make) -> None:
    run = gradebook.start_run("softmax", {})
    for key in ("k3", "k9998"):
        gradebook.record(verdict(student=key), key, run)
    found = gradebook.finished("softmax", (f"k{n}" for n in range(10_000)))
    assert {key: one.student for key, one in found.items()} == {"k3": "k3", "k9998": "k9998"}


def test_notebooks_are_left_out_on_request(gradebook: Gradebook, verdict: Make) -> None:
    run = gradebook.start_run("softmax", {})
    gradebook.record(verdict(), "k1", run)
    assert gradebook.verdicts(run, with_notebooks=False) == [verdict(notebook=None)]
    assert gradebook.finished("softmax", ["k1"], with_notebooks=False)["k1"].notebook is None


def test_a_run_shows_what_it_found_finished(gradebook: Gradebook, verdict: Make) -> None:
    first, second = (gradebook.start_run("softmax", {}) for _ in range(2))
    gradebook.record(verdict("petrov"), "k2", first)
    gradebook.attach(second, ["k2"])
    gradebook.attach(second, ["k2", "k2"])
    gradebook.record(verdict("ivanov"), "k1", second)
    assert [one.student for one in gradebook.verdicts(second)] == ["ivanov", "petrov"]
    assert [one.student for one in gradebook.verdicts(first)] == ["petrov"]


def test_runs_tell_when_and_how(place: str, verdict: Make) -> None:
    times = iter(datetime(2026, 9, 1, 9, tzinfo=UTC) + timedelta(minutes=n) for n in range(10))
    with Gradebook.open(place, clock=lambda: next(times)) as book:
        first = book.start_run("softmax", {"jobs": 2, "note": "первый"}, course="Deep learning 2026")
        second = book.start_run("padding", {})
        book.record(verdict(), "k1", first)
        book.end_run(first)
        told = book.runs()
    assert [run.id for run in told] == [first, second]
    assert told[0].settings == {"jobs": 2, "note": "первый"}
    assert (told[0].verdicts, told[1].verdicts) == (1, 0)
    assert (told[0].course, told[1].course) == ("Deep learning 2026", "")
    assert told[0].started == datetime(2026, 9, 1, 9, tzinfo=UTC)
    assert told[0].ended == datetime(2026, 9, 1, 9, 3, tzinfo=UTC)
    assert told[1].ended is None


def test_attempts_count_different_notebooks(gradebook: Gradebook) -> None:
    seen = gradebook.attempt_numbers("softmax", [("ivanov", digest) for digest in ("a", "b", "a", "c", "b")])
    assert seen == [1, 2, 1, 3, 2]
    assert gradebook.attempt_numbers("softmax", [("petrov", "b")]) == [1]
    assert gradebook.attempt_numbers("padding", [("ivanov", "c")]) == [1]


def test_attempts_are_counted_in_each_course(gradebook: Gradebook) -> None:
    def numbers(course: str, *digests: str) -> list[int]:
        return gradebook.attempt_numbers("softmax", [("ivanov", digest) for digest in digests], course=course)

    assert numbers("", "a") == [1], "kept by a torchgrade that knew one course"
    assert numbers("2026", "a", "b", "c") == [1, 2, 3]
    assert numbers("2027", "c", "a") == [2, 1]


def test_the_newest_verdict_is_of_the_course_that_is_asked_about(gradebook: Gradebook, verdict: Make) -> None:
    for year in ("2026", "2027"):
        run = gradebook.start_run("softmax", {}, course=year)
        gradebook.record(verdict(digests={"notebook": year}), f"k{year}", run)
    assert gradebook.last_digests("softmax", course="2026") == {"ivanov": {"notebook": "2026"}}
    assert gradebook.last_digests("softmax", course="2027") == {"ivanov": {"notebook": "2027"}}
    assert gradebook.last_digests("softmax", course="2028") == {}


def test_what_is_not_there_is_said(gradebook: Gradebook) -> None:
    run = gradebook.start_run("softmax", {})
    with pytest.raises(UsageError, match="no verdict of softmax has the key k9"):
        gradebook.attach(run, ["k9"])
    for ask in (gradebook.verdicts, gradebook.end_run):
        with pytest.raises(UsageError, match="no run nowhere"):
            ask("nowhere")


def test_a_figure_that_is_no_number_is_refused_before_it_is_stored(gradebook: Gradebook, verdict: Make) -> None:
    run = gradebook.start_run("softmax", {})
    with pytest.raises(BrokenError, match="'ivanov': points is nan"):
        gradebook.record(verdict(points=float("nan")), "k1", run)
    assert gradebook.verdicts(run) == []


def test_the_teachers_guide_asks_questions_that_have_answers(in_a_file: Gradebook, verdict: Make) -> None:
    run = in_a_file.start_run("softmax", {})
    failed = CriterionResult("rows", "Rows", Outcome.FAILED, 0.5, 2.0, mistake="global_sum")
    in_a_file.record(verdict(criteria=(failed,), status=Status.LIMIT, reason="memory"), "k1", run)
    guide = (Path(__file__).parents[2] / "docs" / "teachers.md").read_text()
    questions = re.findall(r"SELECT[^;]*;", guide)
    with closing(sqlite3.connect(in_a_file.name)) as plain:
        answers = [plain.execute(question).fetchall() for question in questions]
    assert answers == [[("rows", 1.5, 1)], [("ivanov", "memory", 0.31, 213.5, "cpu", "full")],
                       [("global_sum", 1)]]  # fmt: skip


def test_a_teacher_can_ask_in_sql(in_a_file: Gradebook, verdict: Make) -> None:
    run = in_a_file.start_run("softmax", {})
    in_a_file.record(verdict(notes=("Ячейка 3",)), "k1", run)
    with closing(sqlite3.connect(in_a_file.name)) as plain:
        lines = plain.execute(
            "SELECT student, outcome, criterion_result.points, visibility, notebook_digest, notes,"
            " json_extract(versions, '$.torch') FROM verdict JOIN criterion_result USING (verdict_id)"
            " WHERE status = 'graded' AND id = 'stable'"
        ).fetchall()
        created = plain.execute("SELECT created_at FROM verdict").fetchone()[0]
    assert lines == [("ivanov", "failed", 0.0, "hidden", "sha256:ivanov", '["Ячейка 3"]', "2.13.0")]
    assert abs(datetime.fromisoformat(created).replace(tzinfo=UTC) - datetime.now(UTC)) < timedelta(minutes=1)


def test_statuses_are_of_what_need_not_be_reached_again(gradebook: Gradebook, verdict: Make) -> None:
    run = gradebook.start_run("softmax", {})
    gradebook.record(verdict(status=Status.LIMIT, reason="too long"), "k1", run)
    gradebook.record(verdict(student="petrov"), "k2", run)
    assert gradebook.statuses("softmax", ["k1", "k2", "k3"]) == {"k1": "limit", "k2": "graded"}
    assert gradebook.statuses("padding", ["k1"]) == {}
