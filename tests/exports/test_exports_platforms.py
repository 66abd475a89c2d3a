"""Results for platforms that run the engine: valid by their schemas, and silent about what is hidden."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from graded import SECRET_WORDS, SOFTMAX, WITH_ESSAY, broken, check, verdict

from torchgrade.errors import UsageError
from torchgrade.exports import classroom50, gradescope, prairielearn
from torchgrade.model import Criterion, Outcome, Status, Tier, Verdict, Visibility

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ENVIRONMENT = {
    "CLASSROOM": "dl", "ASSIGNMENT": "softmax", "SUBMISSION_TAG": "submit/2026-11-20T12-00-00Z-a1b2c3d",
    "OWNER": "anna", "COMMIT_URL": "https://host/c", "RELEASE_URL": "https://host/r", "REVIEW_URL": "",
}  # fmt: skip

UNREADABLE = verdict("anna", 0.0, status=Status.UNREADABLE, reason="The file is empty.")
LIMIT = verdict("anna", 2.0, status=Status.LIMIT, reason="the notebook ran too long")
BROKEN = broken().verdict
assert BROKEN is not None
ALL = [verdict(points=p, bonus=b) for p, b in ((0, 0), (1.25, 0), (7.5, 0.5), (10, 0.5))]
ALL += [UNREADABLE, LIMIT, BROKEN, verdict(assignment=WITH_ESSAY, points=2.0)]


# Gradescope


@pytest.mark.parametrize("one", ALL, ids=range(len(ALL)))
def test_gradescope_takes_it(one: Verdict) -> None:
    assignment = WITH_ESSAY if one.assignment == "essay" else SOFTMAX
    check(gradescope.results(assignment, one, seconds=1.5), "gradescope-results")


def test_gradescope_shows_nothing_hidden_before_grades_are_published() -> None:
    said = gradescope.results(SOFTMAX, verdict(points=1.0), seconds=1.5)
    assert {t["name"]: t["visibility"] for t in said["tests"]} == {
        "Every row is a distribution": "visible", "Right values": "after_due_date", "Any size": "after_published",
        "Stays finite": "after_published",
    }  # fmt: skip
    shown = [said["output"], *(t for t in said["tests"] if t["visibility"] == "visible")]
    assert SECRET_WORDS not in json.dumps(shown) and "Any size" not in json.dumps(shown)
    assert "score" not in said, "a score at the top would tell the sum of what is hidden"
    assert said["stdout_visibility"] == "hidden" and "visibility" not in said


def test_gradescope_adds_up_to_the_points_of_the_verdict() -> None:
    said = gradescope.results(SOFTMAX, verdict(points=7.5, bonus=0.5), seconds=1.0)
    assert sum(t["score"] for t in said["tests"]) == 8.0
    assert sum(t["max_score"] for t in said["tests"]) == 10.0, "a bonus has no maximum of its own"


def test_gradescope_names_the_sandbox_and_keeps_no_seed() -> None:
    weak = dataclasses.replace(verdict(), sandbox=Tier.LANDLOCK, versions={"torch": "2"})
    said = gradescope.results(SOFTMAX, weak, seconds=1.0)
    assert "Sandbox: landlock, partial sandbox" in said["output"]
    assert said["extra_data"]["torchgrade"]["sandbox"] == "landlock"
    assert "5eed" not in json.dumps(said) and '"D"' not in json.dumps(said), "neither seed nor teachers' details"


def test_gradescope_says_loudly_what_is_our_fault() -> None:
    said = gradescope.results(SOFTMAX, BROKEN, seconds=1.0)  # type: ignore[arg-type]
    (test,) = said["tests"]
    assert test["visibility"] == "visible" and "no grade" in test["output"] and test["max_score"] == 10.0
    assert "not your fault" in said["output"] and "disk" not in json.dumps(said)


def test_gradescope_tells_why_nothing_was_read() -> None:
    said = gradescope.results(SOFTMAX, UNREADABLE, seconds=1.0)
    assert "The file is empty." in said["output"] and sum(t["score"] for t in said["tests"]) == 0
    assert "Sandbox" not in said["output"], "no room was opened"


# Classroom 50


@pytest.mark.parametrize("one", [v for v in ALL if v is not BROKEN], ids=range(len(ALL) - 1))
def test_classroom50_takes_it(one: Verdict) -> None:
    assignment = WITH_ESSAY if one.assignment == "essay" else SOFTMAX
    said = classroom50.result(assignment, one, ENVIRONMENT, now=NOW)
    check(said, "classroom50-result-v1")
    assert said["score"] <= said["max-score"] and all(t["score"] <= t["max-score"] for t in said["tests"])
    assert said["score"] == sum(t["score"] for t in said["tests"])


def test_classroom50_knows_public_criteria_alone() -> None:
    said = json.dumps(classroom50.result(SOFTMAX, verdict(points=1.0), ENVIRONMENT, now=NOW))
    assert SECRET_WORDS not in said and "Any size" not in said and "Right values" not in said


def points(*each: float) -> list[Criterion]:
    return [Criterion(str(n), "T", p) for n, p in enumerate(each)]


@pytest.mark.parametrize(
    ("each", "factor"),
    [((1, 2), 1), ((0.5, 2), 2), ((0.25,), 4), ((0.1, 1), 10), ((0.5, 0.2), 10), ((1 / 3,), 1000)],
)
def test_scores_are_whole_numbers_by_the_smallest_factor(each: tuple[float, ...], factor: int) -> None:
    assert classroom50.factor(points(*each)) == factor


def test_half_points_are_scaled_and_a_part_is_rounded_down() -> None:
    halves = dataclasses.replace(SOFTMAX, criteria=(Criterion("a", "A", 1.5), Criterion("b", "B", 2.0)))
    said = classroom50.result(halves, verdict(assignment=halves, points=1.5 + 0.7), ENVIRONMENT, now=NOW)
    assert [(t["score"], t["max-score"], t["passed"]) for t in said["tests"]] == [(3, 3, True), (1, 4, False)]
    assert (said["score"], said["max-score"], said["tests"][0]["points-scaled-by"]) == (4, 7, 2)


def test_a_bonus_is_told_and_not_counted() -> None:
    extra = dataclasses.replace(SOFTMAX, criteria=(Criterion("a", "A", 2.0), Criterion("b", "B", 1.0, bonus=True)))
    said = classroom50.result(extra, verdict(assignment=extra, points=2.0, bonus=1.0), ENVIRONMENT, now=NOW)
    assert (said["score"], said["max-score"]) == (2, 2) and said["tests"][1]["bonus"] == 1.0


def test_classroom50_without_its_environment_is_told() -> None:
    with pytest.raises(UsageError, match="not set by the runner of Classroom 50: CLASSROOM, OWNER"):
        environment = {k: v for k, v in ENVIRONMENT.items() if k not in ("CLASSROOM", "OWNER")}
        classroom50.result(SOFTMAX, verdict(), environment, now=NOW)


def test_the_release_holds_no_markup_of_a_student() -> None:
    result = dataclasses.replace(
        verdict(points=0.0).criteria[0], message="<script>x</script>\n\n# Head ![x](http://h)"
    )
    one = dataclasses.replace(verdict(points=0.0), criteria=(result,))
    body = classroom50.release_body(one, classroom50.result(SOFTMAX, one, ENVIRONMENT, now=NOW))
    assert all(line.startswith("    ") for line in body.splitlines() if "script" in line or "Head" in line)


# PrairieLearn


@pytest.mark.parametrize("one", ALL, ids=range(len(ALL)))
def test_prairielearn_takes_it(one: Verdict) -> None:
    check(prairielearn.results(one), "prairielearn-results")


def test_prairielearn_shows_one_line_for_all_that_is_hidden() -> None:
    said = prairielearn.results(verdict(points=7.5))
    assert [t["name"] for t in said["tests"]] == ["Every row is a distribution", "Hidden checks"]
    assert said["tests"][1]["points"] == 5.5 and said["tests"][1]["max_points"] == 8.0
    assert said["score"] == 0.75 and SECRET_WORDS not in json.dumps(said)


def test_a_bonus_never_lifts_the_score_above_one() -> None:
    assert prairielearn.results(verdict(points=10.0, bonus=0.5))["score"] == 1.0
    assert prairielearn.results(verdict(points=8.0, bonus=0.5))["score"] == 0.85


def test_neither_our_fault_nor_an_unreadable_file_costs_an_attempt() -> None:
    for one in (BROKEN, UNREADABLE):
        said: dict[str, Any] = prairielearn.results(one)  # type: ignore[arg-type]
        assert said["gradable"] is False and said["format_errors"]
    assert "The file is empty." in prairielearn.results(UNREADABLE)["format_errors"][0]


def test_results_stay_under_a_megabyte() -> None:
    long = dataclasses.replace(verdict(points=0.0).criteria[0], message="ж" * 4000, visibility=Visibility.PUBLIC)
    said = prairielearn.results(dataclasses.replace(verdict(points=0.0), criteria=(long,) * 400))
    assert len(json.dumps(said).encode()) < prairielearn.MOST_BYTES and len(said["tests"]) == 400


def test_a_criterion_that_broke_makes_the_whole_no_grade() -> None:
    lost = dataclasses.replace(verdict().criteria[0], outcome=Outcome.BROKEN)
    one = dataclasses.replace(verdict(), criteria=(lost, *verdict().criteria[1:]))
    assert prairielearn.results(one)["gradable"] is False
