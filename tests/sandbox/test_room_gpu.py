"""A room on a real GPU: it sees it, computes, keeps to its share, and its memory is free when it has ended."""

from __future__ import annotations

import subprocess
import sys

import pytest
from room_tools import LIMITS, inside, wait_until

from torchgrade.sandbox.policy import FULL
from torchgrade.sandbox.room import make_request

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(sys.platform != "linux", reason="rooms are sealed on Linux alone"),
]

LARGE = """
import torch
kept = []
try:
    while True:
        kept.append(torch.zeros(64 << 20, dtype=torch.uint8, device="cuda"))
except torch.OutOfMemoryError:
    pass
total = torch.cuda.get_device_properties(0).total_memory
result = [torch.cuda.memory_allocated() / total, total >> 20]
"""


@pytest.fixture(scope="module", autouse=True)
def gpu():
    """Asked of the driver: this process must not hold a GPU itself."""
    if not _smi("--query-gpu=name", "--format=csv,noheader"):
        pytest.skip("there is no NVIDIA GPU here")


def _smi(*question: str) -> str:
    try:
        return subprocess.run(
            ["nvidia-smi", *question], capture_output=True, text=True, timeout=30, check=False
        ).stdout.strip()
    except OSError:
        return ""


def used_mb() -> int:
    return int(_smi("--query-gpu=memory.used", "--format=csv,noheader,nounits").splitlines()[0])


def room_with(zygote, **wanted):
    return zygote.open(make_request(FULL, LIMITS, wall_seconds=120, gpu=True, **wanted))


def test_a_room_sees_the_gpu_and_computes(zygote):
    with inside(zygote, room=room_with(zygote)) as room:
        assert room.gets("import torch; result = torch.cuda.is_available()") is True
        assert (
            room.gets(
                "x = torch.ones(8, 8, device='cuda'); result = float((x @ x).sum())".replace(
                    "x =", "import torch; x =", 1
                )
            )
            == 512.0
        )


def test_a_room_without_the_gpu_does_not_see_it(zygote):
    with inside(zygote) as room:
        assert room.gets("import torch; result = torch.cuda.is_available()") is False


def test_the_share_is_kept(zygote):
    with inside(zygote, room=room_with(zygote, gpu_fraction=0.1)) as room:
        share, _ = room.gets(LARGE)
        assert 0.05 < share <= 0.1


def test_the_memory_is_free_when_the_room_has_ended(zygote):
    before = used_mb()
    with inside(zygote, room=room_with(zygote, gpu_fraction=0.2)) as room:
        room.gets("import torch, builtins; builtins.kept = torch.zeros(1 << 30, dtype=torch.uint8, device='cuda')")
        assert used_mb() >= before + 1000
    assert wait_until(lambda: used_mb() <= before + 16, 10)


def test_a_room_that_undoes_its_share_is_ended_from_outside(zygote):
    """Skipped where the driver does not say which process holds what, as in some containers."""
    undo = "import torch\nfor d in range(torch.cuda.device_count()):\n"
    undo += "    torch.cuda.set_per_process_memory_fraction(1.0, d)\n"
    undo += "kept = torch.zeros(3 << 30, dtype=torch.uint8, device='cuda')\nimport time; time.sleep(15)"
    room = room_with(zygote, gpu_fraction=0.01, gpu_memory_mb=2048)
    with inside(zygote, room=room) as inner:
        try:
            inner.tries(undo)
        except Exception as error:
            assert "ended" in str(error)
    if room.end().why != "gpu memory" and not _smi("--query-compute-apps=pid", "--format=csv,noheader"):
        pytest.skip("the driver names no processes here")
    assert room.end().why == "gpu memory"
