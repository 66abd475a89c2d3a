"""A check as a cell's output: the report's sentences, nothing alive, readable on a light page and a dark one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import samples
from samples import ASSIGNMENT
from strict import Page
from test_feedback_browser import CHROMIUM, opened

import hostile
from torchgrade.feedback.inline import render_inline
from torchgrade.feedback.rubric import criteria_views
from torchgrade.feedback.terminal import as_text
from torchgrade.feedback.told import tell
from torchgrade.feedback.words import OUTCOMES
from torchgrade.model import Evidence, Outcome, Verdict


def html_of(verdict: Verdict) -> str:
    return render_inline(tell(ASSIGNMENT, verdict, later=2, live=True, language="en"))


def text_of(verdict: Verdict) -> str:
    return as_text(tell(ASSIGNMENT, verdict, later=2, live=True))


@pytest.mark.parametrize("outcome", Outcome)
def test_each_outcome_has_the_reports_word_beside_a_sign(outcome: Outcome) -> None:
    verdict = samples.verdict("anna", samples.all_with(outcome))
    word = OUTCOMES[outcome].text
    for shown in (Page(html_of(verdict)).text, text_of(verdict)):
        assert re.search(rf"[✓◐✗–…!] {re.escape(word)}", shown)


def test_messages_and_hints_are_the_reports() -> None:
    verdict = samples.wrong()
    page, text = Page(html_of(verdict)).text, " ".join(text_of(verdict).split())
    for result, view in zip(verdict.criteria, criteria_views(verdict.criteria, everything=False), strict=True):
        if result.outcome is not Outcome.PASSED:
            assert view.message.striptags() in " ".join(page.split())
            assert " ".join(result.message.split()) in text
            assert result.hint in text
    assert "2 more run when it is graded" in text


def test_a_hostile_verdict_stays_text() -> None:
    html = html_of(hostile.hostile())
    page = Page(html)
    assert hostile.MARK in page.text
    allowed = {"style", "role", "aria-label", "lang", "scope"}
    assert {name for _, attributes in page.elements for name in attributes} <= allowed
    assert not {tag for tag, _ in page.elements} & {"script", "style", "link", "a", "img", "svg"}
    assert "TEACHER-ONLY" not in html


def test_exhibits_are_shown_and_a_picture_that_is_none_is_not() -> None:
    rows = (("a seven", "taken for 1"), ("a two", ""))
    pictures = Evidence(
        "mistaken", (2,), "", rows, kind="images", drawn=(samples.png(), '"><script>'), note="Some."
    )
    trace = Evidence("Traceback", (1,), "", (("  in f",),), kind="trace")
    table = Evidence("layers", (1,), "", (("name", "numbers"), ("fc", "10")), kind="layers")
    (result, *_) = samples.all_with(Outcome.FAILED, evidence=(pictures, trace, table))
    verdict = samples.verdict("anna", [result])
    page = Page(html_of(verdict))
    assert [a["src"][:30] for tag, a in page.elements if tag == "img"] == ["data:image/png;base64,iVBORw0K"]
    for words in ("taken for 1", "Some.", "in f", "numbers"):
        assert words in page.text
        assert (words in text_of(verdict)) == (words in ("in f", "numbers"))  # a terminal shows no pictures


@pytest.mark.parametrize("frames", [1, 2])
def test_a_terminal_shows_a_traceback_where_it_says_more_than_the_message(frames: int) -> None:
    rows = (*((f'  File "a.py", line {n}, in f',) for n in range(frames)), ("ValueError: no",))
    trace = Evidence("Traceback", (len(rows),), "", rows, kind="trace")
    (result, *_) = samples.all_with(Outcome.ERRORED, message="`f` raised ValueError: no", evidence=(trace,))
    assert ("Traceback" in text_of(samples.verdict("anna", [result]))) == (frames > 1)


def test_a_wide_array_on_a_terminal_loses_whole_numbers_and_says_so() -> None:
    row = tuple(f"{n}.2345678" for n in range(10))
    wide = Evidence("came back", (2, 10), "float32", (row, row))
    (result, *_) = samples.all_with(Outcome.FAILED, evidence=(wide,))
    text = as_text(tell(ASSIGNMENT, samples.verdict("anna", [result]), later=0), width=60)
    lines = [line.split() for line in text.splitlines() if "1.2345678" in line]
    assert lines == [[*row[:5], "…"]] * 2
    assert max(map(len, text.splitlines())) <= 60


# --- in a browser ------------------------------------------------------------------------------------------

# WCAG contrast of every piece of text with the ground that it stands on.
CONTRASTS = """
<script>
const numbers = c => c.match(/[\\d.]+/g).map(Number);
const light = c => { const [r, g, b] = numbers(c).map(v => v / 255).map(
  v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
  if (numbers(c)[3] !== 0) return c; } return 'rgb(255, 255, 255)'; };
document.querySelectorAll('details').forEach(d => d.open = true);
const walker = document.createTreeWalker(document.getElementById('output'), NodeFilter.SHOW_TEXT);
let worst = 99, said = '';
while (walker.nextNode()) { const text = walker.currentNode.textContent.trim(); if (!text) continue;
  const e = walker.currentNode.parentElement, a = light(getComputedStyle(e).color), b = light(ground(e));
  const found = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (found < worst) { worst = found; said = text; } }
const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
document.getElementById('found').textContent = JSON.stringify({worst, said, wide});
</script>"""
#: The grounds and colours of JupyterLab and VS Code, and the rows of tables that JupyterLab colours.
PAGES = {
    "jupyterlab light": ("#fff", "rgb(33, 33, 33)", "#f5f5f5"),
    "jupyterlab dark": ("#111", "rgb(222, 222, 222)", "#424242"),
    "vs code dark": ("#1e1e1e", "rgb(204, 204, 204)", "#1e1e1e"),
}


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: pages are not opened")
@pytest.mark.parametrize("host", PAGES)
def test_it_can_be_read_on_light_and_dark_pages_and_does_not_widen_them(host: str, tmp_path: Path) -> None:
    ground, ink, row = PAGES[host]
    results = [r for o in Outcome for r in samples.all_with(o)] + list(samples.wrong().criteria)
    inside = html_of(samples.verdict("anna", results))
    style = f"body{{background:{ground};color:{ink}}} #output tr:nth-child(odd){{background:{row}}}"
    page = f"<!doctype html><meta charset=utf-8><style>{style}</style><body><div id=output>{inside}</div>"
    dom = opened(f"<html>{page}<p id=found></p>{CONTRASTS}", tmp_path, "--window-size=500,800")
    found = json.loads(re.search(r'<p id="found">(.*?)</p>', dom)[1])  # type: ignore[index]
    assert found["worst"] >= 4.5, found
    assert not found["wide"]
