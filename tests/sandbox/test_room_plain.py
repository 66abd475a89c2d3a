"""The room without walls: the same kernel and the same answers, for a student's own machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from room_tools import LIMITS, alive, notebook, text_of, wait_until

from torchgrade.sandbox.plain import PlainRoom
from torchgrade.sandbox.probes import Questioner
from torchgrade.sandbox.runner import run_notebook
from torchgrade.testing.outcomes import Died


def test_runs_a_notebook_and_answers(monkeypatch):
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        room = PlainRoom.open()
        try:
            cells = (
                "print('hello')\ndef f(x): return x + 1",
                "input()",
                "while True: pass",
                "import os\ndef g(): os._exit(3)",
            )
            run = run_notebook(room, notebook(*cells), replace(LIMITS, cell_seconds=2))
            assert [c.status for c in run.cells] == ["ok", "error", "interrupted", "ok"] and "hello" in text_of(
                run
            )
            assert run.cells[1].error_name == "StdinNotImplementedError"
            questioner = Questioner(room, 20)
            assert questioner.ask(
                "f", "call", {"name": "f"}, {"args": (torch.ones(2),), "kwargs": {}}
            ).tolist() == [2, 2]
            with pytest.raises(Died):
                questioner.ask("g", "call", {"name": "g"}, {"args": (), "kwargs": {}})
        finally:
            room.end()
        assert room.end().code in (3, -9) and os.listdir(folder) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killing_the_harness_ends_the_kernel():
    """A student who closes the terminal must not be left with a Python process that nobody ends."""
    code = (
        "from torchgrade.sandbox.plain import PlainRoom; r = PlainRoom.open()\n"
        "import json; print(json.dumps([r.process.pid, str(r._folder.path)]), flush=True)\n"
    )
    code += "import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as harness:
        assert harness.stdout is not None
        kernel, folder = json.loads(harness.stdout.readline())
        assert alive(kernel) and Path(folder).is_dir()
        harness.send_signal(signal.SIGKILL)
        try:
            assert wait_until(lambda: not alive(kernel) and not Path(folder).exists(), 4)
        finally:
            if alive(kernel) and "torchgrade" in Path(f"/proc/{kernel}/cmdline").read_text():
                os.kill(kernel, signal.SIGKILL)
