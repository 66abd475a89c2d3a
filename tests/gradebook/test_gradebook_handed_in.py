"""When attempts were handed in, kept beside them; and all attempts of an assignment with what each earned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text

from torchgrade.gradebook import Gradebook, revision, upgrade
from torchgrade.gradebook.history import attempts_of, keep_times, newest_verdicts
from torchgrade.model import Verdict

NOON = datetime(2026, 9, 14, 12, 0, 0, 123456, tzinfo=UTC)


def times(book: Gradebook, course: str = "") -> dict[tuple[str, int], datetime | None]:
    return {(a.student, a.number): a.handed_in for a in attempts_of(book, "softmax", course=course)}


def test_a_time_is_kept_with_its_attempt_as_utc(gradebook: Gradebook) -> None:
    gradebook.attempt_numbers("softmax", [("anna", "a1"), ("anna", "a2"), ("boris", "b1")])
    moscow = NOON.astimezone(timezone(timedelta(hours=3)))
    keep_times(gradebook, "softmax", [("anna", "a2", moscow), ("nobody", "x", NOON)])
    assert times(gradebook) == {("anna", 1): None, ("anna", 2): NOON, ("boris", 1): None}


def test_the_earliest_time_stays_unless_it_is_to_be_replaced(gradebook: Gradebook) -> None:
    gradebook.attempt_numbers("softmax", [("anna", "a1")])
    hour = timedelta(hours=1)
    for moment, replaced, expected in (
        (NOON, False, NOON),
        (NOON + hour, False, NOON),
        (NOON - hour, False, NOON - hour),
        (NOON + hour, True, NOON + hour),
    ):
        keep_times(gradebook, "softmax", [("anna", "a1", moment)], replace=replaced)
        assert times(gradebook) == {("anna", 1): expected}


def test_another_course_has_times_of_its_own(gradebook: Gradebook) -> None:
    for course in ("2026", "2027"):
        gradebook.attempt_numbers("softmax", [("anna", "a1")], course=course)
    keep_times(gradebook, "softmax", [("anna", "a1", NOON)], course="2027")
    assert (times(gradebook, "2026"), times(gradebook, "2027")) == ({("anna", 1): None}, {("anna", 1): NOON})


def test_a_gradebook_from_before_keeps_its_attempts_and_then_their_times(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:  # what the release before made
        patched.setattr(upgrade, "_TARGET", "0004")
        patched.setattr(revision, "REVISION", "0004")
        book = Gradebook.open(place)
    with book, book._writing() as db:
        assert revision.stored_revision(db) == "0004"
        db.execute(
            text("INSERT INTO attempt VALUES ('2026', 'softmax', 'anna', 3, 'd3', '2026-09-01 09:00:00.000000')")
        )
    for _again in range(2):  # migrated by the first, found so by the second
        with Gradebook.open(place) as book:
            (found,) = attempts_of(book, "softmax", course="2026")
            assert (found.student, found.number, found.digest, found.handed_in) == ("anna", 3, "d3", None)
            assert found.seen == datetime(2026, 9, 1, 9, tzinfo=UTC)
            assert book.attempt_numbers("softmax", [("anna", "d3"), ("anna", "d4")], course="2026") == [3, 4]
            keep_times(book, "softmax", [("anna", "d4", NOON)], course="2026")
            assert times(book, "2026") == {("anna", 3): None, ("anna", 4): NOON}
            with book._writing() as db:
                db.execute(text("DELETE FROM attempt WHERE digest = 'd4'"))


def test_the_newest_verdict_on_each_notebook_up_to_a_run(
    gradebook: Gradebook, verdict: Callable[..., Verdict]
) -> None:
    def run(*recorded: tuple[str, float, str], course: str = "") -> str:
        run_id = gradebook.start_run("softmax", {}, course=course)
        for digest, points, key in recorded:
            gradebook.record(verdict("anna", points=points, digests={"notebook": digest}), key, run_id)
        gradebook.end_run(run_id)
        return run_id

    first = run(("d1", 1.0, "k1"))
    second = run(("d1", 1.5, "k1b"), ("d2", 2.0, "k2"))  # the first again, by other graders
    run(("d1", 9.0, "k9"), course="another course")

    def points(run_id: str) -> dict[str, float]:
        return {v.digests["notebook"]: v.points for v in newest_verdicts(gradebook, run_id)}

    assert points(first) == {"d1": 1.0}
    assert points(second) == {"d1": 1.5, "d2": 2.0}
