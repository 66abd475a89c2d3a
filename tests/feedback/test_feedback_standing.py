"""Points as earned and as they count: on both pages, and in the files that programs read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import samples
from axe import violations
from chromium import CHROMIUM, Browser, started
from samples import ASSIGNMENT, COURSE, NOW
from strict import Page, assert_inert, assert_well_made

import hostile
from torchgrade.feedback import grades_csv, render_cohort, render_student, results_document, results_json
from torchgrade.policy import Standing

LATE = Standing(
    5.4, 6.0, 10.0, 0.5, 3600.0, 2, because=("Handed in 1 h after the deadline: minus 10 %.",),
    due=NOW, handed_in=NOW + timedelta(hours=1),
)  # fmt: skip
EXCUSED = Standing(0.0, 4.0, 10.0, excused=True, because=("Excused: it counts neither for nor against.",))
FULL = Standing(6.0, 6.0, 10.0)


def student(standing: Standing | None) -> Page:
    return Page(render_student(COURSE, ASSIGNMENT, samples.wrong(), standing=standing, generated_at=NOW))


def cohort(**standings: Standing) -> str:
    verdicts = [samples.wrong("anna"), samples.wrong("boris"), samples.broken("clara")]
    return render_cohort(COURSE, ASSIGNMENT, verdicts, standings=standings, generated_at=NOW)


def test_a_page_says_what_counts_beside_what_was_earned() -> None:
    page = student(LATE)
    assert_well_made(page)
    assert_inert(page, scripts=0)
    for said in ("Counts: 5.4 + 0.5.", LATE.because[0], "Handed in", "2026-09-14 11:30 UTC", "Due"):
        assert said in page.text
    assert "Counts" in student(EXCUSED).text and "excused" in student(EXCUSED).text


@pytest.mark.parametrize("standing", [None, FULL])
def test_a_page_says_nothing_where_all_counts(standing: Standing | None) -> None:
    assert "Counts" not in student(standing).text and "Due" not in student(standing).text


def test_a_verdict_that_is_not_final_counts_nothing_yet() -> None:
    html = render_student(COURSE, ASSIGNMENT, samples.broken(), standing=LATE, generated_at=NOW)
    assert "Counts" not in Page(html).text
    (row,) = csv.DictReader(io.StringIO(grades_csv(ASSIGNMENT, [samples.broken()], {"clara": LATE})))
    assert row["counted_points"] == row["because"] == ""


def test_the_cohort_has_a_column_for_what_counts_where_it_differs() -> None:
    page = Page(cohort(anna=LATE, boris=FULL))
    assert_well_made(page)
    assert "What dates, attempts and groups change" in page.text and LATE.because[0] in page.text
    assert '<td class="num">5.4</td>' in page.html
    assert "What dates" not in Page(cohort(anna=FULL, boris=FULL)).text
    assert "Counts" not in Page(cohort(anna=FULL)).text


def test_whatever_a_reason_says_is_inert() -> None:
    bad = replace(LATE, because=(hostile.NASTY,), by="=1+1")
    assert_inert(student(bad), scripts=0)
    assert_inert(Page(cohort(anna=bad)), scripts=1)
    results_json(results_document(ASSIGNMENT, [samples.wrong("anna")], {"anna": bad}))
    row = list(csv.reader(io.StringIO(grades_csv(ASSIGNMENT, [samples.wrong("anna")], {"anna": bad}))))[1]
    assert not row[-1].startswith("=")


def test_programs_get_both_numbers() -> None:
    verdicts = [samples.wrong("anna"), samples.wrong("boris")]
    document = results_document(ASSIGNMENT, verdicts, {"anna": LATE, "boris": EXCUSED})
    first, second = (s["standing"] for s in document["submissions"])
    assert (first["points"], first["raw_points"], first["late_seconds"], first["attempt"]) == (5.4, 6.0, 3600.0, 2)
    assert first["due"] == NOW.isoformat() and second["excused"] is True and second["due"] is None
    assert document["submissions"][0]["points"] == verdicts[0].points, "as examined"
    assert "standing" not in results_document(ASSIGNMENT, verdicts)["submissions"][0]
    header, anna, boris = csv.reader(
        io.StringIO(grades_csv(ASSIGNMENT, verdicts, {"anna": LATE, "boris": EXCUSED}))
    )
    assert header[-6:] == [
        "counted_points",
        "counted_bonus",
        "late_seconds",
        "counted_attempt",
        "excused",
        "because",
    ]
    assert (anna[-6:-1], boris[-6:-1]) == (["5.4", "0.5", "3600", "2", ""], ["", "", "0", "1", "yes"])
    assert len(next(csv.reader(io.StringIO(grades_csv(ASSIGNMENT, verdicts))))) == len(header) - 6


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: pages are not opened")
class TestInABrowser:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing(self, browser: Browser, scheme: str) -> None:
        for html in (student(LATE).html, cohort(anna=LATE, boris=EXCUSED)):
            browser.open(html, scheme=scheme, scripts=True)
            assert violations(browser) == []

    def test_no_page_scrolls_sideways_and_what_counts_is_sorted(self, browser: Browser) -> None:
        for html in (student(LATE).html, cohort(anna=LATE, boris=EXCUSED)):
            browser.open(html, width=340)
            assert browser.ask("document.documentElement.scrollWidth") <= 340
        buttons = "Array.from(document.querySelectorAll('#grades th button'))"
        browser.ask(f"{buttons}.find(b => b.textContent == 'Counts').click()")
        names = "Array.from(document.querySelectorAll('#grades tbody tr'), row => row.cells[0].textContent)"
        assert browser.ask(names) == ["boris", "clara", "anna"]
