"""What a room is made of: which defences, which limits, which paths. Plain data that crosses to the zygote."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import site
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torchgrade.model import Limits, Tier

#: The kernel's channels, in the order in which their listening sockets are handed over; the probes' comes last.
CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
#: What the zygote says when it can fork.
READY = b"ready"
#: The longest request that the warm parent reads, and the most descriptors that may come with it.
REQUEST_BYTES, REQUEST_DESCRIPTORS = 1 << 16, 16
#: Of these the room's processes get so many: the channels and the probes.
ROOM_DESCRIPTORS = len(CHANNELS) + 1

#: Where the student's notebook runs in a fully sealed room.
HOME = "/home/student"
INNER_UID = 1000
#: Rooms of a harness that runs as root get a uid each from here, so that their process limits do not add up.
FIRST_UID, UIDS = 61_184, 4096

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SYSTEM_FILES = (
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/timezone",
    "/etc/fonts", "/etc/alternatives", "/etc/mime.types", "/sys/devices/system/cpu", "/sys/devices/system/node",
)  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """The defences of a room. Only tests build one with a defence missing; no option or variable can."""

    tier: Tier = Tier.FULL
    mount_namespace: bool = True  # own root, private tmpfs for all that can be written
    pid_namespace: bool = True
    network_namespace: bool = True
    ipc_namespace: bool = True
    user_namespace: bool = True
    drop_privileges: bool = True  # uid, gid and every capability
    landlock: bool = True
    seccomp: bool = True
    rlimits: bool = True
    cgroup: bool = True  # where one can be made
    watchdog: bool = True  # memory of the whole room where no cgroup counts it, disk where no quota does, GPU


FULL = Policy()
LANDLOCK = Policy(
    tier=Tier.LANDLOCK,
    mount_namespace=False,
    pid_namespace=False,
    network_namespace=False,
    ipc_namespace=False,
    user_namespace=False,
)
NONE = Policy(
    tier=Tier.NONE,
    mount_namespace=False,
    pid_namespace=False,
    network_namespace=False,
    ipc_namespace=False,
    user_namespace=False,
    drop_privileges=False,
    landlock=False,
    seccomp=False,
    rlimits=False,
    cgroup=False,
)
OF_TIER = {Tier.FULL: FULL, Tier.LANDLOCK: LANDLOCK, Tier.NONE: NONE}


@dataclass(frozen=True)
class RoomRequest:
    """All that the zygote must know to open a room. No test, answer, label or point is ever in it."""

    name: str
    key: str  # signs Jupyter messages between the two sides
    policy: Policy = FULL
    limits: Limits = Limits()
    wall_seconds: float = 600.0
    threads: int = 1
    gpu: bool = False
    gpu_fraction: float = 1.0  # of each GPU's memory: what PyTorch in the room keeps to
    gpu_memory_mb: int = 0  # what the room may hold on all GPUs, seen from outside; 0: no limit
    nvidia_smi: str = ""  # the program that is asked
    home: str = HOME
    folder: str = ""  # the name of the room's folder outside it; its parent and its lock come as descriptors
    uid: int = FIRST_UID
    read_only: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    data_root: str = ""  # read-only data sets, at DATA inside
    tools: str = ""  # read-only programs of ours, at TOOLS inside
    environment: dict[str, str] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()  # what else should be imported in it: words of ``sandbox.wanted``

    def to_json(self) -> bytes:
        """JSON bytes; ``request_from_json`` is the inverse."""
        return json.dumps(dataclasses.asdict(self)).encode()


def most_files(limits: Limits) -> int:
    """How many files a room may make: enough for small ones, not enough to fill memory or disk with empty ones."""
    return 1024 + 64 * limits.disk_mb


DATA = "/data"
#: Where `wget` and `curl` of ours lie in a fully sealed room, and outside.
TOOLS = "/opt/torchgrade"
OWN_TOOLS = str(Path(__file__).parent / "tools")


def wanted_in(data: bytes) -> tuple[str, ...]:
    """What a request wants imported, without the rest of it."""
    return tuple(json.loads(data)["wanted"])


def request_from_json(data: bytes) -> RoomRequest:
    """Rebuild a request on the zygote's side."""
    fields: dict[str, Any] = json.loads(data)
    policy = fields.pop("policy")
    limits = Limits(**fields.pop("limits"))
    tier = Tier(policy.pop("tier"))
    for name in ("read_only", "hidden", "wanted"):
        fields[name] = tuple(fields[name])
    return RoomRequest(policy=Policy(tier=tier, **policy), limits=limits, **fields)


def readable_paths() -> tuple[str, ...]:
    """What the interpreter and its packages need: system folders, prefixes and site-packages.

    A folder on ``sys.path`` that is no site-packages (a checkout, the current folder) is left out: a course
    may lie there.
    """
    return _readable(tuple(sys.path), sys.prefix, sys.base_prefix)


@functools.cache  # asked for each room, by processes forked from one that has asked
def _readable(search: tuple[str, ...], prefix: str, base_prefix: str) -> tuple[str, ...]:
    wanted = [*_SYSTEM, *_SYSTEM_FILES, prefix, base_prefix, os.path.realpath(base_prefix)]
    packages = {*site.getsitepackages(), site.getusersitepackages()}
    wanted += [p for p in packages if p in search]
    wanted += [os.path.realpath(w) for w in wanted if os.path.islink(w)]  # a link alone would lead nowhere
    return _outermost([w for w in wanted if os.path.lexists(w)])


def _outermost(paths: list[str]) -> tuple[str, ...]:
    """Without paths that lie below another of them; links stay, since what they point to may be elsewhere."""
    out: list[str] = []
    for path in sorted(dict.fromkeys(paths)):
        if not any(Path(path).is_relative_to(o) for o in out if not Path(o).is_symlink()):
            out.append(path)
    return tuple(out)
