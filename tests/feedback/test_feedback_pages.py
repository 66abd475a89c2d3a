"""The HTML pages: what they say, to whom, and that nothing of a student's is alive in them."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import samples
from samples import ASSIGNMENT, COURSE, CRITERIA, NOW
from strict import Page, assert_inert, assert_well_made

import hostile
from torchgrade.feedback import render_cohort, render_student
from torchgrade.feedback.terminal import as_text
from torchgrade.feedback.told import tell
from torchgrade.model import CellReport, Course, Evidence, Outcome, Status, Tier, Verdict

SAMPLES: list[Callable[[], Verdict]] = [
    samples.right, samples.wrong, samples.crashed, samples.slow, samples.unreadable, samples.broken,
    hostile.hostile,
]  # fmt: skip


def student(verdict: Verdict, audience: str = "student") -> Page:
    return Page(render_student(COURSE, ASSIGNMENT, verdict, audience=audience, generated_at=NOW))  # type: ignore[arg-type]


def cohort(*verdicts: Verdict, course: Course = COURSE) -> Page:
    pages = [f"student-{i}.html" for i, _ in enumerate(verdicts)]
    return Page(render_cohort(course, ASSIGNMENT, verdicts, pages=pages, generated_at=NOW))


# Every page


@pytest.mark.parametrize("make", SAMPLES)
@pytest.mark.parametrize("audience", ["student", "teacher"])
def test_a_students_page_is_inert_well_made_and_small(make: Callable[[], Verdict], audience: str) -> None:
    page = student(make(), audience)
    assert_inert(page, scripts=0)
    assert_well_made(page)
    assert len(page.html.encode("utf-8")) <= 300 * 1024
    assert "script-src" not in page.policy


def test_the_cohorts_page_is_inert_and_well_made() -> None:
    page = cohort(*samples.cohort(), hostile.hostile())
    assert_inert(page, scripts=1)
    assert_well_made(page)


@pytest.mark.parametrize("kind", ["style", "script"])
def test_the_policy_names_our_style_and_script_by_their_hash(kind: str) -> None:
    page = cohort(samples.right())
    digest = base64.b64encode(hashlib.sha256(page.own[kind].encode()).digest()).decode()
    assert f"{kind}-src 'sha256-{digest}'" in page.policy
    assert page.policy.startswith("default-src 'none'; ") and "unsafe" not in page.policy
    assert "img-src data:;" in page.policy and "base-uri 'none'" in page.policy


def test_style_and_script_fetch_nothing() -> None:
    page = cohort(samples.right())
    everything = page.own["style"] + page.own["script"] + student(samples.right()).own["style"]
    for word in (
        "url(",
        "@import",
        "http",
        "fetch(",
        "XMLHttp",
        "innerHTML",
        "eval(",
        "import(",
        "document.write",
    ):
        assert word not in everything, word


def test_templates_in_a_students_text_are_not_filled_in() -> None:
    page = student(hostile.hostile())
    assert "{{7*7}}{% raw %}${7*7}#{7*7}" in page.text
    assert re.search(r"\b49\b", page.text) is None


def test_hostile_text_is_shown_as_text() -> None:
    page = student(hostile.hostile())
    assert "<script>document.title='owned'</script>" in page.text
    assert "[U+202E]gnp.exe" in page.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page.html)


# The student's page


def test_a_picture_of_usual_size_arrives_whole() -> None:
    # Noise does not compress: about 37 KB, like a plot, where a flat drawing would be a few hundred bytes.
    noise = random.Random(0).randbytes(3 * 96 * 96)
    source = samples.png_of([noise[3 * 96 * y : 3 * 96 * (y + 1)] for y in range(96)])
    output = {"output_type": "display_data", "data": {"image/png": source}, "metadata": {}}
    page = student(replace(samples.right(), notebook=samples.notebook(samples.code("plt.show()", output))))
    (image,) = page.all("img")
    assert image["src"] == f"data:image/png;base64,{source}"


def test_points_status_and_place_are_told() -> None:
    page = student(samples.wrong())
    for said in ("Softmax from raw tensors", "ivanov", "5.5 of 10 points", "graded", "full sandbox", "cpu",
                 "2026-09-14 10:30 UTC", "Deep learning with PyTorch, 2026", "0.42 s", "412 MB"):  # fmt: skip
        assert said in page.text, said
    assert (
        "3 of 5 public checks passed; 2 of 3 further checks passed; 0 of 1 bonus check passed; 1 waits for a"
        in page.text
    )
    assert "+0.5 bonus" in student(samples.right()).text


def test_what_runs_later_is_announced() -> None:
    public = samples.verdict("a", samples.all_with(Outcome.PASSED)[:5])
    later = "1 more runs when it is graded; 3 more run after the deadline."
    assert f"5 of 5 public checks passed; {later}" in student(public).text


def test_every_outcome_has_a_drawing_and_a_word() -> None:
    for outcome in Outcome:
        page = student(samples.verdict("a", [samples.judged(ASSIGNMENT.criteria[0], outcome)]))
        badges = [a["class"] for a in page.all("span") if a.get("class", "").startswith("badge")]
        assert len(badges) == 2, outcome  # the submission's and the criterion's
        drawn = [u["href"][1:] for u in page.all("use")]
        symbols = {s["id"] for s in page.all("symbol")}
        assert len(drawn) >= 2 and set(drawn) <= symbols, outcome


def test_failed_criteria_are_open_and_passed_ones_are_not() -> None:
    page = student(samples.wrong())
    boxes = [a for a in page.all("details") if "criterion" in a.get("class", "")]
    assert [("open" in a) for a in boxes] == [True, True, True, False, False]  # two last: bonus, manual


def test_expected_stands_beside_got_and_what_differs_is_marked() -> None:
    page = student(samples.wrong())
    assert page.html.count("<caption><b>expected</b>") == 2 and "3×4, float32" in page.text
    assert page.html.count("<mark>") == 12 + 3
    assert "Underlined numbers differ from the expected ones." in page.text


def test_arrays_are_cut_with_a_word() -> None:
    wide = Evidence("got", (40, 40), "float32", tuple(("1",) * 40 for _ in range(40)))
    page = student(
        samples.verdict("a", [samples.judged(ASSIGNMENT.criteria[0], Outcome.FAILED, evidence=(wide,))])
    )
    assert page.html.count("<td>1</td>") == 80 and "Only a part is shown." in page.text


def test_a_hidden_criterion_shows_no_array_to_a_student_and_its_detail_to_nobody() -> None:
    secret = Evidence("input", (1,), "float32", (("31415.9",),))
    results = [
        samples.judged(
            c, Outcome.FAILED, message="Wrong.", hint="Look again.", detail="SECRET", evidence=(secret,)
        )
        for c in ASSIGNMENT.criteria[5:8]
    ]
    verdict = samples.verdict("a", results)
    shown, teachers = student(verdict), student(verdict, "teacher")
    assert "31415.9" not in shown.html and shown.text.count("Look again.") == 3
    assert teachers.html.count("31415.9") == 3
    assert "SECRET" not in shown.html + teachers.html + cohort(verdict).html


def test_the_seed_and_the_graders_digest_are_for_the_teacher() -> None:
    shown, teachers = student(samples.right()), student(samples.right(), "teacher")
    assert "course-seed-1f6a" not in shown.html and "77aa77aa" not in shown.html and "9f2c9f2c9f2c" in shown.text
    assert "course-seed-1f6a" in teachers.text and "77aa77aa77aa" in teachers.text


def test_a_broken_criterion_is_not_the_students_fault() -> None:
    page = student(samples.broken())
    assert "– of 10 points" in page.text and "not judged yet" in page.text
    assert "That is not your fault, it costs you nothing, and it will be judged again." in page.text
    assert "1 could not be judged, which costs you nothing" in page.text


def test_a_limit_and_a_weaker_sandbox_are_told() -> None:
    page = student(samples.slow())
    assert "Cell 2 ran longer than 60 s and was stopped." in page.text and "limit reached" in page.text
    assert "Weaker sandbox. This run used: partial sandbox" in page.text
    assert "Weaker sandbox" not in student(samples.right()).text
    assert "This run used: no sandbox" in student(replace(samples.right(), sandbox=Tier.NONE)).text


def test_what_the_engine_says_in_passing_is_a_sentence() -> None:
    verdict = replace(
        samples.slow(), reason="cell 2 ran too long", notes=("drawn data", "a.py is missing", "So it is!")
    )
    page = student(verdict)
    assert "Cell 2 ran too long. The notebook hit a limit;" in page.text
    assert "Drawn data. a.py is missing. So it is!" in page.text
    assert "Cell 2 ran too long." in cohort(verdict).text


def test_an_unreadable_notebook_has_its_reason() -> None:
    page = student(samples.unreadable())
    assert "It looks like a PDF." in page.text and "No criterion was judged in this run." in page.text
    assert "The notebook, as it ran" not in page.text


def test_failed_cells_are_listed_with_links_that_lead_there() -> None:
    page = student(samples.crashed())
    links = [a["href"] for a in page.all("a") if a["href"].startswith("#cell")]
    assert links[:2] == ["#cell-4", "#cell-6"]  # before those that stand with the criteria: they are often why
    assert page.text.index("Cells that did not finish") < page.text.index("Criteria")
    assert "raised an error RuntimeError: self must be a matrix (line 6)" in page.text
    slow = student(samples.slow())
    assert "stopped at the time limit after 60.0 s" in slow.text and "was not run" in slow.text


def test_a_cell_that_cannot_be_read_is_told_without_the_kernels_name_for_it_and_before_what_it_costs() -> None:
    unread = CellReport(3, "error", 0.0, "SyntaxError", "expected ':' (918473935.py, line 1)", 1)
    raised = CellReport(5, "error", 0.0, "ValueError", "no (see x, line 3)", 2)
    verdict = replace(samples.crashed(), cells=(unread, raised))
    text = as_text(tell(ASSIGNMENT, verdict, later=0))
    for shown in (student(verdict).text, text):
        assert "raised an error SyntaxError: expected ':' (line 1)" in shown
        assert "raised an error ValueError: no (see x, line 3) (line 2)" in shown
    assert text.index("SyntaxError") < text.index(CRITERIA[0].title)


def test_a_link_to_a_cell_that_found_no_room_still_leads_somewhere() -> None:
    many = samples.notebook(*(samples.code("x = 1\n" * 3000) for _ in range(40)))
    cells = tuple(samples.CellReport(i, "error") for i in range(40))
    page = student(replace(samples.crashed(), notebook=many, cells=cells))
    assert_well_made(page)
    assert "and 10 more" in page.text and "left out here: the page is full." in page.text


def test_arrays_that_find_no_room_are_counted() -> None:
    wide = Evidence("got", (8, 10), "float32", tuple(("<" * 20,) * 10 for _ in range(8)))
    results = [samples.judged(c, Outcome.FAILED, evidence=(wide,) * 9) for c in ASSIGNMENT.criteria[:5]]
    page = student(samples.verdict("a", results))
    shown = page.html.count("<caption>")
    left_out = sum(int(n) for n in re.findall(r"(\d+) more arrays left out", page.text))
    assert 0 < shown < 12 and shown + left_out == 45
    assert len(page.html) < 300 * 1024


def test_notes_and_titles_keep_their_words() -> None:
    assert "The file had the name softmax(1).ipynb." in student(samples.wrong()).text
    russian = replace(COURSE, language="ru")
    page = Page(render_student(russian, ASSIGNMENT, samples.right(), generated_at=NOW))
    assert page.all("h1")[0]["lang"] == "ru" and page.all("html")[0]["lang"] == "en"


# The cohort's page


def test_the_cohort_is_one_table_with_a_link_for_each_student() -> None:
    verdicts = samples.cohort()
    page = cohort(*verdicts)
    links = [a["href"] for a in page.all("a") if a["href"].startswith("students/")]
    assert {f"students/student-{i}.html" for i in range(60)} <= set(links)
    table = page.html[page.html.index('id="grades"') :]
    assert table.count('<th scope="row">') == 60
    assert len(re.findall(r'<td class="m \w+"', table)) == 60 * len(ASSIGNMENT.criteria)


def test_the_link_of_a_student_leads_to_their_own_page() -> None:
    verdicts = [samples.wrong("zoe"), samples.right("adam")]
    html = render_cohort(COURSE, ASSIGNMENT, verdicts, pages=["z.html", "a.html"], generated_at=NOW)
    assert re.findall(r'href="students/(.)\.html"><bdi>(\w+)', html.split('id="grades"')[1]) == [
        ("a", "adam"),
        ("z", "zoe"),
    ]


def test_marks_have_words_for_readers_who_see_no_colour() -> None:
    page = cohort(samples.wrong())
    assert '<td class="m partial" data-v="0.5" title="partly right, 0.5 of 2"></td>' in page.html


def test_figures_count_whose_points_stand() -> None:
    page = cohort(samples.right(), samples.wrong(), samples.unreadable(), samples.broken())
    figures = dict(
        re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page.html.split('class="figures"')[1].split("</dl>")[0])
    )
    assert figures == {"submissions": "4", "median points": "5.5", "mean points": "5.17", "with all points": "1",
                       "need a look": "2"}  # fmt: skip


def test_what_needs_a_look_comes_in_order_of_urgency() -> None:
    broken_one = replace(samples.broken("b-criterion"), status=Status.GRADED)
    page = cohort(
        samples.slow("a-slow"), samples.unreadable("c-unreadable"), broken_one, samples.broken("d-broken")
    )
    names = re.findall(r'<span class="name">.*?<bdi>([^<]+)', page.html)
    assert names == ["d-broken", "b-criterion", "c-unreadable", "a-slow"]
    assert "3 submissions to read" in page.text


def test_the_histogram_adds_up_and_is_told_in_words() -> None:
    page = cohort(*samples.cohort())
    title = re.search(r'<title id="t-points">([^<]+)', page.html)
    assert title and sum(int(n) for n in re.findall(r"points: (\d+) submission", title[1])) == 59


def test_full_marks_and_zero_have_their_bar() -> None:
    page = cohort(samples.right(), samples.unreadable())
    assert "0 to under 1 points: 1 submission" in page.html and "9 to 10 points: 1 submission" in page.html


def test_the_cohort_tells_where_it_ran() -> None:
    page = cohort(*samples.cohort())
    assert "1 of 60 ran with partial sandbox" in page.text
    assert "cpu (59), cuda:0 (1)" in page.text and "77aa77aa77aa" in page.text


def test_an_empty_cohort_has_a_page() -> None:
    page = cohort()
    assert_well_made(page)
    assert "No submission yet." in page.text
