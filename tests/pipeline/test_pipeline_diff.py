"""``diff``: two runs side by side, from one gradebook or two."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from torchgrade.errors import UsageError
from torchgrade.gradebook import Decisions, Gradebook, Wish
from torchgrade.model import CriterionResult, Outcome, Status, Verdict
from torchgrade.pipeline.comparison import Comparison
from torchgrade.pipeline.comparison_document import as_document
from torchgrade.pipeline.differing import DiffOptions, diff

PASSED, FAILED, BROKEN, MANUAL = Outcome.PASSED, Outcome.FAILED, Outcome.BROKEN, Outcome.MANUAL
GRADERS = {"notebook": "n", "graders": "g1", "spec": "s"}


def verdict(student: str, **outcomes: Outcome) -> Verdict:
    """Each criterion is worth 2 points; one that is named bonus_… is a bonus."""
    results = tuple(
        CriterionResult(id, id, o, 2.0 * (o is PASSED), 2.0, id.startswith("bonus"), message=f"{id} {o}.")
        for id, o in outcomes.items()
    )
    return Verdict(
        student, "double", Status.BROKEN if BROKEN in outcomes.values() else Status.GRADED,
        sum(r.points for r in results if not r.bonus), 2.0 * len(results),
        sum(r.points for r in results if r.bonus), results, digests=GRADERS, versions={"torch": "2.12.0"},
    )  # fmt: skip


def changed(verdict: Verdict, **fields: Any) -> Verdict:
    """By other graders, if nothing else is said."""
    return replace(verdict, **{"digests": {**GRADERS, "graders": "g2"}, **fields})


def record(place: Path, *verdicts: Verdict, assignment: str = "double", course: str = "") -> str:
    with Gradebook.open(place) as book:
        run_id = book.start_run(assignment, {}, course=course)
        for number, one in enumerate(verdicts):
            book.record(replace(one, assignment=assignment), f"{run_id} {number}", run_id)
        book.end_run(run_id)
    return run_id


def compared(folder: Path, before: list[Verdict], after: list[Verdict]) -> Comparison:
    ids = [record(folder / "gradebook.sqlite", *verdicts) for verdicts in (before, after)]
    return diff(DiffOptions(*ids, out=folder))


def refused(before: str, after: str, **options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        diff(DiffOptions(before, after, **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_who_loses_and_who_gains_is_told_by_criterion(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        [verdict("anna", a=PASSED, b=FAILED), verdict("boris", a=PASSED, b=PASSED), verdict("clara", a=PASSED)],
        [verdict("anna", a=PASSED, b=PASSED), verdict("boris", a=FAILED, b=FAILED), verdict("clara", a=PASSED)],
    )
    (boris,), (anna,) = found.losing, found.gaining
    assert (boris.name, boris.gain, [c.criterion for c in boris.changes]) == ("boris", -4.0, ["a", "b"])
    assert [(c.criterion, c.gain, c.why) for c in anna.changes] == [("b", 2.0, "b failed.")]
    assert boris.changes[0].why == "a failed."
    assert (found.unchanged, found.turned, found.means) == (1, [], (8 / 3, (4 + 0 + 2) / 3))


def test_the_largest_change_comes_first(tmp_path: Path) -> None:
    one, two = {"a": PASSED, "b": FAILED}, {"a": FAILED, "b": FAILED}
    found = compared(
        tmp_path,
        [verdict("zoe", **one), verdict("adam", **one), verdict("mia", a=PASSED, b=PASSED)],
        [verdict("zoe", **two), verdict("adam", **two), verdict("mia", **two)],
    )
    assert [s.name for s in found.losing] == ["mia", "adam", "zoe"]


def test_the_same_points_by_other_outcomes_are_told(tmp_path: Path) -> None:
    found = compared(tmp_path, [verdict("a", x=PASSED, y=FAILED)], [verdict("a", x=FAILED, y=PASSED)])
    assert ([s.name for s in found.turned], found.losing, found.unchanged) == (["a"], [], 0)
    waits = compared(tmp_path, [verdict("a", x=FAILED)], [verdict("a", x=MANUAL)])
    assert [s.name for s in waits.turned] == ["a"]


def test_a_bonus_counts_as_points(tmp_path: Path) -> None:
    found = compared(tmp_path, [verdict("a", bonus_x=PASSED)], [verdict("a", bonus_x=FAILED)])
    assert [s.gain for s in found.losing] == [-2.0]


def test_a_criterion_that_is_new_or_gone_is_told(tmp_path: Path) -> None:
    found = compared(tmp_path, [verdict("a", x=PASSED, y=FAILED)], [verdict("a", x=PASSED, z=PASSED)])
    changes = {c.criterion: (c.before is None, c.after is None) for c in found.gaining[0].changes}
    assert changes == {"y": (False, True), "z": (True, False)}
    assert "most points" not in " ".join(found.differs)


def test_a_broken_verdict_is_compared_with_nothing(tmp_path: Path) -> None:
    found = compared(tmp_path, [verdict("a", x=PASSED)], [verdict("a", x=BROKEN)])
    assert ([s.name for s in found.unjudged], found.losing, found.means) == (["a"], [], None)


def test_what_else_differs_is_told_with_how_many(tmp_path: Path) -> None:
    before = [verdict("anna", x=PASSED), verdict("boris", x=PASSED)]
    after = [changed(v) for v in before]
    after[1] = changed(
        after[1], device="cuda:0", versions={"torch": "2.13.0", "new": "1"}, digests={**GRADERS, "notebook": "m"}
    )
    found = compared(tmp_path, before, after)
    assert found.differs == (
        "other graders for 1 of 2", "new none → 1 for 1 of 2", "torch 2.12.0 → 2.13.0 for 1 of 2",
        "device cpu → cuda:0 for 1 of 2",
    )  # fmt: skip
    assert [(s.name, s.other_notebook) for s in found.students] == [("anna", False), ("boris", True)]
    assert found.unchanged == 2
    assert compared(tmp_path, before, before).differs == ()
    limits = replace(before[0].limits, cell_seconds=7)
    assert compared(tmp_path, before[:1], [replace(before[0], limits=limits)]).differs == (
        "limit cell_seconds 60 → 7",
    )


def test_unequal_cohorts_are_told(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        [verdict("anna", x=PASSED), verdict("boris", x=PASSED)],
        [verdict("boris", x=PASSED), verdict("clara")],
    )
    assert (found.only_before, found.only_after, len(found.students)) == (("anna",), ("clara",), 1)
    nobody = compared(tmp_path, [verdict("anna", x=PASSED)], [verdict("boris", x=PASSED)])
    assert (nobody.students, nobody.means, nobody.differs) == ((), None, ())


def test_points_that_a_teacher_gave_are_told_to_stand(tmp_path: Path) -> None:
    place = tmp_path / "gradebook.sqlite"
    first = record(place, verdict("anna", x=PASSED), course="c")
    second = record(place, verdict("anna", x=FAILED), course="c")
    with Gradebook.open(place) as book:
        wish = Wish("x", 1.5, "Nearly.")
        Decisions(book, "c").decide("double", "anna", [wish], who="A", notebook_digest="n")
    assert diff(DiffOptions(first, second, out=tmp_path)).losing[0].changes[0].kept == 1.5


# Which runs


def test_runs_are_chosen_by_id_by_age_and_by_place(tmp_path: Path) -> None:
    place, other = tmp_path / "gradebook.sqlite", tmp_path / "other"
    other.mkdir()
    ids = [record(place, verdict("a", x=PASSED)) for _ in range(3)]
    record(place)  # killed before its first verdict
    elsewhere = record(other / "gradebook.sqlite", verdict("a", x=FAILED))

    def chosen(before: str, after: str) -> tuple[str, str]:
        found = diff(DiffOptions(before, after, out=tmp_path))
        return found.before.run.id, found.after.run.id

    assert chosen("previous", "newest") == (ids[1], ids[2])
    assert chosen(ids[0], "newest") == (ids[0], ids[2])
    assert chosen(str(other), ids[0]) == (elsewhere, ids[0])
    assert chosen(str(tmp_path), str(other / "gradebook.sqlite")) == (ids[2], elsewhere)
    assert chosen(f"sqlite:///{place}", str(other)) == (ids[2], elsewhere)


def test_what_is_not_there_is_refused_with_what_is(tmp_path: Path) -> None:
    place = tmp_path / "gradebook.sqlite"
    first = record(place, verdict("a", x=PASSED))
    assert f"did you mean {first}?" in refused(first[:-1] + "_", "newest", out=tmp_path)
    assert "the newest is" in refused("??", "newest", out=tmp_path)
    assert f"holds one run only, {first}" in refused("previous", "newest", out=tmp_path)
    assert "there is no gradebook no/where" in refused("no/where", "newest", out=tmp_path)
    assert "there is no gradebook" in refused(first, "newest", out=tmp_path / "empty")
    assert not (tmp_path / "empty").exists()
    record(place, verdict("a", x=PASSED), assignment="triple")
    assert "choose one: --assignment double" in refused("previous", "newest", out=tmp_path)
    assert "no run of 'sofmax'" in refused("newest", "newest", out=tmp_path, assignment="sofmax")


def test_two_assignments_are_not_compared(tmp_path: Path) -> None:
    ids = [
        record(tmp_path / "gradebook.sqlite", verdict("a", x=PASSED), assignment=a) for a in ("double", "triple")
    ]
    assert "only runs of one assignment can be compared" in refused(*ids, out=tmp_path)


def test_programs_get_all_of_it(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        [
            verdict("anna", x=PASSED),
            verdict("boris", x=FAILED),
            verdict("clara", x=PASSED),
            verdict("dora", x=PASSED),
        ],
        [
            verdict("anna", x=FAILED),
            verdict("boris", x=PASSED),
            verdict("clara", x=BROKEN),
            verdict("eve", x=PASSED),
        ],
    )
    document = json.loads(json.dumps(as_document(found), allow_nan=False))
    assert (document["schema"], document["assignment"], document["unchanged"]) == (
        "torchgrade/diff/v1",
        "double",
        0,
    )
    assert document["losing"][0]["criteria"][0] == {
        "id": "x", "gain": -2.0, "kept_by_a_teacher": None,
        "before": {"outcome": "passed", "points": 2.0, "message": "x passed."},
        "after": {"outcome": "failed", "points": 0.0, "message": "x failed."},
    }  # fmt: skip
    assert [document[key][0]["student"] for key in ("gaining", "not_judged")] == ["boris", "clara"]
    assert (document["only_before"], document["only_after"]) == (["dora"], ["eve"])
    assert document["mean_points"] == {"before": 1.0, "after": 1.0}
