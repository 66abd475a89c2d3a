"""The command with an examiner that obeys the notebook: the rest of the harness is the real one."""

from __future__ import annotations

from pathlib import Path

PRETENDED = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1] / "grading")!r})
from fake_examiner import FakeExaminer
from torchgrade.gradebook import Gradebook
from torchgrade.grading import warm
warm.start = FakeExaminer
Gradebook.open.__func__.__kwdefaults__["wait_seconds"] = 2.0
from torchgrade.cli import main
main()
"""
