"""The parts of ``torchgrade.check`` that need no kernel: imports, scripts, clock, loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from small_course import add_assignment, write_course

from torchgrade.live import answering
from torchgrade.sandbox import loopback

SCRIPT = """
from torchgrade import check

def helper(x):
    return unknown

def double(x):
    return helper(x)

if __name__ == "__main__":
    check()
    double = lambda x: 2 * x
    check("double")
    print(double(2))
"""


def python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
        env={**os.environ, **environment},
    )
    return done.stdout


def test_importing_torchgrade_brings_nothing_else() -> None:
    said = python(
        "import sys; before = set(sys.modules); import torchgrade; print(sorted(set(sys.modules) - before))"
    )
    assert said in ("['__future__', 'torchgrade']\n", "['torchgrade']\n")  # coverage, say, has the first already


def test_an_unknown_name_is_an_error_as_in_any_module() -> None:
    with pytest.raises(ImportError, match="chekc"):
        exec("from torchgrade import chekc")
    import torchgrade

    assert not hasattr(torchgrade, "chekc")


@pytest.mark.parametrize("graded", ["TORCHGRADE_ROOM", "torchgrade.grading"])
def test_where_a_notebook_is_graded_check_does_nothing(graded: str) -> None:
    """In a room, and in the process of whoever grades, where the course's solution runs."""
    before = f"import {graded}\n" if "." in graded else ""
    code = (
        before
        + "import sys, torchgrade\nfrom torchgrade import check\ncheck('a', course='b'); torchgrade.check()\n"
    )
    said = python(code + "print('torchgrade.live' in sys.modules)", **({} if before else {graded: "1"}))
    assert said == "check() does nothing while this notebook is graded\n" * 2 + "False\n"


def test_a_plain_script_gets_text_over_its_own_globals(tmp_path: Path) -> None:
    root = add_assignment(write_course(tmp_path), hidden="")
    (root / "work.py").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "work.py"], cwd=root, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.stderr == ""
    assert "`double` raised NameError: name 'unknown' is not defined, in the line `return unknown`" in done.stdout
    assert done.stdout.count("About double") == 2
    assert "✓ passed" in done.stdout
    assert done.stdout.endswith("\n4\n")


def test_a_process_of_graders_that_cannot_start_is_told(tmp_path: Path) -> None:
    code = (
        "import sys; from torchgrade.live import check\n"
        f"sys.executable = {sys.executable!r}\nimport torchgrade.live.examiner as live\n"
        "real = live._environment\n"
        "live._environment = lambda: {**real(), 'PYTHONHOME': '/nonexistent'}\ncheck('a')\n"
    )
    assert "! check() could not be done: the process of the graders ended (" in python(code)


# --- the clock ---------------------------------------------------------------------------------------------


def test_the_clock_ends_a_sleep_and_says_so() -> None:
    clock = answering.Clock(0.1)
    with pytest.raises(KeyboardInterrupt):
        try:
            clock.start()
            time.sleep(20)
        finally:
            clock.stop()
    assert clock.struck


def test_code_that_swallows_the_interrupt_is_interrupted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "_AGAIN_SECONDS", 0.1)
    clock = answering.Clock(0.1)
    with pytest.raises(KeyboardInterrupt):
        try:
            clock.start()
            try:
                time.sleep(20)
            except KeyboardInterrupt:
                time.sleep(20)
        finally:
            clock.stop()


def test_a_clock_that_was_stopped_in_time_never_strikes() -> None:
    clock = answering.Clock(0.05)
    clock.start()
    clock.stop()
    time.sleep(0.2)
    assert not clock.struck


def test_where_another_thread_asks_nothing_is_interrupted() -> None:
    clocks = [answering.Clock(0.05)]

    def ask() -> None:
        clocks[0].start()
        time.sleep(0.2)
        clocks[0].stop()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert not clocks[0].struck


# --- loopback ----------------------------------------------------------------------------------------------


def called_with(shown: bytes) -> socket.socket | None:
    """What ``accept`` makes of a caller that shows these bytes."""

    class Living:
        def poll(self) -> None: ...

    process: Any = Living()
    with loopback.listen() as listener, socket.create_connection(listener.getsockname()) as caller:
        caller.sendall(shown)
        caller.shutdown(socket.SHUT_WR)
        return loopback.accept(listener, "the key", process, 1.0)


def test_only_who_shows_the_key_is_let_in() -> None:
    stream = called_with(b"the key".ljust(64))
    assert stream is not None
    stream.close()
    assert called_with(b"another key".ljust(64)) is None
    assert called_with(b"the key") is None
