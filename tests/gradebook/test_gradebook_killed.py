"""kill -9 at any moment: what was reported as recorded is there, and once."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from torchgrade.gradebook import Gradebook

RECORDER = """
import sys
from itertools import count
sys.path.insert(0, sys.argv[2])
from conftest import make_verdict
from torchgrade.gradebook import Gradebook
print("begun", flush=True)
book = Gradebook.open(sys.argv[1])
run = book.start_run("softmax", {})
done = book.finished("softmax", [f"k{n}" for n in range(10_000)])
for n in count():
    if f"k{n}" not in done:
        student = f"student-{n}"
        (number,) = book.attempt_numbers("softmax", [(student, f"digest-{n}")])
        book.record(make_verdict(student, attempt=number, notebook={"cells": ["x" * 5000]}), f"k{n}", run)
        print(f"k{n}", flush=True)
"""


def test_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    path, draw, reported = tmp_path / "grades.db", random.Random(20260901), []
    for round_ in range(10):
        # The first rounds fall into the making of the file, the later ones into the recording, however slow.
        lines = 0 if round_ < 3 else draw.randint(1, 60)
        reported += _record_and_kill(path, lines, draw.uniform(0.0, 0.1 if round_ < 3 else 0.005))
    with Gradebook.open(path) as book:
        found = book.finished("softmax", reported)
        every = [one.student for run in book.runs() for one in book.verdicts(run.id)]
    assert len(reported) > 20
    assert sorted(found) == sorted(set(reported)) == sorted(reported)
    assert len(every) == len(set(every)) <= len(reported) + 10
    assert all(one.attempt == 1 and one.notebook == {"cells": ["x" * 5000]} for one in found.values())
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert plain.execute("PRAGMA foreign_key_check").fetchall() == []
        assert plain.execute("SELECT count(*) FROM criterion_result").fetchone()[0] == 2 * len(every)


def _record_and_kill(path: Path, lines: int, after: float) -> list[str]:
    """The keys that a recorder reported until it was killed, ``after`` seconds from its ``lines``-th report."""
    command = [sys.executable, "-c", RECORDER, str(path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as recorder:
        assert recorder.stdout is not None
        assert recorder.stdout.readline() == "begun\n"
        seen = [recorder.stdout.readline() for _ in range(lines)]
        time.sleep(after)
        assert recorder.poll() is None, "the recorder ended by itself"
        recorder.send_signal(signal.SIGKILL)
        text = "".join(seen) + recorder.stdout.read()
    return text.rpartition("\n")[0].split()  # a line cut in its middle reports nothing
