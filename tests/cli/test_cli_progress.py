"""What a teacher sees while a cohort is graded."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import replace

from rich.console import Console

from torchgrade.cli.progress import LiveProgress, Tally, live_bar
from torchgrade.model import Status, Verdict

GOOD = Verdict("anna", "softmax", Status.GRADED, 10.0, 10.0, 0.0, ())
POOR = replace(GOOD, student="boris", points=1.5)
STUCK = replace(GOOD, student="vera", status=Status.LIMIT, points=4.0, reason="cell 3 ran longer than 60 s")
LOST = replace(GOOD, student="zoe", status=Status.UNREADABLE, points=0.0, reason="nothing was handed in")


def test_the_tally_names_the_fewest_points_of_what_could_be_read() -> None:
    tally = Tally()
    assert str(tally) == ""
    for verdict in (GOOD, POOR, STUCK, LOST):
        tally.add(verdict)
    assert str(tally) == "2 graded, 1 limit, 1 unreadable, fewest points: 1.5 (boris)"


def test_a_name_does_not_steer_the_terminal() -> None:
    tally = Tally()
    tally.add(replace(POOR, student="b\x1b[31m\nx"))
    assert str(tally) == "1 graded, fewest points: 1.5 (b·[31m x)"


def test_grading_goes_on_where_nobody_reads_what_it_says() -> None:
    """`grade … | head` must not leave half of a cohort ungraded."""
    words = (
        "import sys; from torchgrade.cli import progress; from torchgrade.model import Verdict\n"
        "from torchgrade.model import Assignment, Status\n"
        "with progress.live_progress(Assignment('a', 'A', (), ())) as heard:\n"
        "    for n in range(3000):\n"
        "        heard.finished(Verdict(f'student{n}', 'a', Status.GRADED, 1.0, 1.0, 0.0, ()))\n"
        "print('the end'); print('all told', file=sys.stderr)\n"
    )
    first = f"{shlex.quote(sys.executable)} -c {shlex.quote(words)}"
    script = f"{{ {first}; echo $? >&2; }} | head -1"
    found = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout == "[1/0] student0: 1 of 1 (0.0 s)\n"
    assert found.stderr == "all told\n0\n"


def test_a_terminal_shows_who_is_examined_and_what_was_not_simply_graded() -> None:
    console = Console(force_terminal=True, width=160, record=True, color_system=None)
    with live_bar(console) as bar:
        progress = LiveProgress(bar, "Softmax [by hand]")
        progress.planned(4, 1)
        progress.started("boris")
        progress.started("vera")
        progress.finished(POOR)
        progress.finished(STUCK)
        progress.started("zoe")
        bar.refresh()
    text = console.export_text()
    assert "Softmax [by hand]" in text and "3/4" in text
    assert "vera: 4 of 10 (0.0 s)  limit: cell 3 ran longer than 60 s" in text
    assert "1 graded, 1 limit, fewest points: 1.5 (boris); now zoe" in text
