"""The picture of relative errors on the student's page: bars on a logarithmic scale, with numbers and words."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import samples
from samples import ASSIGNMENT, COURSE, NOW
from strict import Page, assert_inert, assert_well_made

import hostile
from torchgrade.feedback import render_student
from torchgrade.feedback.bars import LEFT, WIDTH, errors_view
from torchgrade.model import Evidence, Outcome, verdict_from_json

ROWS = (
    ("weights_1", "0.5", "1e-06"),
    ("bias_1", "2.2e-16", "1e-06"),
    ("weights_2", "none", "1e-06"),
    ("bias_2", "inf", "1e-06"),
)


def evidence(*rows: tuple[str, ...], **changes: Any) -> Evidence:
    return replace(
        Evidence("relative error of each gradient", (4,), "float64", rows or ROWS, kind="errors"), **changes
    )


def page(*shown: Evidence, criterion: int = 1, audience: str = "student") -> Page:
    result = samples.judged(ASSIGNMENT.criteria[criterion], Outcome.FAILED, None, "Wrong.", evidence=shown)
    verdict = samples.verdict("a", [result])
    html = render_student(COURSE, ASSIGNMENT, verdict, audience=audience, generated_at=NOW)  # type: ignore[arg-type]
    return Page(html)


def test_every_parameter_has_a_bar_a_number_and_a_word() -> None:
    shown = page(evidence())
    assert_well_made(shown)
    assert_inert(shown, scripts=0)
    picture = next(svg for svg in shown.all("svg") if svg.get("viewbox", "").startswith("0 0 420"))
    assert picture["role"] == "img"
    assert "at most 1e-06 is allowed: weights_1 0.5, wrong; bias_1 2.2e-16, right; weights_2 none" in shown.text
    drawn = [r["class"] for r in shown.all("rect") if r.get("class") in ("bar", "none")]
    assert drawn == ["bar", "bar", "none", "none"]
    assert "weights_10.51e-06wrong" in shown.text.replace(" ", "")
    assert "bias_2inf1e-06nothingtocompare" in shown.text.replace(" ", "")


def test_a_bar_crosses_the_line_exactly_where_the_error_is_too_large() -> None:
    sizes = ("1e-16", "9.9e-07", "1e-06", "1.1e-06", "0.5", "1e+200", "0")
    view = errors_view(evidence(*(("w", size, "1e-06") for size in sizes)))
    assert view.limit is not None
    over = [LEFT + bar.width > view.limit for bar in view.bars]
    assert over == [False, False, False, True, True, True, False] == [bar.word == "wrong" for bar in view.bars]
    assert all(0 < bar.width <= WIDTH for bar in view.bars)


def test_ten_thousand_times_the_error_is_one_step_further() -> None:
    bars = errors_view(evidence(*((n, n, "1e-06") for n in ("1e-12", "1e-08", "1e-04")))).bars
    steps = [b.width - a.width for a, b in pairwise(bars)]
    assert steps == pytest.approx([4 * WIDTH / 18] * 2, abs=0.2)


@pytest.mark.parametrize(
    "odd", [(), ("w",), ("w", "", ""), ("w", "nan", "-1"), ("w", "-3", "1"), ("w", "0.1", "x")]
)
def test_a_row_that_says_no_number_is_an_outline_and_never_right(odd: tuple[str, ...]) -> None:
    view = errors_view(Evidence("e", (1,), "float64", (odd,), kind="errors"))
    assert [b.tone for b in view.bars] == ["bad"]
    assert all(math.isfinite(v) for b in view.bars for v in (b.y, b.width))
    assert_well_made(page(Evidence("e", (1,), "float64", (odd,), kind="errors")))


def test_no_line_is_drawn_where_the_limits_differ() -> None:
    shown = page(evidence(("a", "1e-8", "1e-06"), ("b", "1e-2", "1e-03")))
    assert "The dashed line" not in shown.text
    assert "is allowed:" not in shown.text
    assert "The dashed line" in page(evidence()).text


def test_arrays_stand_below_the_picture_and_are_counted_by_themselves() -> None:
    array = Evidence("gradient by weights_1: came back", (1, 2), "float64", (("1", "2"),))
    shown = page(evidence(), array)
    assert "gradient by weights_1: came back" in shown.text
    assert "left out" not in shown.text
    assert "1 more array left out" in page(evidence(), evidence(), array).text


def test_a_hidden_criterion_shows_no_errors_to_a_student() -> None:
    hidden = next(n for n, c in enumerate(ASSIGNMENT.criteria) if c.visibility == "hidden")
    assert "weights_1" not in page(evidence(), criterion=hidden).html
    assert "weights_1" in page(evidence(), criterion=hidden, audience="teacher").html


@pytest.mark.parametrize("attack", hostile.ATTACKS)
def test_names_and_numbers_stay_text(attack: str) -> None:
    shown = page(evidence((attack, attack, attack), label=attack))
    assert_inert(shown, scripts=0)
    assert_well_made(shown)


def test_a_page_full_of_pictures_keeps_its_size() -> None:
    wide = evidence(*((hostile.NASTY, hostile.NASTY, hostile.NASTY),) * 12)
    results = [samples.judged(c, Outcome.FAILED, evidence=(wide,) * 3) for c in ASSIGNMENT.criteria * 12]
    html = render_student(COURSE, ASSIGNMENT, samples.verdict("a", results), generated_at=NOW)
    assert len(html.encode()) < 300 * 1024
    assert "more arrays left out" in html


def test_the_kind_survives_json_and_older_verdicts_have_arrays() -> None:
    result = samples.judged(ASSIGNMENT.criteria[0], Outcome.FAILED, evidence=(evidence(),))
    verdict = samples.verdict("a", [result])
    data = verdict.to_json()
    assert verdict_from_json(data) == verdict
    del data["criteria"][0]["evidence"][0]["kind"]
    assert verdict_from_json(data).criteria[0].evidence[0].kind == "array"
