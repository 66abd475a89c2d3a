"""The pages in a real browser: our script works, a student's does not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import samples
from samples import ASSIGNMENT, COURSE, NOW

import hostile
from torchgrade.feedback import render_cohort, render_student

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: pages are not opened"),
]
_FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-extensions"""
FLAGS = _FLAGS.split()

# What a student would put into the page if some escaping were forgotten.
INJECTED = (
    "<script>document.documentElement.setAttribute('data-hit', 'script')</script>"
    "<img src=x onerror=\"document.documentElement.setAttribute('data-hit', 'onerror')\">"
    "<svg onload=\"document.documentElement.setAttribute('data-hit', 'svg')\"></svg>"
)


def opened(html: str, tmp_path: Path, *more: str) -> str:
    """The page's DOM after its scripts have run. No network: every name resolves to nothing."""
    assert CHROMIUM is not None
    page = tmp_path / "page.html"
    page.write_text(html, encoding="utf-8")
    profile = tmp_path / "profile"
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom",
         *more, page.as_uri()],
        env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    assert "<html" in done.stdout
    return done.stdout


def test_a_hostile_notebook_runs_nothing_in_the_readers_browser(tmp_path: Path) -> None:
    dom = opened(render_student(COURSE, ASSIGNMENT, hostile.hostile(), generated_at=NOW), tmp_path)
    title = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)
    assert title is not None and title[1].endswith("· Softmax from raw tensors")
    assert hostile.MARK in title[1], "the attack is there, as text"
    assert not re.search(r"<(script|iframe|link|base|img)\b", dom)


def test_a_hostile_cohort_runs_our_script_alone(tmp_path: Path) -> None:
    verdicts = [hostile.hostile(attack) for attack in hostile.ATTACKS]
    dom = opened(render_cohort(COURSE, ASSIGNMENT, verdicts, generated_at=NOW), tmp_path)
    assert "<title>Softmax from raw tensors · cohort</title>" in dom
    assert len(re.findall(r"<script\b", dom)) == 1 and not re.search(r"<(iframe|link|base|img)\b", dom)


def test_the_policy_stops_what_escaping_would_have_missed(tmp_path: Path) -> None:
    html = render_student(COURSE, ASSIGNMENT, samples.right(), generated_at=NOW).replace(
        "</main>", INJECTED + "</main>"
    )
    assert "data-hit" not in opened(html, tmp_path).split("<head>")[0]
    unguarded = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
    assert "data-hit" in opened(unguarded, tmp_path).split("<head>")[0], "this test can fail"


def test_columns_sort_and_the_search_field_appears(tmp_path: Path) -> None:
    verdicts = [samples.right("anna"), samples.wrong("boris"), samples.crashed("clara")]
    html = render_cohort(COURSE, ASSIGNMENT, verdicts, generated_at=NOW)
    assert "<button" not in html and 'id="find" hidden' in html, "without a script the table is plain and whole"
    dom = opened(html, tmp_path)
    heads = re.findall(r"<th [^>]*data-sort[^>]*>", dom)
    assert len(heads) == 7 + len(ASSIGNMENT.criteria) == dom.count("<button")
    assert 'aria-sort="ascending"' in heads[0] and not re.search(r'id="find"[^>]*hidden', dom)


def test_a_click_sorts_by_points_and_typing_finds(tmp_path: Path) -> None:
    verdicts = [samples.right("anna"), samples.wrong("boris"), samples.crashed("clara")]
    html = render_cohort(COURSE, ASSIGNMENT, verdicts, generated_at=NOW)
    acts = (
        "<script>const h = document.querySelectorAll('#grades th button'); h[2].click();"
        "const q = document.getElementById('query'); q.value = 'BO';"
        "q.dispatchEvent(new Event('input'));</script></body>"
    )
    free = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html).replace("</body>", acts)
    dom = opened(free, tmp_path)
    table = dom[dom.index('id="grades"') :]
    assert re.findall(r"<bdi>(\w+)</bdi>", table) == ["boris", "clara", "anna"]
    assert 'aria-sort="ascending"' in re.findall(r"<th [^>]*data-sort[^>]*>", table)[2]
    assert "1 of 3 shown" in dom and len(re.findall(r"<tr hidden", table)) == 2
