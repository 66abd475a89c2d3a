"""Pages in a real Chromium, for every reader: axe-core in both colour schemes, keyboard, narrow screens, paper."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import exhibited
import pytest
import samples
from axe import violations
from chromium import CHROMIUM, Browser, started
from samples import ASSIGNMENT, COURSE, NOW

import hostile
from torchgrade.feedback import render_cohort, render_student
from torchgrade.model import Verdict

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: pages are not opened"),
]
STUDENTS: dict[str, Callable[[], Verdict]] = {
    "every exhibit": exhibited.verdict,
    "wrong": samples.wrong,
    "crashed": samples.crashed,
    "slow": samples.slow,
    "unreadable": samples.unreadable,
    "broken": samples.broken,
    "hostile": hostile.hostile,
}
BOTH = pytest.mark.parametrize("scheme", ["light", "dark"])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("browser")) as found:
        yield found


def page(verdict: Verdict, *, unfolded: bool = True) -> str:
    html = render_student(COURSE, ASSIGNMENT, verdict, generated_at=NOW)
    return re.sub(r"<details(?! open)(?=[ >])([^>]*?)( open)?>", r"<details\1 open>", html) if unfolded else html


# --- axe-core --------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("name", STUDENTS)
def test_axe_finds_nothing_on_a_students_page(browser: Browser, name: str, scheme: str) -> None:
    browser.open(page(STUDENTS[name]()), scheme=scheme, scripts=True)
    assert violations(browser) == []


@BOTH
def test_axe_finds_nothing_on_a_narrow_students_page(browser: Browser, scheme: str) -> None:
    browser.open(page(exhibited.verdict(), unfolded=False), width=360, scheme=scheme, scripts=True)
    assert violations(browser) == []


@BOTH
def test_axe_finds_nothing_on_the_cohorts_page(browser: Browser, scheme: str) -> None:
    verdicts = samples.cohort()
    pages = [f"student-{n}.html" for n, _ in enumerate(verdicts)]
    html = render_cohort(COURSE, ASSIGNMENT, verdicts, pages=pages, generated_at=NOW)
    browser.open(html, scheme=scheme, scripts=True)
    assert violations(browser) == []


@BOTH
def test_axe_would_find_what_is_hard_to_read_or_has_no_words(browser: Browser, scheme: str) -> None:
    html = page(exhibited.verdict()).replace(".quiet { color: var(--quiet)", ".quiet { color: #888")
    browser.open(re.sub(r' alt="[^"]*"', "", html), scheme=scheme, scripts=True)
    rules = {found[0] for found in violations(browser)}
    assert rules >= ({"image-alt", "color-contrast"} if scheme == "light" else {"image-alt"})


# --- colours of drawings, which axe does not judge -------------------------------------------------------------

CONTRAST = """(() => {
  const light = colour => {
    const box = document.createElement("canvas").getContext("2d");
    box.fillStyle = colour; box.fillRect(0, 0, 1, 1);
    const parts = [...box.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255);
    const [r, g, b] = parts.map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = light(getComputedStyle(document.querySelector(".criterion")).backgroundColor);
  return [...document.querySelectorAll(".curves > svg .line, .curves > svg .band, .errors .bar")].map(e => {
    const style = getComputedStyle(e), own = light(style.stroke === "none" ? style.fill : style.stroke);
    return [e.getAttribute("class"), (Math.max(own, ground) + 0.05) / (Math.min(own, ground) + 0.05)];
  });
})()"""


@BOTH
def test_lines_and_bars_stand_out_from_their_ground(browser: Browser, scheme: str) -> None:
    browser.open(page(exhibited.verdict()), scheme=scheme, scripts=True)
    found = browser.ask(CONTRAST)
    assert len(found) >= 5
    assert [each for each in found if each[1] < 3] == []


# --- keyboard --------------------------------------------------------------------------------------------------

WHERE = "document.activeElement.tagName + ' ' + (document.activeElement.className || '')"


def tab(browser: Browser) -> str:
    browser.press("Tab", 9)
    found: str = browser.ask(WHERE)
    return found


def test_the_first_key_leads_past_the_head_to_the_results(browser: Browser) -> None:
    browser.open(page(samples.wrong(), unfolded=False), scripts=True)
    assert tab(browser) == "A skip"
    top = browser.ask("document.activeElement.getBoundingClientRect().top")
    assert top >= 0, "a skip link that has the focus is seen"
    browser.press("Enter", 13, "\r")
    assert browser.ask("document.activeElement.id") == "main"


def test_criteria_fold_and_unfold_by_key_and_the_focus_is_seen(browser: Browser) -> None:
    browser.open(page(exhibited.verdict(), unfolded=False), scripts=True)
    while tab(browser) != "SUMMARY ":
        assert browser.ask("document.activeElement !== document.body")
    box = "document.activeElement.closest('details').open"
    was = browser.ask(box)
    browser.press("Enter", 13, "\r")
    assert browser.ask(box) is not was
    assert browser.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_every_link_summary_and_scrolling_box_is_reached_by_key_in_the_order_of_the_page(browser: Browser) -> None:
    browser.open(page(exhibited.verdict()), scripts=True)
    mark = "[...document.querySelectorAll('a, summary, [tabindex=\"0\"]')].forEach((e, n) => e.dataset.n = n)"
    browser.ask(mark)
    count = browser.ask("document.querySelectorAll('[data-n]').length")
    seen = []
    for _ in range(count):
        tab(browser)
        seen.append(int(browser.ask("document.activeElement.dataset.n")))
    assert seen == list(range(count)) and count > 20


# --- narrow and paper ------------------------------------------------------------------------------------------

WIDER = """[...document.querySelectorAll("main *, header *, footer *")].filter(e =>
  e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, pre, .vh")
).map(e => e.outerHTML.slice(0, 90))"""


@pytest.mark.parametrize("width", [320, 360, 768])
@pytest.mark.parametrize("name", STUDENTS)
def test_no_page_scrolls_sideways(browser: Browser, name: str, width: int) -> None:
    browser.open(page(STUDENTS[name]()), width=width, scripts=True)
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.ask(WIDER) == []


HIDDEN_ON_PAPER = """[...document.querySelectorAll("details")].filter(d =>
  [...d.children].slice(1).some(e => !e.checkVisibility() || e.getBoundingClientRect().height === 0)).length"""


@BOTH
def test_paper_shows_what_is_folded_dark_on_white_without_what_is_for_the_screen(
    browser: Browser, scheme: str
) -> None:
    html = page(exhibited.verdict(), unfolded=False)
    browser.open(html, width=800, scheme=scheme, scripts=True)
    assert browser.ask(HIDDEN_ON_PAPER) > 0, "something is folded on the screen"
    browser.open(html, width=800, scheme=scheme, media="print", scripts=True)
    assert browser.ask(HIDDEN_ON_PAPER) == 0
    assert browser.ask("getComputedStyle(document.querySelector('.skip')).display") == "none"
    ink, paper = (browser.ask(f"getComputedStyle(document.body).{p}") for p in ("color", "backgroundColor"))
    assert ink == "rgb(26, 30, 39)" and paper == "rgb(255, 255, 255)"
    assert browser.printed().startswith(b"%PDF")


def test_a_page_says_nothing_on_the_console(browser: Browser, tmp_path: Path) -> None:
    browser.say("Log.enable")
    browser.open(page(exhibited.verdict()))
    assert browser.ask("1") == 1
    assert browser.complaints() == []


# --- drawings as they lie on the page --------------------------------------------------------------------------

OUTSIDE = """[...document.querySelectorAll("svg[role=img]")].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text, path, rect")].filter(e => {
    const own = e.getBoundingClientRect();
    return own.left < box.left - 1 || own.right > box.right + 1 || own.bottom > box.bottom + 1;
  }).map(e => e.outerHTML.slice(0, 90));
})"""
OVERLAP = """[...document.querySelectorAll("svg[role=img]")].flatMap(svg => {
  const boxes = [...svg.querySelectorAll("text")].map(e => [e.textContent, e.getBoundingClientRect()]);
  return boxes.flatMap(([a, p], n) => boxes.slice(n + 1).filter(([, q]) =>
    p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 3 && q.top < p.bottom - 3
  ).map(([b]) => [a, b]));
})"""


@pytest.mark.parametrize("width", [360, 1000])
def test_drawings_keep_to_their_frame_and_their_words_apart(browser: Browser, width: int) -> None:
    browser.open(page(exhibited.verdict()), width=width, scripts=True)
    assert browser.ask("document.querySelectorAll('svg[role=img] text').length") > 15
    assert browser.ask(OUTSIDE) == []
    assert browser.ask(OVERLAP) == []


def test_pictures_are_shown_whole_and_large_enough_to_be_seen(browser: Browser) -> None:
    browser.open(page(exhibited.verdict()), scripts=True)
    drawn = (
        "[...document.querySelectorAll('.pictures img')].map(i => [i.complete && i.naturalWidth, i.clientWidth])"
    )
    sizes = browser.ask(drawn)
    assert len(sizes) == 28 and all(natural in (5, 28) and shown >= 48 for natural, shown in sizes)
