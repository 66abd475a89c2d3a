"""results.json, grades.csv and junit.xml: what programs read."""

from __future__ import annotations

import csv
import io
import json
import random
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
import samples
from samples import ASSIGNMENT

from torchgrade.errors import BrokenError
from torchgrade.feedback import grades_csv, junit_xml, results_document, results_json
from torchgrade.model import Outcome, Status


def strict(text: str) -> dict[str, Any]:
    """JSON without NaN, Infinity or a key twice."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"not JSON: {constant}")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({k for k, _ in pairs}) == len(pairs)
        return dict(pairs)

    data: dict[str, Any] = json.loads(text, parse_constant=refuse, object_pairs_hook=once)
    return data


def test_results_hold_the_keys_of_the_contract() -> None:
    data = strict(results_json(results_document(ASSIGNMENT, [samples.wrong()])))
    assert (data["schema"], data["assignment"], data["max_points"]) == ("torchgrade/results/v1", "softmax", 10.0)
    (one,) = data["submissions"]
    expected = {
        "student": "ivanov", "status": "graded", "points": 5.5, "max_points": 10.0, "seconds": 0.42,
        "device": "cpu", "sandbox": "full", "bonus": 0.0,
    }  # fmt: skip
    assert {key: one[key] for key in expected} == expected
    failed = one["criteria"][5]
    assert list(failed) == [
        "id",
        "title",
        "outcome",
        "points",
        "max_points",
        "bonus",
        "visibility",
        "message",
        "hint",
    ]
    assert (failed["id"], failed["outcome"], failed["visibility"]) == ("any-size", "failed", "after_due")
    assert failed["hint"] == "Try a batch of one row."


def test_results_keep_the_teachers_detail_out() -> None:
    everything = results_json(results_document(ASSIGNMENT, [samples.wrong()]))
    everything += grades_csv(ASSIGNMENT, [samples.wrong()]) + junit_xml(ASSIGNMENT, [samples.wrong()])
    assert "SECRET-INPUT" not in everything


def test_the_order_of_verdicts_does_not_matter() -> None:
    verdicts = samples.cohort()
    shuffled = random.Random(1).sample(verdicts, len(verdicts))
    assert results_document(ASSIGNMENT, verdicts) == results_document(ASSIGNMENT, shuffled)
    assert grades_csv(ASSIGNMENT, verdicts) == grades_csv(ASSIGNMENT, shuffled)
    assert junit_xml(ASSIGNMENT, verdicts) == junit_xml(ASSIGNMENT, shuffled)
    names = [s["student"] for s in results_document(ASSIGNMENT, shuffled)["submissions"]]
    assert names == sorted(names) and len(names) == 60


def test_points_that_are_no_number_are_our_fault_and_not_a_grade() -> None:
    with pytest.raises(BrokenError, match="ivanov"):
        results_document(ASSIGNMENT, [replace(samples.wrong(), points=float("nan"))])
    with pytest.raises(BrokenError, match="ivanov"):
        grades_csv(ASSIGNMENT, [replace(samples.wrong(), bonus=float("inf"))])


def test_a_measure_that_is_no_number_leaves_the_json_strict() -> None:
    odd = replace(samples.right(), seconds=float("nan"), peak_memory_mb=float("inf"))
    assert strict(results_json(results_document(ASSIGNMENT, [odd])))["submissions"][0]["seconds"] == 0.0
    assert 'time="0.000"' in junit_xml(ASSIGNMENT, [odd])


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text), strict=True))


def test_grades_have_a_column_per_criterion() -> None:
    header, first, second = rows(grades_csv(ASSIGNMENT, [samples.wrong(), samples.unreadable()]))
    assert header[:5] == ["student", "status", "points", "max_points", "bonus"]
    assert header[5:] == [c.id for c in ASSIGNMENT.criteria] + ["reason"]
    assert first[:5] == ["ivanov", "graded", "5.5", "10", "0"]
    assert dict(zip(header, first, strict=True))["softmax-values"] == "0.5"
    assert second[1:5] == ["unreadable", "0", "10", "0"] and set(second[5:-1]) == {""}
    assert second[-1].startswith("softmax.ipynb is not JSON")


def test_what_is_not_judged_is_blank_and_not_zero() -> None:
    header, row = rows(grades_csv(ASSIGNMENT, [samples.broken()]))
    marks = dict(zip(header, row, strict=True))
    assert marks["gradient"] == "" and marks["explanation"] == "" and marks["stable"] == "0.5"


@pytest.mark.parametrize(
    "name",
    ["=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", '"=1', "'+1", "\ufeff=1",
     "＝1", "\x00=1", "\x1b[0m=1", "\u200b@x"],
)  # fmt: skip
def test_a_cell_from_a_student_is_never_a_formula(name: str) -> None:
    _, row = rows(grades_csv(ASSIGNMENT, [replace(samples.right(name), reason=name)]))
    assert row[0].startswith("'") and row[-1].startswith("'")
    assert all(ord(c) >= 0x20 for c in row[0])


def test_a_semicolon_does_not_begin_a_formula_where_it_parts_columns() -> None:
    _, row = rows(grades_csv(ASSIGNMENT, [samples.right("a;=1+1; -2;b=c")]))
    assert row[0] == "a;'=1+1; '-2;b=c"


def test_usual_names_and_numbers_stay_what_they_are() -> None:
    text = grades_csv(ASSIGNMENT, [samples.right("Иванов, И. «ё» o'Neil")])
    _, row = rows(text)
    assert row[0] == "Иванов, И. «ё» o'Neil" and [float(cell) for cell in row[2:5]] == [10.0, 10.0, 0.5]
    assert "\r" not in text and text.count("\n") == 2 and not text.startswith("\ufeff")


def tree(verdicts: list[Any]) -> ElementTree.Element:
    return ElementTree.fromstring(junit_xml(ASSIGNMENT, verdicts, generated_at=samples.NOW))


def test_junit_tells_wrong_answers_from_crashes() -> None:
    kinds = {
        Outcome.PASSED: None, Outcome.PARTIAL: "failure", Outcome.FAILED: "failure", Outcome.TIMED_OUT: "failure",
        Outcome.ERRORED: "error", Outcome.OUT_OF_MEMORY: "error", Outcome.BROKEN: "error",
        Outcome.SKIPPED: "skipped", Outcome.MANUAL: "skipped",
    }  # fmt: skip
    assert set(kinds) == set(Outcome)
    for outcome, kind in kinds.items():
        (case,) = tree([samples.verdict("a", [samples.judged(ASSIGNMENT.criteria[0], outcome)])]).iter("testcase")
        assert [child.tag for child in case] == ([kind] if kind else []), outcome
        assert case.get("name") == "softmax-shape" and case.get("classname") == "softmax.a"


def test_junit_counts_what_it_holds() -> None:
    root = tree(samples.cohort())
    assert root.tag == "testsuites" and len(root) == 60
    for key, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(root.get(key, "-1")) == len(list(root.iter(tag))), key
        assert all(int(suite.get(key, "-1")) == len(list(suite.iter(tag))) for suite in root)
    assert root[0].get("timestamp") == "2026-09-14T10:30:00"


def test_junit_gives_an_unreadable_student_one_case() -> None:
    (case,) = tree([samples.unreadable()]).iter("testcase")
    assert case.get("name") == "notebook" and case[0].tag == "error"
    assert "not JSON" in str(case[0].get("message"))


def test_a_broken_submission_without_criteria_is_an_error_in_junit() -> None:
    bare = samples.verdict("a", [], status=Status.BROKEN, reason="The room could not be built.")
    (case,) = tree([bare]).iter("testcase")
    assert case[0].tag == "error" and case[0].get("type") == "broken"


def test_hostile_text_leaves_every_format_well_formed() -> None:
    nasty = "]]><script>\x00\x1b[31m\ud800\ufffe&'\"\u202e\r\nx" + "A" * 1_000_000
    bad = replace(samples.right(nasty), reason=nasty, notes=(nasty,), device=nasty)
    bad = replace(
        bad, criteria=tuple(replace(c, outcome=Outcome.FAILED, message=nasty, hint=nasty) for c in bad.criteria)
    )
    root = tree([bad])
    assert len(list(root.iter("failure"))) == len(bad.criteria)
    assert list(root.iter("script")) == []
    text = results_json(results_document(ASSIGNMENT, [bad]))
    assert strict(text)["submissions"][0]["student"].startswith("]]><script>")
    assert "\ud800" not in text and text.encode("utf-8")
    assert len(rows(grades_csv(ASSIGNMENT, [bad]))) == 2
