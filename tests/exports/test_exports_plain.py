"""CSV and JSON: all that is known; no cell is a formula, and nothing is invented."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from graded import SOFTMAX, WITH_ESSAY, broken, check, excused, row, verdict, waiting
from hypothesis import given
from hypothesis import strategies as st

from torchgrade.exports import plain
from torchgrade.exports.cells import is_formula
from torchgrade.exports.rows import Row, number
from torchgrade.policy import Standing

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def read(rows: list[Row]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(plain.as_csv(rows, SOFTMAX).decode("utf-8"))))


def test_a_row_says_what_counts_and_what_it_follows_from() -> None:
    standing = Standing(8.0, 10.0, 10.0, bonus=0.5, late_seconds=7200.0, attempt=2, because=("Two hours late.",))
    late = Row("anna", {"group": "IU5-61"}, verdict("anna", 10.0), standing)
    assert read([late]) == [
        {
            "student": "anna", "state": "graded", "points": "8", "max_points": "10", "bonus": "0.5",
            "total": "8.5", "raw_points": "10", "late_seconds": "7200", "attempt": "2",
            "because": "Two hours late.",
            "sums": "2", "values": "5.5", "sizes": "2.5", "stable": "0", "group": "IU5-61",
        }
    ]  # fmt: skip


def test_what_is_not_known_is_blank() -> None:
    rows = {r["student"]: r for r in read([broken(), Row("dora"), waiting("clara")])}
    assert rows["boris"]["state"] == "broken" and rows["boris"]["points"] == ""
    assert rows["dora"]["state"] == "missing" and rows["dora"]["total"] == ""
    assert rows["clara"]["state"] == "waiting" and rows["clara"]["points"] == "2"


def test_columns_of_the_roster_do_not_hide_ours() -> None:
    (cells,) = read([Row("anna", {"points": "99", "sums": "x"}, verdict("anna", 3.0))])
    assert (cells["points"], cells["roster_points"], cells["roster_sums"]) == ("3", "99", "x")


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "\t=1", "\r=1", " =1", '"=1"', "＝1"])
def test_no_name_is_a_formula(name: str) -> None:
    (cells,) = read([row(name, 3.0, name=name)])
    assert cells["student"].startswith("'") and cells["name"].startswith("'")
    assert is_formula(name) and not is_formula("Anna = Ivanova")


@pytest.mark.parametrize("name", ["Иванова, Анна", 'O"Neil', "a;b", "semi;colon, comma"])
def test_names_survive(name: str) -> None:
    assert read([row(name, 3.0)])[0]["student"] == name


@given(st.floats(0, 1e6, allow_nan=False))
def test_numbers_are_read_back(value: float) -> None:
    assert float(number(value)) == pytest.approx(value, abs=0.0051)
    assert float(number(value, 0)) == pytest.approx(value, abs=0.51)


def test_json_follows_its_schema() -> None:
    rows = [row("anna", 7.5, 0.5, group="1"), broken(), waiting(), excused(), Row("dora"), row("\ud800")]
    rows.append(Row("f", {}, verdict("f"), Standing(1.0, 10.0, 10.0, because=("Late.",))))
    document = json.loads(plain.as_json(rows, SOFTMAX, course="C, 2026", run="r", now=NOW))
    check(document, "export-v1")
    said = {s["student"]: s for s in document["students"]}
    assert (said["anna"]["points"], said["anna"]["total"], said["anna"]["fields"]) == (7.5, 8.0, {"group": "1"})
    assert said["boris"]["points"] is None and said["eva"]["state"] == "excused"
    assert said["f"]["points"] == 1.0 and said["f"]["raw_points"] == 10.0 and said["f"]["because"] == ["Late."]


def test_the_maximum_counts_what_a_teacher_awards() -> None:
    document = json.loads(plain.as_json([waiting()], WITH_ESSAY, course="C", run="r", now=NOW))
    assert document["max_points"] == 10.0


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        plain.as_json(
            [Row("a", {}, verdict("a"), Standing(float("nan"), 1.0, 1.0))], SOFTMAX, course="", run="", now=NOW
        )
