"""What teachers decide stands beside the verdicts, tied to the work they saw, and in a log that only grows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import COURSE, criteria, make_verdict, record
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from torchgrade.errors import UsageError
from torchgrade.gradebook import Conflict, Decisions, Gradebook, Refused, Wish
from torchgrade.model import Outcome, Status, Verdict
from torchgrade.pipeline.final import final_verdict, waiting


def decide(
    mine: Decisions, *wishes: Wish, student: str = "anna", work: str = "one", who: str = "eva"
) -> list[str]:
    return mine.decide("double", student, wishes, who=who, notebook_digest=f"{student} {work}")


def final(mine: Decisions, student: str = "anna") -> Verdict:
    return final_verdict(mine.verdict("double", student)[1], mine.of("double").get(student, {}))


def figures(verdict: Verdict) -> tuple[float, float, float]:
    return verdict.points, verdict.max_points, verdict.bonus


# Points


def test_an_award_counts_with_its_maximum_and_the_verdict_stays(mine: Decisions) -> None:
    assert decide(mine, Wish("words", 2.5)) == ["words"]
    assert figures(final(mine)) == (3.5, 6.0, 0.0)
    assert mine.verdict("double", "anna")[1] == make_verdict("anna"), "the machine's verdict is as it was"
    assert [c.id for c in waiting(final(mine))] == ["extra"]


def test_a_bonus_by_hand_is_a_bonus(mine: Decisions) -> None:
    decide(mine, Wish("extra", 1.0))
    assert figures(final(mine)) == (1.0, 3.0, 1.0)


def test_an_override_stands_beside_the_machines_points(mine: Decisions) -> None:
    decide(mine, Wish("doubles", 1.5, "A typo in the handout."))
    told = final(mine)
    assert figures(told) == (2.5, 3.0, 0.0)
    assert "1.5 of 2 points here; the grader gave 0" in told.criteria[0].message
    assert "A typo in the handout." in told.criteria[0].message and "double(2) gave 5." in told.criteria[0].message
    assert told.criteria[0].outcome is Outcome.PARTIAL
    kept = mine.of("double")["anna"]["doubles"]
    assert (kept.machine_outcome, kept.machine_points) == ("failed", 0.0)


def test_full_points_by_hand_drop_the_hint_that_would_mislead(mine: Decisions) -> None:
    decide(mine, Wish("doubles", 2.0, "Right after all."))
    assert (final(mine).criteria[0].outcome, final(mine).criteria[0].hint) == (Outcome.PASSED, "")


def test_an_override_taken_back_leaves_the_machines_points(mine: Decisions) -> None:
    decide(mine, Wish("doubles", 1.5, "A typo."))
    decide(mine, Wish("doubles", version=1))
    assert figures(final(mine)) == (1.0, 3.0, 0.0)
    assert [e.action for e in mine.log()] == ["withdraw", "override"]


def test_what_was_broken_counts_once_a_teacher_has_judged_it(book: Gradebook, mine: Decisions) -> None:
    lost = make_verdict("carl", status=Status.BROKEN, max_points=1.0, criteria=criteria(doubles=Outcome.BROKEN))
    record(book, lost)
    decide(mine, Wish("doubles", 2.0, "Judged by hand."), student="carl")
    assert figures(final(mine, "carl")) == (3.0, 3.0, 0.0) and final(mine, "carl").status is Status.GRADED


@pytest.mark.parametrize("points", [-0.5, 3.5, math.nan, math.inf, -math.inf])
def test_points_out_of_range_are_refused_with_a_sentence(mine: Decisions, points: float) -> None:
    with pytest.raises(Refused, match=r"must lie between 0 and 3\.") as caught:
        decide(mine, Wish("doubles", 1.0, "Good."), Wish("words", points))
    assert caught.value.criterion == "words"
    assert mine.of("double") == {} and mine.log() == [], "all or nothing"


def test_an_override_without_a_reason_is_refused(mine: Decisions) -> None:
    with pytest.raises(Refused, match="Say why"):
        decide(mine, Wish("doubles", 1.0, "  "))


def test_a_criterion_that_there_is_not_and_a_text_too_long_are_refused(mine: Decisions) -> None:
    with pytest.raises(Refused, match="not judged by that"):
        decide(mine, Wish("nonsense", 1.0, "Why."))
    with pytest.raises(Refused, match="not judged by that"):
        decide(mine, Wish("", 1.0, "The whole work has no points."))
    with pytest.raises(Refused, match="at most 1200 characters; this one has 1201"):
        decide(mine, Wish("words", 1.0, comment="x" * 1201))


def test_a_student_without_a_verdict_is_told(mine: Decisions) -> None:
    with pytest.raises(UsageError, match="no verdict of 'zoe'"):
        decide(mine, Wish("words", 1.0), student="zoe")


# Comments


def test_a_comment_on_the_whole_work_is_a_note_and_none_of_it_is_cut(mine: Decisions) -> None:
    long = " ".join(f"word{n}" for n in range(150))
    decide(mine, Wish("", comment=long))
    notes = final(mine).notes
    assert all(len(note) <= 500 for note in notes) and "word149" in notes[-1]
    assert figures(final(mine)) == (1.0, 3.0, 0.0)


def test_a_comment_alone_leaves_the_criterion_waiting(mine: Decisions) -> None:
    decide(mine, Wish("words", comment="I shall read this tomorrow."))
    assert [c.id for c in waiting(final(mine))] == ["words", "extra"]
    assert [e.action for e in mine.log()] == ["comment"]


# Attempts


def test_a_decision_on_earlier_work_does_not_count_until_it_is_kept(book: Gradebook, mine: Decisions) -> None:
    decide(mine, Wish("words", 3.0), Wish("", comment="Well done."))
    record(book, make_verdict("anna", "two", attempt=2))
    assert figures(final(mine)) == (1.0, 3.0, 0.0) and final(mine).notes == ()
    assert decide(mine, Wish("words", version=1), work="two") == [], "an empty field does not confirm it"
    assert decide(mine, Wish("words", version=1, keep=True), work="two") == ["words"]
    assert figures(final(mine)) == (4.0, 6.0, 0.0) and final(mine).notes == ()
    assert mine.of("double")["anna"]["words"].attempt == 2


def test_the_same_work_graded_again_keeps_its_decisions(book: Gradebook, mine: Decisions) -> None:
    decide(mine, Wish("words", 3.0))
    record(book, make_verdict("anna", points=3.0, criteria=criteria(doubles=Outcome.PASSED)))
    assert figures(final(mine)) == (6.0, 6.0, 0.0)


def test_a_student_who_goes_back_to_earlier_work_has_its_decisions(book: Gradebook, mine: Decisions) -> None:
    decide(mine, Wish("words", 3.0))
    record(book, make_verdict("anna", "two", attempt=2))
    run = book.start_run("double", {}, course=COURSE)
    book.attach(run, ["key of anna, anna one, 1.0"])
    assert figures(final(mine)) == (4.0, 6.0, 0.0)


def test_deciding_on_work_that_was_replaced_meanwhile_is_a_conflict(book: Gradebook, mine: Decisions) -> None:
    record(book, make_verdict("anna", "two", attempt=2))
    with pytest.raises(Conflict, match="another notebook") as caught:
        decide(mine, Wish("words", 3.0))
    assert caught.value.criterion is None and mine.of("double") == {}


# Two teachers


def test_the_later_of_two_teachers_sees_that_something_changed(mine: Decisions) -> None:
    decide(mine, Wish("words", 3.0), who="eva")
    with pytest.raises(Conflict, match="eva has changed this") as caught:
        decide(mine, Wish("extra", 1.0), Wish("words", 1.0), who="max")
    assert caught.value.criterion == "words"
    assert {c: d.points for c, d in mine.of("double")["anna"].items()} == {"words": 3.0}
    decide(mine, Wish("words", 1.0, version=1), who="max")
    assert mine.of("double")["anna"]["words"].points == 1.0


def test_saving_what_is_there_already_is_no_change(mine: Decisions) -> None:
    decide(mine, Wish("words", 3.0))
    assert decide(mine, Wish("words", 3.0)) == [] and len(mine.log()) == 1


def test_another_course_of_the_same_gradebook_has_decisions_of_its_own(book: Gradebook, mine: Decisions) -> None:
    run = book.start_run("double", {}, course="Other, 2027")
    book.attach(run, ["key of anna, anna one, 1.0"])
    other = Decisions(book, "Other, 2027")
    decide(mine, Wish("words", 3.0))
    assert other.of("double") == {} and other.log() == []


# Release and log


def test_the_log_says_who_when_what_before_and_after(mine: Decisions) -> None:
    decide(mine, Wish("words", 3.0), who="eva")
    decide(mine, Wish("words", 1.0, comment="Too short.", version=1), who="max")
    mine.release("double", "anna", who="eva", told=final_verdict)
    released, second, first = mine.log()
    assert (first.who, first.action, first.criterion) == ("eva", "award", "words")
    assert first.before == {"machine": {"outcome": "manual", "points": 0.0}}
    assert (second.before["points"], second.after["points"], second.after["comment"]) == (3.0, 1.0, "Too short.")
    assert first.at <= second.at <= released.at
    assert (released.action, released.before, released.after["points"]) == ("release", {}, 2.0)
    assert [e.id for e in mine.log(limit=1, before=released.id)] == [second.id]


def test_a_release_of_something_else_than_was_seen_is_a_conflict(mine: Decisions) -> None:
    with pytest.raises(Conflict, match="Nothing was released"):
        mine.release("double", "anna", who="eva", told=final_verdict, seen="0" * 16)
    assert mine.releases("double") == {} and mine.log() == []


def test_the_stamp_changes_with_every_verdict_and_decision(book: Gradebook, mine: Decisions) -> None:
    stamps = [mine.stamp("double")]
    decide(mine, Wish("words", 3.0))
    stamps.append(mine.stamp("double"))
    record(book, make_verdict("carl"), ended=False)
    stamps.append(mine.stamp("double"))
    assert len(set(stamps)) == 3 and stamps[-1] == mine.stamp("double")


# Each kind of database


@pytest.fixture(scope="session")
def server() -> Iterator[object]:
    """A real PostgreSQL, where there is one."""
    from postgres_server import find_initdb, running_server

    pytest.importorskip("psycopg", reason="no driver: pip install 'torchgrade[postgres]'")
    initdb = find_initdb()
    if initdb is None:
        pytest.skip("no PostgreSQL server is installed here (Debian: apt-get install postgresql)")
    with running_server(initdb) as found:
        yield found


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_database_keeps_decisions_and_lets_nobody_rewrite_the_log(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'each.db'}"
    else:
        found = request.getfixturevalue("server")
        url = found.url(found.new_database())
    with Gradebook.open(url) as book:
        record(book, make_verdict("anna"))
        mine = Decisions(book, COURSE)
        decide(mine, Wish("words", 3.0), Wish("doubles", 1.0, "Half."), Wish("", comment="NUL \0 and half \ud800"))
        mine.release("double", "anna", who="eva", told=final_verdict)
        assert figures(final(mine)) == (5.0, 6.0, 0.0)
        assert mine.of("double")["anna"][""].comment == "NUL \0 and half \ud800"
        assert mine.releases("double")["anna"].verdict["points"] == 5.0
        assert mine.stamp("double") and mine.running("double") and mine.assignments() == ["double"]
        for statement in ("UPDATE audit SET who = 'nobody'", "DELETE FROM audit"):
            with pytest.raises((DBAPIError, UsageError), match="only grows"), book._writing() as db:
                db.execute(text(statement))
        assert [e.who for e in mine.log()] == ["eva"] * 4
