"""GPUs of this machine: which there are, what keeps them from being used, and slots on them for submissions."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import queue
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torchgrade.errors import UsageError

_QUERY_SECONDS = 20
#: GPU memory that a slot should have: a context of CUDA (0.5 GiB), a small network's training, the measurement.
_MEMORY_PER_SLOT_MB = 4096
#: What a room may take of its slot; the rest is for the examiner, which measures accuracy on the same GPU.
_ROOM_SHARE = 0.8
#: A CUDA context's own memory, which torch's limit does not count, but the driver does.
_CONTEXT_MB = 1024


@dataclass(frozen=True)
class Gpu:
    """One GPU as ``nvidia-smi`` tells it. ``id`` is what CUDA_VISIBLE_DEVICES takes; memory in MiB."""

    index: int
    id: str
    name: str
    memory_mb: int
    driver: str = ""


@dataclass(frozen=True)
class Slot:
    """A share of a GPU for one submission at a time. ``fraction`` of its memory is the room's."""

    gpu: str = ""  # CUDA_VISIBLE_DEVICES; empty: none
    fraction: float = 1.0
    memory_mb: int = 0  # what the driver may count for the room before it is ended; 0: not watched


def find_gpus() -> list[Gpu]:
    """The GPUs that this process may use: of CUDA_VISIBLE_DEVICES where it is set. Empty where none answers."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=index,uuid,name,memory.total,driver_version", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=_QUERY_SECONDS, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    return visible(parse_gpus(said), os.environ.get("CUDA_VISIBLE_DEVICES"))


def parse_gpus(text: str) -> list[Gpu]:
    """Lines ``index, uuid, name, MiB, driver``; lines that are none (a warning, say) are passed over."""
    out = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 5 and parts[0].isdigit():
            memory = int(parts[3]) if parts[3].isdigit() else 0  # "[N/A]" on some
            out.append(Gpu(int(parts[0]), parts[1], parts[2], memory, parts[4]))
    return out


def visible(gpus: Sequence[Gpu], setting: str | None) -> list[Gpu]:
    """Those that CUDA_VISIBLE_DEVICES names, by number or by (the beginning of) their id, up to the first unknown
    entry, as CUDA reads it. Of a slice (``MIG-…``) only the id is known."""
    if setting is None:
        return list(gpus)
    out: list[Gpu] = []
    for entry in filter(None, (part.strip() for part in setting.split(","))):
        found = [g for g in gpus if (str(g.index) == entry if entry.isdigit() else g.id.startswith(entry))]
        if entry.startswith("MIG-"):
            out.append(Gpu(len(out), entry, "a slice of a GPU", 0))
        elif len(found) == 1:
            out.append(found[0])
        else:
            break
    return out


def why_not(gpus: Sequence[Gpu], devices: Path = Path("/dev")) -> str:
    """What keeps torch from computing on a GPU here, in words that one can act on; empty where nothing does."""
    if not gpus:
        if not (devices / "nvidiactl").exists():
            return "there is no NVIDIA GPU on this machine"
        if shutil.which("nvidia-smi") is None:
            return (
                "there is a GPU, but no nvidia-smi: install the driver's tools, or mount them into the container"
            )
        if os.environ.get("CUDA_VISIBLE_DEVICES") is not None:
            return "CUDA_VISIBLE_DEVICES hides every GPU of this machine"
        return "nvidia-smi finds no GPU that works: is the driver loaded?"
    if not (devices / "nvidia-uvm").exists():
        return "/dev/nvidia-uvm is missing: run `nvidia-modprobe -u -c 0` as root, once after each boot"
    if not torch_cuda():
        return "PyTorch is built for the CPU alone: install a CUDA build (pytorch.org/get-started)"
    return ""


def torch_cuda() -> str:
    """The version of CUDA that the installed torch is built for; empty for a CPU build. Torch is not imported."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return ""
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.search(r"^cuda\s*(?::[^=]*)?=\s*['\"]([^'\"]+)['\"]", text, re.MULTILINE)
    return found[1] if found else ""


class Slots:
    """Shares of GPUs, lent one to a submission, the one that has waited longest first."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self.count = len(slots)
        self._free: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        for slot in slots:
            self._free.put(slot)

    @contextlib.contextmanager
    def lent(self) -> Iterator[Slot]:
        """A slot for the time of one examination; waits until one is free."""
        slot = self._free.get()
        try:
            yield slot
        finally:
            self._free.put(slot)


def slots_on(gpus: Sequence[Gpu], jobs: int) -> list[Slot]:
    """At most ``jobs`` slots (at least one a GPU), each GPU in turn, no more on one than its memory holds."""
    each = max(1, -(-jobs // len(gpus)))
    shares = [min(each, max(1, g.memory_mb // _MEMORY_PER_SLOT_MB)) if g.memory_mb else 1 for g in gpus]
    return [
        Slot(gpu.id, round(_ROOM_SHARE / share, 4), _watched_mb(gpu, share))
        for turn in range(max(shares))
        for gpu, share in zip(gpus, shares, strict=True)
        if turn < share
    ]


def _watched_mb(gpu: Gpu, share: int) -> int:
    return int(gpu.memory_mb * _ROOM_SHARE / share) + _CONTEXT_MB if gpu.memory_mb else 0


def chosen(gpus: Sequence[Gpu], wanted: int) -> list[Gpu]:
    """The first ``wanted`` GPUs; 0: all. Raises UsageError where there are fewer."""
    if wanted > len(gpus):
        raise UsageError(f"--gpus {wanted}: this machine has {len(gpus)}")
    return list(gpus[:wanted] if wanted else gpus)
