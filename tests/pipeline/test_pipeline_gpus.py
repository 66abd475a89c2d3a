"""GPUs as nvidia-smi tells them, what keeps them from being used, and shares of them."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from torchgrade.pipeline import gpus
from torchgrade.pipeline.gpus import Gpu, Slot, Slots

SAID = """\
0, GPU-5d1c0c66-0000, NVIDIA H100 80GB HBM3, 81559, 570.86.15
1, GPU-77aa0c66-0000, NVIDIA H100 80GB HBM3, 81559, 570.86.15
WARNING: infoROM is corrupted at gpu 0000:1B:00.0
2, GPU-e0000000-0000, Orin, [N/A], 540.4.0
"""


@pytest.fixture
def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Gpu]:
    """What a pretended nvidia-smi on the PATH tells."""
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{SAID}END\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return gpus.find_gpus()


def test_the_gpus_are_those_that_the_driver_tells(three: list[Gpu]) -> None:
    assert [(g.index, g.name, g.memory_mb) for g in three] == [
        (0, "NVIDIA H100 80GB HBM3", 81559), (1, "NVIDIA H100 80GB HBM3", 81559), (2, "Orin", 0),
    ]  # fmt: skip
    assert three[0].id == "GPU-5d1c0c66-0000" and three[0].driver == "570.86.15"


@pytest.mark.parametrize(
    ("setting", "there"),
    [("1", [1]), ("2,0", [2, 0]), ("GPU-77", [1]), ("", []), ("0,7,1", [0]), ("-1", []), (" 0 , 1 ", [0, 1])],
)
def test_cuda_visible_devices_is_read_as_cuda_reads_it(three: list[Gpu], setting: str, there: list[int]) -> None:
    assert [g.index for g in gpus.visible(three, setting)] == there


def test_a_slice_of_a_gpu_is_taken_as_it_is(three: list[Gpu]) -> None:
    (one,) = gpus.visible(three, "MIG-8a4")
    assert one.id == "MIG-8a4" and gpus.slots_on([one], 8) == [Slot("MIG-8a4", 0.8, 0)]


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.find_gpus() == []
    assert gpus.why_not([], tmp_path) == "there is no NVIDIA GPU on this machine"
    (tmp_path / "nvidiactl").touch()
    assert "install the driver's tools" in gpus.why_not([], tmp_path)


def test_what_is_missing_is_told(three: list[Gpu], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nvidia-modprobe" in gpus.why_not(three, tmp_path)
    (tmp_path / "nvidia-uvm").touch()
    monkeypatch.setattr(gpus, "torch_cuda", lambda: "")
    assert "CUDA build" in gpus.why_not(three, tmp_path)
    monkeypatch.setattr(gpus, "torch_cuda", lambda: "12.8")
    assert gpus.why_not(three, tmp_path) == ""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (tmp_path / "nvidiactl").touch()
    assert "CUDA_VISIBLE_DEVICES hides" in gpus.why_not(gpus.find_gpus(), tmp_path)


def test_the_build_of_torch_is_read_without_importing_it() -> None:
    import torch

    assert gpus.torch_cuda() == (torch.version.cuda or "")


def test_slots_go_round_the_gpus_and_fit_their_memory() -> None:
    big, small = Gpu(0, "big", "", 80_000), Gpu(1, "small", "", 9_000)
    assert [s.gpu for s in gpus.slots_on([big, small], 1)] == ["big", "small"]
    found = gpus.slots_on([big, small], 8)
    assert [s.gpu for s in found] == ["big", "small", "big", "small", "big", "big"]
    assert {s.fraction for s in found if s.gpu == "big"} == {0.2}
    assert {s.fraction for s in found if s.gpu == "small"} == {0.4}
    for gpu in (big, small):
        taken = sum(s.fraction for s in found if s.gpu == gpu.id)
        assert taken == pytest.approx(0.8), "the rest is for whoever measures accuracy"


def test_a_slot_is_lent_to_one_at_a_time_and_comes_back_after_a_fault() -> None:
    slots = Slots([Slot("a"), Slot("b")])
    with slots.lent() as first, slots.lent() as second:
        assert {first.gpu, second.gpu} == {"a", "b"}
        got: list[str] = []
        waits = threading.Thread(target=lambda: got.append(lend(slots)))
        waits.start()
        waits.join(0.05)
        assert got == [], "nothing is free"
    waits.join(5)
    assert got[0] in "ab"
    with pytest.raises(ZeroDivisionError), slots.lent():
        raise ZeroDivisionError
    with slots.lent() as one, slots.lent() as other:
        assert one != other


def lend(slots: Slots) -> str:
    with slots.lent() as slot:
        return slot.gpu
