"""What the driver says about GPU memory, and what a warden makes of it; with an `nvidia-smi` of ours."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from room_tools import LIMITS, inside, run_cells, wait_until

from torchgrade.sandbox import gpu
from torchgrade.sandbox.policy import FULL
from torchgrade.sandbox.room import make_request

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="rooms are sealed on Linux alone")


@pytest.mark.parametrize(
    ("table", "used"),
    [
        ("", 0),
        ("17, 300\n", 300),
        ("17, 300\n17, 200\n99, 5000\n18, 1\n", 501),  # two GPUs; another room's process
        ("17, [N/A]\n18, 7\n", 7),
        ("17\n, 5\n17,\nNo devices were found\n17, -4\n17, 3.5\n", 0),
        ("171, 300\n", 0),
    ],
)
def test_the_table_is_read(table, used):
    assert gpu.used_mb(table, {"17", "18"}) == used


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A folder whose `nvidia-smi` says that every process on this machine holds what the file `used` says."""
    script = tmp_path / "nvidia-smi"
    script.write_text(
        "#!/bin/sh\n"
        f'used=$(cat {tmp_path}/used 2>/dev/null) || exit 9\necho "$@" >> {tmp_path}/asked\n'
        'for p in /proc/[0-9]*; do echo "${p#/proc/}, $used"; done\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def test_a_request_names_the_program_and_the_gpus_that_it_was_given(driver, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    request = make_request(FULL, LIMITS, wall_seconds=5, gpu=True, gpu_fraction=0.5, gpu_memory_mb=100)
    assert request.nvidia_smi == str(driver / "nvidia-smi") and request.environment["CUDA_VISIBLE_DEVICES"] == "3"
    plain = make_request(FULL, LIMITS, wall_seconds=5)
    assert plain.nvidia_smi == "" and "CUDA_VISIBLE_DEVICES" not in plain.environment
    assert (plain.gpu_fraction, plain.gpu_memory_mb) == (1.0, 0)


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.01, float("nan")])
def test_a_share_is_a_share(fraction):
    with pytest.raises(ValueError, match="between 0 and 1"):
        make_request(FULL, LIMITS, wall_seconds=5, gpu_fraction=fraction)


def test_a_room_that_holds_too_much_gpu_memory_is_ended(zygote, driver):
    (driver / "used").write_text("10")
    room = zygote.open(make_request(FULL, LIMITS, wall_seconds=60, gpu=True, gpu_memory_mb=1000))
    with inside(zygote, room=room):
        assert wait_until((driver / "asked").exists, 5)
        assert room.poll() is None
        (driver / "used").write_text("1001")
        assert wait_until(lambda: room.poll() is not None, 8)
    ended = room.end()
    assert ended.why == "gpu memory" and ended.out_of_memory
    time.sleep(0.1)
    asked = (driver / "asked").read_text()
    assert asked.splitlines()[0] == "--query-compute-apps=pid,used_memory --format=csv,noheader,nounits"


@pytest.mark.parametrize("switch", ["no limit", "no watchdog", "a broken driver"])
def test_without_a_limit_a_watchdog_or_a_driver_nobody_ends_it(zygote, driver, switch):
    if switch != "a broken driver":
        (driver / "used").write_text("9000")
    policy = replace(FULL, watchdog=switch != "no watchdog")
    limit = 0 if switch == "no limit" else 1000
    room = zygote.open(make_request(policy, LIMITS, wall_seconds=60, gpu=True, gpu_memory_mb=limit))
    with inside(zygote, room=room):
        time.sleep(1.5)
        assert room.poll() is None
    assert room.end().why == "asked"
    assert switch == "a broken driver" or not (driver / "asked").exists()


def test_the_watch_ends_with_the_room(zygote, driver):
    (driver / "used").write_text("1")
    before = {p for p in os.listdir("/proc") if p.isdigit()}
    room = zygote.open(make_request(FULL, LIMITS, wall_seconds=60, gpu=True, gpu_memory_mb=1000))
    assert wait_until((driver / "asked").exists, 5)
    room.end()

    def left() -> list[str]:
        new = {p for p in os.listdir("/proc") if p.isdigit()} - before
        return [p for p in new if _is_ours(p, zygote.process.pid)]

    assert wait_until(lambda: not left(), 3), left()


def _is_ours(pid: str, zygote: int) -> bool:
    """Whether a process was forked from the zygote."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() == Path(f"/proc/{zygote}/cmdline").read_bytes()
    except OSError:
        return False


def test_the_share_waits_until_a_gpu_is_touched(zygote):
    """Nothing is initialised for it, and it stands before any code of the student's."""
    seen = (
        "import torch\nprint(torch.cuda.is_initialized(), [c[0].__name__ for c in torch.cuda._queued_calls][-1])"
    )
    room = zygote.open(make_request(FULL, LIMITS, wall_seconds=60, gpu=True, gpu_fraction=0.25))
    with inside(zygote, seen, room=room) as told:
        assert told.run.notebook["cells"][1]["outputs"][0]["text"].strip() == "False bound"
    run = run_cells(zygote, seen.replace("bound", ""))
    assert "bound" not in run.notebook["cells"][0]["outputs"][0]["text"]
