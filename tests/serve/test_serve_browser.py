"""The server as a teacher has it: started by the command, in a real Chromium, by keyboard, on a narrow screen."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import chromium
import pytest
from axe import script, violations
from chromium import CHROMIUM, Browser
from serving import COURSE, make_verdict, record

from torchgrade.gradebook import Decisions, Gradebook

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_spec("starlette") is None, reason="pip install 'torchgrade[serve]'"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: pages are not opened"),
]


class Window(Browser):
    """A window that visits addresses."""

    def visit(self, url: str, *, width: int = 1200, scheme: str = "light") -> None:
        """Open an address."""
        self.say("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.say("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._events.clear()
        self.say("Page.navigate", url=url)
        self.loaded()

    def loaded(self) -> None:
        """Wait for the page that is on its way."""
        while "Page.loadEventFired" not in self._events:
            self._receive()

    def submit(self, button: str) -> None:
        """Press a button by its words, and wait for the page that follows."""
        self._events.clear()
        self.ask(f"[...document.querySelectorAll('button')].find(b => b.textContent === {button!r}).click()")
        self.loaded()

    def type(self, field: str, text: str) -> None:
        """Type into the field of this id, as a keyboard would."""
        self.ask(f"document.getElementById({field!r}).closest('details')?.setAttribute('open', '')")
        self.ask(f"document.getElementById({field!r}).focus(); document.getElementById({field!r}).select()")
        self.say("Input.insertText", text=text)

    def text(self) -> str:
        """What the page says."""
        return str(self.ask("document.body.innerText"))


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    """A window that reaches this machine alone."""
    folder = tmp_path_factory.mktemp("window")
    (theirs_in, orders), (answers, theirs_out) = os.pipe(), os.pipe()
    rules = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
    flags = [*chromium._FLAGS.split(), f"--user-data-dir={folder / 'profile'}", rules]
    process = subprocess.Popen(
        [sys.executable, "-c", chromium._LAUNCH, str(theirs_in), str(theirs_out), str(CHROMIUM), *flags],
        pass_fds=(theirs_in, theirs_out), env={**os.environ, "HOME": str(folder)}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Window(orders, answers, folder)
    finally:
        os.close(orders)
        os.close(answers)
        process.terminate()
        process.wait(30)


@contextmanager
def running(root: Path, folder: Path, *more: str) -> Iterator[str]:
    """``torchgrade serve`` over the gradebook in ``folder``; the address that it prints. It must end well."""
    command = [sys.executable, "-m", "torchgrade", "serve", "--out", str(folder), "--as", "eva", *more]
    process = subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        yield line
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", ""), "one line, and a quiet end"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the gradebook lies."""
    with Gradebook.open(tmp_path / "gradebook.sqlite") as book:
        record(book, make_verdict("anna"), make_verdict("boris"))
    return tmp_path


def test_a_teacher_grades_releases_and_the_student_reads_it(root: Path, folder: Path, window: Window) -> None:
    with running(root, folder) as address:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{40,}", address)
        window.visit(address)
        assert window.ask("location.search") == "" and "About double" in window.text()
        window.visit(window.ask("document.querySelector('.cards a').href"))
        assert "Nothing waits" not in window.text()
        window.visit(window.ask("document.querySelector('.names a').href"))
        assert "attempt 1" in window.text() and "anna" in window.text()

        window.type("points-2", "2,5")
        window.type("comment-2", "Say <b>why</b>, too.")
        window.type("points-0", "1")
        window.submit("Save")  # without a reason
        assert "Nothing was saved" in window.text() and "Say why" in window.text()
        assert window.ask("document.getElementById('comment-2').value") == "Say <b>why</b>, too."
        window.type("reason-0", "A typo in the handout.")
        window.type("points-3", "1")
        window.type("comment-whole", "Thank you.")
        window.submit("Save")
        assert "Saved." in window.text() and "with yours: 4.5 of 6 + 1" in window.text()
        assert "grader: 1 of 3" in window.text(), "the machine's verdict is still told"
        assert not list(folder.rglob("anna.html")), "nothing is published before release"

        window.submit("Release to the student")
        assert "Released." in window.text()
    page = folder / "released" / "double" / "anna.html"
    assert not (page.parent / "boris.html").exists()
    window.open(page.read_text(encoding="utf-8"))
    told = window.text()
    assert "4.5 of 6 points" in told and "Say <b>why</b>, too." in told and "Thank you." in told
    assert "A typo in the handout." in window.ask("document.body.textContent")
    with Gradebook.open(folder / "gradebook.sqlite") as book:
        log = Decisions(book, COURSE).log()
    assert sorted((e.who, e.action, e.criterion) for e in log) == [
        ("eva", "award", "extra"), ("eva", "award", "words"), ("eva", "comment", ""),
        ("eva", "override", "doubles"), ("eva", "release", ""),
    ]  # fmt: skip


