"""Requests for rooms: what a harness decides about one before the warm process hears of it."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import replace
from pathlib import Path

from torchgrade.errors import RoomError
from torchgrade.model import Limits
from torchgrade.sandbox import policy as policies
from torchgrade.sandbox.environment import room_environment
from torchgrade.sandbox.folders import Folder
from torchgrade.sandbox.gpu import find_nvidia_smi, visible_gpus
from torchgrade.sandbox.policy import HOME, Policy, RoomRequest


def make_request(
    policy: Policy,
    limits: Limits,
    *,
    wall_seconds: float,
    threads: int = 1,
    gpu: bool = False,
    gpu_fraction: float = 1.0,
    gpu_memory_mb: int = 0,
    hidden: tuple[str, ...] = (),
    data_root: str = "",
    wanted: tuple[str, ...] = (),
) -> RoomRequest:
    """A request for a room with these limits; ``hidden`` folders are covered where they would be visible.

    ``gpu_fraction`` (0 < f ≤ 1) is the share of a GPU's memory that PyTorch in the room keeps to;
    ``gpu_memory_mb`` what ends the room when it is seen from outside to hold more, 0 for no such limit. Raises
    ValueError for another share.
    """
    if not 0 < gpu_fraction <= 1:
        raise ValueError(f"a share of a GPU's memory lies between 0 and 1, not {gpu_fraction:g}")
    environment = room_environment(
        HOME, "/tmp", threads, data=policies.DATA if data_root else "", tools=policies.TOOLS
    )
    return RoomRequest(
        name=f"{os.getpid()}-{secrets.token_hex(6)}",
        key=secrets.token_hex(16),
        policy=policy,
        limits=limits,
        wall_seconds=wall_seconds,
        threads=threads,
        gpu=gpu,
        gpu_fraction=gpu_fraction,
        gpu_memory_mb=gpu_memory_mb,
        nvidia_smi=find_nvidia_smi() if gpu else "",
        uid=policies.FIRST_UID + secrets.randbelow(policies.UIDS),
        read_only=policies.readable_paths(),
        hidden=hidden,
        data_root=data_root,
        tools=policies.OWN_TOOLS,
        environment=environment | (visible_gpus() if gpu else {}),
        wanted=wanted,
    )


def with_own_home(request: RoomRequest, folder: Folder) -> RoomRequest:
    """The request with a home in the room's folder, where it has no root of its own."""
    home = folder.path / "home"
    home.mkdir(mode=0o700)
    if os.geteuid() == 0 and request.policy.drop_privileges:
        folder.path.chmod(0o711)  # the room's user passes through
        os.chown(home, request.uid, request.uid)
    environment = room_environment(
        str(home), str(home), request.threads, data=request.data_root, tools=request.tools
    )
    return replace(request, home=str(home), environment=request.environment | environment)


def require_way(request: RoomRequest) -> None:
    """A room without a root of its own reaches its data by the host's folders. Raises RoomError if it cannot."""
    if not request.data_root or os.geteuid() != 0 or not request.policy.drop_privileges:
        return
    for folder in (Path(request.data_root), *Path(request.data_root).parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            raise RoomError(
                f"the room's user may not pass through {folder} to the data sets in {request.data_root}; "
                f"`chmod o+x {folder}`, or run as an ordinary user"
            )
