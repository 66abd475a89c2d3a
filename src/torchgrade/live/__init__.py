"""``from torchgrade import check``: the public criteria, asked of the kernel that calls it. The student's side.

The answers are given on the thread that called, by the objects that are there now: what they print appears in the
cell, a breakpoint stops, and the notebook is not run again. Graders run in a process of their own
(``torchgrade.pipeline.live``), which is started by the first check and stays warm. Nothing is sealed, since the
machine is the student's own, and nothing is stored.
"""

from __future__ import annotations

from torchgrade.live.asking import Stopped, check
from torchgrade.live.result import Result

__all__ = ["Result", "Stopped", "check"]
