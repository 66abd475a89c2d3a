"""The cohort's page as a tool: filters, groups, outliers, and a thousand students."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import samples
from axe import violations
from chromium import CHROMIUM, Browser, started
from samples import ASSIGNMENT, COURSE, CRITERIA, NOW
from strict import Page, assert_inert, assert_well_made

import hostile
from torchgrade.feedback import FeedbackWriter, render_cohort, write_feedback
from torchgrade.feedback.files import page_names
from torchgrade.feedback.pairs import render_pairs
from torchgrade.feedback.similar import Pair
from torchgrade.model import Outcome, Verdict

GROUPS = {"anna": "IU5-10", "boris": "IU5-2", "clara": "IU5-2"}


def three() -> list[Verdict]:
    return [samples.right("anna"), samples.wrong("boris"), samples.slow("clara")]


def page_of(verdicts: list[Verdict], groups: dict[str, str] | None = None) -> Page:
    return Page(render_cohort(COURSE, ASSIGNMENT, verdicts, groups=groups, generated_at=NOW))


def thousand() -> list[Verdict]:
    """As large as a cohort gets: every criterion lost by somebody, names and figures of usual length."""
    base = samples.cohort(150)
    made = []
    for n in range(1000):
        verdict = base[6 + n % 144]
        results = [
            replace(r, fingerprint=f"out-{n % 7:012x}", evidence=samples.EVIDENCE)
            if r.outcome is Outcome.FAILED and n % 3
            else replace(r, mistake="dim_zero", hint="Look at dim.")
            if r.outcome is Outcome.FAILED
            else r
            for r in verdict.criteria
        ]
        made.append(replace(verdict, student=f"{verdict.student}{n:04}", criteria=tuple(results)))
    return made


def test_a_thousand_students_fit_into_a_megabyte() -> None:
    verdicts = thousand()
    html = render_cohort(
        COURSE,
        ASSIGNMENT,
        verdicts,
        pages=page_names([v.student for v in verdicts]),
        groups={v.student: f"IU5-{n % 12}" for n, v in enumerate(verdicts)},
        generated_at=NOW,
    )
    assert len(html.encode()) <= 1_000_000
    page = Page(html)
    assert_inert(page, scripts=1)
    assert_well_made(page)
    assert len([a for a in page.all("a") if a.get("href", "").startswith("students/")]) >= 1000


def test_a_group_has_a_column_and_a_filter_where_it_is_known() -> None:
    known, unknown = page_of(three(), GROUPS), page_of(three())
    chosen = re.search(r'<select id="group">(.*?)</select>', known.html)
    assert chosen and re.findall(r"<option>(.*?)</option>", chosen[1]) == ["IU5-2", "IU5-10"]
    assert len(known.all("th")) == len(unknown.all("th")) + 1
    assert 'id="group"' not in unknown.html
    assert 'id="group"' not in page_of(three(), {"somebody": "else"}).html


def test_the_filters_name_every_status_and_criterion() -> None:
    html = page_of([*three(), samples.unreadable(), samples.broken()]).html
    statuses = re.search(r'<select id="status">(.*?)</select>', html)
    assert statuses and set(re.findall(r"<option>(.*?)</option>", statuses[1])) == {
        "graded", "limit reached", "unreadable", "not judged yet",
    }  # fmt: skip
    lost = re.search(r'<select id="lost">(.*?)</select>', html)
    assert lost and len(re.findall(r"<option", lost[1])) == 1 + len(CRITERIA)


def test_hostile_groups_stay_text() -> None:
    verdicts = [hostile.hostile(attack) for attack in hostile.ATTACKS]
    page = page_of(verdicts, {attack: attack for attack in hostile.ATTACKS})
    assert_inert(page, scripts=1)
    assert_well_made(page)


def test_who_needed_far_more_time_or_memory_is_told() -> None:
    usual = [replace(samples.right(f"s{n:02}"), seconds=1 + n / 10, peak_memory_mb=400 + n) for n in range(12)]
    slow = replace(samples.right("slow"), seconds=60.0)
    large = replace(samples.right("large"), peak_memory_mb=1900.0)
    page = page_of([*usual, slow, large])
    assert "slow time 60.0 s; half of the cohort needed at most 1.55 s" in page.text
    assert "large memory 1900 MB; half of the cohort needed at most 406 MB" in page.text
    assert "Far more time" not in page_of(usual).text


def test_a_criterion_that_the_strong_lose_is_marked() -> None:
    def verdict(n: int, *, like_the_rest: bool = False) -> Verdict:
        strong = n % 2 == 0
        rest = [Outcome.PASSED if strong else Outcome.FAILED] * 4
        first = Outcome.PASSED if strong == like_the_rest else Outcome.FAILED
        return samples.verdict(
            f"s{n}", [samples.judged(c, o) for c, o in zip(CRITERIA[:5], [first, *rest], strict=True)]
        )

    page = page_of([verdict(n) for n in range(12)])
    assert page.html.count("look at this one") == 1
    assert "<b>\N{MINUS SIGN}1.00</b>" in page.html
    by_chance = page_of([verdict(n, like_the_rest=n < 5) for n in range(12)])
    assert "\N{MINUS SIGN}0.1" in by_chance.text and "look at this one" not in by_chance.html
    assert page_of([verdict(n) for n in range(9)]).text.count("too few") == len(CRITERIA) - 1  # manual: –


def test_groups_reach_the_page_that_is_written(tmp_path: Path) -> None:
    writer = FeedbackWriter(COURSE, ASSIGNMENT, tmp_path, list(GROUPS), groups=GROUPS, generated_at=NOW)
    writer.cohort(three())
    assert "<option>IU5-2</option>" in writer.index.read_text(encoding="utf-8")


def test_a_page_of_similar_notebooks_goes_with_the_run_that_made_it(tmp_path: Path) -> None:
    writer = FeedbackWriter(COURSE, ASSIGNMENT, tmp_path, list(GROUPS), generated_at=NOW)
    writer.cohort(three(), [Pair("anna", "boris", 0.9, (("x", True),), (("y", True),))])
    assert (tmp_path / "similar.html").is_file()
    write_feedback(COURSE, ASSIGNMENT, three(), tmp_path, generated_at=NOW)
    assert not (tmp_path / "similar.html").exists()


# In the browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: pages are not opened")
    with started(tmp_path_factory.mktemp("browser")) as found:
        yield found


SHOWN = """[...document.querySelectorAll("#grades tbody tr")].filter(r => !r.hidden)
  .map(r => r.cells[0].textContent.trim())"""


def everything() -> str:
    """A page with every section, unfolded."""
    pairs = [Pair("anna", "boris", 0.9, (("x", True),), (("y", True),))]
    verdicts = [*thousand()[:40], *three(), samples.unreadable(), samples.broken()]
    verdicts.append(replace(samples.right("large"), peak_memory_mb=9000.0))
    html = render_cohort(
        COURSE,
        ASSIGNMENT,
        verdicts,
        pages=page_names([v.student for v in verdicts]),
        groups=GROUPS,
        pairs=pairs,
        generated_at=NOW,
    )
    return html.replace("<details", "<details open")


def pairs_page() -> str:
    code = "".join(f"line_{n} = {n} * " + "very_long_name * " * 8 + "1\n" for n in range(30))
    pair = Pair("anna", "boris", 0.9, (("a = 1\n", False), (code, True)), ((code, True), ("b = 2\n", False)))
    return render_pairs(COURSE, ASSIGNMENT, [pair], {"anna": "anna.html"}, generated_at=NOW)


@pytest.mark.browser
class TestInTheBrowser:
    @pytest.mark.parametrize(
        ("field", "value", "left"),
        [
            ("status", "limit reached", ["clara"]),
            ("group", "IU5-2", ["boris", "clara"]),
            ("lost", "1", ["boris", "clara"]),  # softmax-values: partly right is lost, too
            ("lost", "9", []),  # waits for a teacher
            ("query", "iu5-10", ["anna"]),
        ],
    )
    def test_a_filter_leaves_those_who_fit(
        self, browser: Browser, field: str, value: str, left: list[str]
    ) -> None:
        browser.open(render_cohort(COURSE, ASSIGNMENT, three(), groups=GROUPS, generated_at=NOW))
        browser.ask(
            f"const f = document.getElementById('{field}'); f.value = '{value}';"
            "for (const e of ['input', 'change']) f.dispatchEvent(new Event(e));"
        )
        assert browser.ask(SHOWN) == left
        assert browser.ask("document.getElementById('found').textContent") == f"{len(left)} of 3 shown"

    def test_marks_sort_by_their_points(self, browser: Browser) -> None:
        results = [
            samples.judged(CRITERIA[1], Outcome.PASSED),
            samples.judged(CRITERIA[1], Outcome.PARTIAL, 0.25),
            samples.judged(CRITERIA[1], Outcome.FAILED),
            samples.judged(CRITERIA[1], Outcome.BROKEN),
        ]
        verdicts = [samples.verdict(name, [r]) for name, r in zip("abcd", results, strict=True)]
        verdicts.append(samples.verdict("e", []))
        browser.open(render_cohort(COURSE, ASSIGNMENT, verdicts, generated_at=NOW))
        browser.ask("document.querySelectorAll('#grades th.mark button')[1].click()")
        assert browser.ask(SHOWN) == ["e", "d", "c", "b", "a"]

    def test_keys_alone_sort_and_filter(self, browser: Browser) -> None:
        browser.open(render_cohort(COURSE, ASSIGNMENT, three(), groups=GROUPS, generated_at=NOW))
        browser.ask("document.getElementById('lost').focus()")
        browser.press("Tab", 9)
        assert browser.ask("document.activeElement.id") == "group"
        browser.ask("document.querySelectorAll('#grades th button')[3].focus()")
        browser.press("Enter", 13, "\r")
        assert browser.ask(SHOWN) == ["clara", "boris", "anna"]
        browser.press("Enter", 13, "\r")
        assert browser.ask(SHOWN) == ["anna", "boris", "clara"]

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("make", [everything, pairs_page])
    def test_axe_finds_nothing(self, browser: Browser, make: Callable[[], str], scheme: str) -> None:
        browser.open(make(), scheme=scheme, scripts=True)
        assert violations(browser) == []

    @pytest.mark.parametrize("width", [320, 360, 768])
    @pytest.mark.parametrize("make", [everything, pairs_page])
    def test_no_page_scrolls_sideways(self, browser: Browser, make: Callable[[], str], width: int) -> None:
        browser.open(make(), width=width)
        assert browser.ask("document.documentElement.scrollWidth") <= width

    def test_paper_has_no_fields_to_fill_in(self, browser: Browser) -> None:
        browser.open(everything(), media="print")
        assert browser.ask("document.getElementById('find').checkVisibility()") is False
        assert browser.complaints() == []

    def test_a_mark_is_read_aloud_by_its_words(self, browser: Browser) -> None:
        browser.open(render_cohort(COURSE, ASSIGNMENT, [samples.wrong("boris")], generated_at=NOW))
        tree = browser.say("Accessibility.getFullAXTree")["nodes"]
        names = [n["name"]["value"] for n in tree if n["role"]["value"] in ("cell", "gridcell") and "name" in n]
        assert "partly right, 0.5 of 2" in names and not any("◐" in name for name in names)

    def test_a_thousand_rows_cost_no_more_than_their_number(self, browser: Browser) -> None:
        """By the browser's own clock, against a page of fifty on the same machine: twenty times the rows."""
        verdicts, took = thousand(), {}
        for size in (50, 1000):
            browser.open(render_cohort(COURSE, ASSIGNMENT, verdicts[:size], generated_at=NOW))
            took[size] = browser.ask("performance.getEntriesByType('navigation')[0].domComplete")
        assert took[1000] < 60 * took[50]
