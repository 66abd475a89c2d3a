"""Exhibits on the student's page: drawn, told in words, never more than the page holds, never what is hidden."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import exhibited
import pytest
import samples
from samples import ASSIGNMENT, COURSE, NOW
from strict import Page, assert_inert, assert_well_made

from torchgrade.feedback import render_student
from torchgrade.feedback.exhibits import BOTTOM, KINDS, LEFT, TOP, WIDTH, exhibit_view
from torchgrade.feedback.heat import heat_view
from torchgrade.feedback.places import Places
from torchgrade.i18n import speaking
from torchgrade.model import Evidence, Outcome, Verdict, verdict_from_json


def page(verdict: Verdict, audience: str = "student") -> Page:
    return Page(render_student(COURSE, ASSIGNMENT, verdict, audience=audience, generated_at=NOW))  # type: ignore[arg-type]


def shown(*evidence: Evidence, criterion: int = 1, outcome: Outcome = Outcome.FAILED) -> Page:
    result = samples.judged(ASSIGNMENT.criteria[criterion], outcome, None, "Said.", evidence=evidence)
    return page(samples.verdict("a", [result]))


@pytest.mark.parametrize("audience", ["student", "teacher"])
def test_a_page_with_every_exhibit_is_inert_and_well_made(audience: str) -> None:
    found = page(exhibited.verdict(), audience)
    assert_inert(found, scripts=0)
    assert_well_made(found)


def test_exhibits_stand_with_passed_criteria_too() -> None:
    found = shown(exhibited.confusion(), outcome=Outcome.PASSED)
    assert "Confusion matrix" in found.text and "passed" in found.text


def test_of_a_criterion_that_is_not_public_a_student_sees_no_exhibit() -> None:
    for criterion in (5, 7):  # after the deadline, hidden
        result = samples.judged(
            ASSIGNMENT.criteria[criterion], Outcome.FAILED, None, "x", evidence=exhibited.every()
        )
        verdict = samples.verdict("a", [result], notebook=None)
        student, teacher = page(verdict), page(verdict, "teacher")
        assert not student.all("img") and not student.all("table") and "Confusion" not in student.text
        assert len(teacher.all("img")) == 14 and "Confusion" in teacher.text


# --- curves ----------------------------------------------------------------------------------------------------


def test_curves_are_told_in_words_and_lie_inside_the_drawing() -> None:
    view = exhibit_view(exhibited.curves())
    assert view is not None and [c.style for c in view.curves] == ["band", "line l1", "line l2"]
    for curve in view.curves:
        numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", curve.path)]
        xs, ys = numbers[::2], numbers[1::2]
        assert min(xs) >= LEFT and max(xs) <= WIDTH and min(ys) >= TOP - 0.1 and max(ys) <= BOTTOM + 0.1
    assert "history: first" in view.title and "the course's own: first 2.1–2.4" in view.title
    found = shown(exhibited.curves())
    assert "The band: five trainings" in found.text and "test_losses" in found.text


def test_the_axis_under_a_curve_says_what_the_grader_says_and_else_epoch() -> None:
    old = exhibited.curves()
    by_step = replace(old, rows=(("step", *old.rows[0][1:]), *old.rows[1:]))
    words = [re.findall('text-anchor="middle">(.*?)<', shown(e).html) for e in (old, by_step)]
    assert words == [["epoch"], ["step"]], "a verdict of an earlier version has none"


def test_a_falling_loss_falls_in_the_drawing() -> None:
    falling = replace(exhibited.curves(), drawn=("head", "line 3 2 1"), rows=exhibited.curves().rows[:2])
    view = exhibit_view(falling)
    assert view is not None
    heights = [float(y) for y in re.findall(r" (-?[\d.]+)", view.curves[0].path)]
    assert heights == sorted(heights), "down is more in SVG"
    assert view.epochs[1][1] == "30", "the last epoch as it was counted, however many points are drawn"


@pytest.mark.parametrize(
    "drawn",
    [(), ("head",), ("head", "line 1"), ("head", "line x y"), ("head", "line nan 1"), ("head", "band 1:2 1:3"),
     ("head", "line 1:2:3 4"), ("head", "other 1 2"), ("head", "line inf 1"),
     ("head", "line 1e300 -1e300"), ("head", "")],
)  # fmt: skip
def test_odd_curves_are_left_out_and_break_nothing(drawn: tuple[str, ...]) -> None:
    odd = replace(exhibited.curves(), drawn=drawn)
    assert exhibit_view(odd) is None
    assert_well_made(shown(odd))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [(), ((),), (("a",),), (("<b>", "\x1b[31m"), ("&", "<i>", "x" * 500))])
def test_odd_rows_of_any_kind_break_nothing(kind: str, rows: Any) -> None:
    odd = Evidence("<label>", (), "", rows, kind=kind, drawn=("line 1 2", "line 2 1", "iVBO", "<svg>"))
    found = shown(odd)
    assert_inert(found, scripts=0)
    assert_well_made(found)


# --- surfaces --------------------------------------------------------------------------------------------------

SMALL = replace(
    exhibited.surface(2), drawn=("0:2 0:2 aaf acc", "0.5:0.5:0 1.5:1.5:1", "1.9:1.9:1"), rows=(
        ("class", "share of the area", "points", "of them right"), ("0", "83%", "2", "1"), ("1", "17%", "1", "1")),
)  # fmt: skip


def test_a_surface_has_its_areas_points_and_words() -> None:
    view = exhibit_view(SMALL)
    assert view is not None and view.surface is not None
    assert dict(view.surface.areas) == {
        "c0 s0": "M0 0h2v1h-2zM0 1h1v1h-1z", "c0 s2": "M1 1h2v1h-2z", "c1 s2": "M2 0h1v1h-1z",
    }  # fmt: skip
    assert [css for css, _path in view.surface.points] == ["c0", "c0 missed", "c1"]
    assert "0: 83% of the area, 1 of 2 points right" in view.surface.title
    found = shown(SMALL)
    assert "share of the area" in found.text and "83%" in found.text and "A hollow point" in found.text


def test_above_is_above_in_the_drawing_of_a_surface() -> None:
    view = exhibit_view(SMALL)
    assert view is not None and view.surface is not None
    low, high = (float(re.match(r"M[\d.]+ ([\d.]+)", path)[1]) for _css, path in view.surface.points[:2])  # type: ignore[index]
    assert low > high, "down is more in SVG"


@pytest.mark.parametrize(
    "drawn",
    [(), ("",), ("0:2 0:2",), ("0:2 0:2 ab abc", "", ""), ("2:0 0:2 ab", "", ""), ("0:2 x ab", "", ""),
     ("0:nan 0:2 ab", "", ""), ("0:2 0:2 az", "", ""), ("0:2 0:2 ab", ""), ("0:2 0:2 " + "ab " * 99, "", ""),
     ("0:2 0:2 <b>", "", "")],
)  # fmt: skip
def test_odd_surfaces_are_left_out_and_break_nothing(drawn: tuple[str, ...]) -> None:
    odd = replace(SMALL, drawn=drawn)
    assert exhibit_view(odd) is None
    assert_well_made(shown(odd))


def test_odd_points_of_a_surface_are_left_out() -> None:
    view = exhibit_view(replace(SMALL, drawn=(SMALL.drawn[0], "1:x:0 nan:1:0 1:1 <script>", "9e99:-9e99:1")))
    assert view is not None and view.surface is not None
    ((css, path),) = view.surface.points
    assert css == "c1" and path.startswith("M247 247"), "what lies outside is drawn at the edge"


def test_the_size_of_a_surface_is_what_it_takes() -> None:
    view = exhibit_view(exhibited.surface(5))
    assert view is not None
    with_it, without = (len(shown(*some).html) for some in ((exhibited.surface(5),), ()))
    assert 0.9 * (with_it - without) <= view.size <= 1.3 * (with_it - without) < 30_000


# --- pictures, tables ------------------------------------------------------------------------------------------


def test_pictures_have_words_and_only_real_ones_are_shown() -> None:
    real = exhibited.images(3)
    found = shown(replace(real, drawn=(real.drawn[0], "bm90IGEgcG5n", "<img>")))
    (image,) = [i for i in found.all("img") if "taken for" in i["alt"]]
    assert image["alt"] == "0, taken for 7" and image["src"].startswith("data:image/png;base64,")


def test_the_matrix_has_headings_and_a_wash_by_share() -> None:
    found = shown(exhibited.confusion())
    cells = [td["class"] for td in found.all("td") if "class" in td]
    assert len(cells) == 100 and sum(c.endswith("own") for c in cells) == 10
    assert all(re.fullmatch(r"h[0-6] (own|other)", c) for c in cells)
    assert cells[0] in ("h3 own", "h4 own", "h5 own", "h6 own")


def test_the_layers_and_the_traceback_are_there_and_the_traceback_is_folded() -> None:
    found = shown(exhibited.LAYERS, exhibited.TRACE)
    assert "6×1×5×5" in found.text and "<b>wrong</b>" in found.text
    assert [d for d in found.all("details") if d.get("class") == "trace" and "open" not in d]


def test_a_table_has_a_head_and_no_heat() -> None:
    rows = (("what it is", "taken for", "times"), ("cat", "dog", "12"))
    found = shown(Evidence("most frequent confusions", (10, 10), "int64", rows, kind="table", cut=True))
    head = "".join(f'<th scope="col">{word}</th>' for word in rows[0])
    assert head in found.html and '<th scope="row">cat</th><td>dog</td><td>12</td>' in found.html
    assert "[10, 10]" not in found.text


# --- heatmaps --------------------------------------------------------------------------------------------------


def array(label: str, *rows: str) -> Evidence:
    return Evidence(label, (len(rows), len(rows[0].split())), "float32", tuple(tuple(r.split()) for r in rows))


def test_expected_and_got_are_drawn_beside_each_other_and_the_worst_place_is_told() -> None:
    expected, got = array("expected", *["1 2 3 4"] * 3), array("came back", "1 2 3 4", "1 2 9 4", "1 2 3 5")
    view = heat_view(expected, got)
    assert view is not None and [g.label for g in view.grids] == ["expected", "came back", "how far apart"]
    assert "2 of 12 differ, most of all in row 1, column 2" in view.title
    apart = dict(view.grids[2].paths)
    assert apart["d6"].count("M") == 1 and apart["d1"].count("M") == 1 and apart["d0"].count("M") == 10
    assert "how far apart" in shown(expected, got).text


def test_nan_and_infinity_are_places_of_their_own() -> None:
    expected, got = array("expected", *["1 2 3 4"] * 3), array("came back", "nan 2 3 4", "1 inf 3 4", "1 2 3 4")
    view = heat_view(expected, got)
    assert view is not None and dict(view.grids[1].paths)["odd"].count("M") == 2
    assert "2 of 12 differ" in view.title


def test_few_numbers_or_other_shapes_have_no_heatmap() -> None:
    few = array("expected", "1 2", "3 4")
    assert heat_view(few, few) is None
    assert heat_view(array("expected", *["1 2 3 4"] * 3), array("got", *["1 2 3"] * 4)) is None


def test_what_came_back_is_marked_where_it_differs() -> None:
    found = shown(array("came back", "1 5"), array("expected", "1 2"))
    assert found.html.count("<mark>") == 1 and "<mark>5</mark>" in found.html


# --- the student's own lines -----------------------------------------------------------------------------------


def test_a_lost_criterion_leads_to_the_line_and_the_cell_back_to_it() -> None:
    found = page(samples.wrong())
    links = [a["href"] for a in found.all("a")]
    assert "Cell 5, line 1" in found.text and "#cell-5" in links and "#criterion-2" in links
    assert any("marked" in d.get("class", "") for d in found.all("div"))
    assert "Cell 5 partly right: " in found.text  # the cell itself says its number, not Jupyter's count alone
    assert_well_made(found)


def test_the_line_that_raised_is_the_one_that_the_message_quotes() -> None:
    said = "`softmax` raised ValueError: no, in the line `raise ValueError(1)`"
    source = "y = 1\n\ndef softmax(x):\n    if x:\n        return 1\n    raise ValueError(1)\n"
    notebook = samples.notebook(samples.code("raise ValueError(1)"), samples.text("softmax"), samples.code(source))
    result = samples.judged(ASSIGNMENT.criteria[1], Outcome.ERRORED, None, said)
    place = Places(ASSIGNMENT, notebook).of(result)
    assert place is not None and (place.cell, place.line, place.code) == (2, 6, "raise ValueError(1)")
    assert Places(ASSIGNMENT, notebook).of(replace(result, outcome=Outcome.PASSED)) is None


def test_a_name_that_is_missing_because_its_cell_cannot_be_read_leads_to_that_cell() -> None:
    notebook = samples.notebook(samples.code("x = softmax"), samples.code("y = 1\ndef softmax(x)\n    return x"))
    result = samples.judged(ASSIGNMENT.criteria[1], Outcome.FAILED, None, "`softmax` is not defined")
    place = Places(ASSIGNMENT, notebook).of(result)
    assert place is not None and (place.cell, place.line, place.code) == (1, 2, "def softmax(x)")


@pytest.mark.parametrize(
    "notebook", [None, {}, {"cells": 3}, {"cells": [1, {}]}, {"cells": [{"cell_type": "code"}]}]
)
def test_a_notebook_without_cells_has_no_places(notebook: Any) -> None:
    result = samples.judged(ASSIGNMENT.criteria[1], Outcome.FAILED, None, "softmax is wrong")
    assert Places(ASSIGNMENT, notebook).of(result) is None
    assert_well_made(page(samples.verdict("a", [result], notebook=notebook)))


def test_a_fault_of_the_grader_says_that_it_is_not_the_students_and_blames_no_cell() -> None:
    result = samples.judged(ASSIGNMENT.criteria[1], Outcome.BROKEN, None, "the grader failed on softmax")
    found = page(samples.verdict("a", [result]))
    assert "That is not your fault, it costs you nothing" in found.text
    assert "Cell 5, line" not in found.text and not found.html.count('class="marks"')


# --- size, old verdicts, language ------------------------------------------------------------------------------


@pytest.mark.parametrize("audience", ["student", "teacher"])
def test_a_long_notebook_with_every_exhibit_stays_below_300_kb_and_says_what_is_cut(audience: str) -> None:
    found = page(exhibited.long_verdict(), audience)
    assert len(found.html.encode()) <= 300_000
    assert "more arrays left out: the page is full" in found.text
    assert "left out here: the page is full" in found.text or "left out: the page is full" in found.text
    assert len([i for i in found.all("img") if "taken for" in i["alt"]]) > 0
    assert_well_made(found)


def test_a_verdict_of_an_earlier_version_is_still_read() -> None:
    data = exhibited.verdict().to_json()
    for criterion in data["criteria"]:
        for evidence in criterion["evidence"]:
            del evidence["drawn"], evidence["note"]
            evidence["kind"] = "array"
    old = verdict_from_json(data)
    assert all(e.drawn == () and e.note == "" for c in old.criteria for e in c.evidence)
    assert_well_made(page(old))


def test_words_follow_the_language_and_the_page_says_which() -> None:
    with speaking("ru"):
        html = render_student(COURSE, ASSIGNMENT, exhibited.verdict(), generated_at=NOW)
    assert '<html lang="ru">' in html
    assert '<html lang="en">' in render_student(COURSE, ASSIGNMENT, exhibited.verdict(), generated_at=NOW)