def test_the_table_grows_while_a_cohort_is_graded(root: Path, folder: Path, window: Window) -> None:
    with running(root, folder) as address:
        window.visit(address)
        window.visit(window.ask("document.querySelector('.cards a').href"))
        window.ask("document.querySelector('.names a').focus()")
        with Gradebook.open(folder / "gradebook.sqlite") as book:
            record(book, make_verdict("carl"), ended=False)
        end = time.monotonic() + 30
        while "carl" not in window.text() and time.monotonic() < end:
            time.sleep(0.2)
        assert "3 submissions graded" in window.text()
        assert window.ask("document.activeElement.textContent") == "anna", "the focus stays where it was"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_axe_finds_nothing_and_nothing_is_cut_off(
    root: Path, folder: Path, window: Window, width: int, scheme: str
) -> None:
    script()
    with running(root, folder) as address:
        window.visit(address, width=width, scheme=scheme)
        start = window.ask("location.origin")
        work = _first_work(window, f"{start}/assignment/double")
        for path in ("/", "/assignment/double", "/log", work, "/nothing"):
            window.say("Page.setBypassCSP", enabled=True)
            window.visit(f"{start}{path}", width=width, scheme=scheme)
            window.ask("document.querySelectorAll('details').forEach(d => { d.open = true })")
            assert violations(window) == [], path
            assert window.ask("document.documentElement.scrollWidth <= innerWidth"), path
        window.say("Page.setBypassCSP", enabled=False)


def test_all_of_the_form_is_reached_by_tab_and_labelled(root: Path, folder: Path, window: Window) -> None:
    with running(root, folder) as address:
        window.visit(address)
        start = window.ask("location.origin")
        window.visit(f"{start}{_first_work(window, f'{start}/assignment/double')}")
        window.ask("document.getElementById('main').focus()")
        reached: list[str] = []
        for _ in range(40):
            window.press("Tab", 9)
            reached.append(window.ask("document.activeElement.id || document.activeElement.textContent"))
            assert window.ask("getComputedStyle(document.activeElement).outlineStyle") != "none"
            if reached[-1] == "Release to the student":
                break
        assert {"points-2", "comment-2", "comment-whole", "Save", "Save, then the next that waits"} <= set(reached)
        assert reached[-1] == "Release to the student"
        unlabelled = "input:not([type=hidden]), textarea"
        assert window.ask(f"[...document.querySelectorAll('{unlabelled}')].every(f => f.labels.length === 1)")


def test_the_browser_refuses_what_escaping_would_have_missed(root: Path, folder: Path, window: Window) -> None:
    with running(root, folder) as address:
        window.visit(address)
        start = window.ask("location.origin")
        work = _first_work(window, f"{start}/assignment/double")
        window.visit(f"{start}{work}")
        window.ask(
            "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title = 1\">');"
            "const s = document.createElement('script'); s.textContent = 'document.title = 2';"
            "document.body.append(s)"
        )
        time.sleep(0.3)
        assert window.ask("document.title") not in ("1", "2")
        inner = "document.querySelector('iframe').contentDocument"
        assert window.ask(inner) is None, "the student's page is another origin"


def _first_work(window: Window, table: str) -> str:
    window.visit(table)
    found: Any = window.ask("new URL(document.querySelector('.names a').href).pathname")
    return str(found)
