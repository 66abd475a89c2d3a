"""One warden a room: builds it, starts its first process, ends it. No student code ever runs in a warden.

    zygote ── warden ── init (first process of the room) ── kernel (ipykernel and the guest)

The warden talks with the harness over a socket of JSON messages: ``started`` once the room is sealed, then
``ended``. A message ``i`` from the harness interrupts the student's code; ``k``, end of file or the wall
clock ends the room.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import socket
import struct
import time
from dataclasses import dataclass

from torchgrade.sandbox import build, cgroup, folders, gpu, seal, syscalls
from torchgrade.sandbox.policy import INNER_UID, ROOM_DESCRIPTORS, RoomRequest
from torchgrade.sandbox.seal import Start
from torchgrade.sandbox.watch import SECONDS as WATCH_SECONDS
from torchgrade.sandbox.watch import Watch, descendants, is_zombie

__all__ = ["descendants", "keep"]


def keep(request: RoomRequest, descriptors: list[int], link: socket.socket, start: Start) -> None:
    """Keep one room from its making to its end. ``start`` runs the kernel in the innermost process.

    ``descriptors``: the kernel's sockets, the probes' socket, the parent of the room's folder and its lock.
    """
    syscalls.close_descriptors_except([*descriptors, link.fileno()])
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    inherited, (parent, lock) = descriptors[:ROOM_DESCRIPTORS], descriptors[ROOM_DESCRIPTORS:]
    try:
        out = _keep(request, inherited, link, start)
    finally:
        # The harness removes it too; one that was killed cannot. In the room's mount namespace it has no path.
        folders.remove(request.folder, parent)
        os.close(parent)
        os.close(lock)
    _tell(link, out)


def _keep(request: RoomRequest, descriptors: list[int], link: socket.socket, start: Start) -> dict[str, object]:
    """How the room ended, as the harness will be told."""
    policy, limits = request.policy, request.limits
    group = None
    if policy.cgroup:
        group = cgroup.create(f"torchgrade-{request.name}", limits.memory_mb << 20, limits.processes)
    gpu_watch = _GpuWatch.start(request)
    try:
        init, report = _make_room(request, descriptors, start, group, link)
        for descriptor in descriptors:
            os.close(descriptor)
        problem = _read_all(report)
        if not problem:
            _tell(link, {"started": True, "cgroup": group is not None})
        watch = Watch(request, init, group, but=gpu_watch.pids)
        why = _wait_for_end(request, watch, link, gpu_watch.pipe)
        _end(init, request)
        _, status = os.waitpid(init, 0)
        return {
            "ended": os.waitstatus_to_exitcode(status),
            "why": why,
            "problem": problem,
            "out_of_memory": why in ("memory", "gpu memory") or (group is not None and group.out_of_memory()),
            "peak_memory_bytes": _peak(group),
        }
    except OSError as error:
        return {"ended": seal.FAILED, "problem": f"the room could not be built: {error}"}
    finally:
        gpu_watch.end()
        if group:
            group.remove()


@dataclass(frozen=True)
class _GpuWatch:
    """The process that watches the GPU's memory, where one does; it writes into ``pipe`` when it is too much."""

    pid: int = 0
    pipe: int = -1

    @classmethod
    def start(cls, request: RoomRequest) -> _GpuWatch:
        if not (request.policy.watchdog and request.gpu_memory_mb and request.nvidia_smi):
            return cls()
        return cls(*gpu.start_watch(request.nvidia_smi, request.gpu_memory_mb))

    @property
    def pids(self) -> frozenset[str]:
        return frozenset([str(self.pid)] if self.pid else [])

    def end(self) -> None:
        if self.pid:
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.pipe)


def _make_room(
    request: RoomRequest,
    descriptors: list[int],
    start: Start,
    group: cgroup.Cgroup | None,
    link: socket.socket,
) -> tuple[int, int]:
    """Returns the pid of the room's first process and a pipe on which it says what failed, if anything."""
    policy = request.policy
    _enter_namespaces(request)
    if policy.mount_namespace:
        build.room_root(request)
    if not policy.pid_namespace:
        syscalls.adopt_orphans()  # no first process takes them along
    read, write = os.pipe()
    gate_read, gate_write = os.pipe()
    init = os.fork()
    if init == 0:
        os.close(gate_write)
        os.close(read)
        link.close()
        seal.first_process(request, descriptors, start, write, gate_read)
    os.close(gate_read)
    os.close(write)
    if group:
        group.add(init)
    os.write(gate_write, b".")  # only now may the room grow: everything in it is counted
    os.close(gate_write)
    return init, read


def _enter_namespaces(request: RoomRequest) -> None:
    policy = request.policy
    flags = 0
    for wanted, flag in (
        (policy.mount_namespace, syscalls.CLONE_NEWNS | syscalls.CLONE_NEWCGROUP),
        (policy.pid_namespace, syscalls.CLONE_NEWPID),
        (policy.network_namespace, syscalls.CLONE_NEWNET),
        (policy.ipc_namespace, syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS),
    ):
        flags |= flag if wanted else 0
    if os.geteuid() == 0:
        # Root builds the room with its own rights, so that nothing in it belongs to the student; the user
        # namespace comes after the uid is dropped.
        if flags:
            syscalls.unshare(flags)
    elif flags:
        uid, gid = os.geteuid(), os.getegid()
        syscalls.unshare(flags | syscalls.CLONE_NEWUSER)
        syscalls.map_user(INNER_UID, uid, gid)
    if policy.network_namespace:
        _loopback_up()


def _loopback_up() -> None:
    """Student code may talk to itself over 127.0.0.1, and to nobody else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        fcntl.ioctl(probe, 0x8914, struct.pack("16sh14x", b"lo", 1 | 64))  # SIOCSIFFLAGS, UP and RUNNING


def _wait_for_end(request: RoomRequest, watch: Watch, link: socket.socket, gpu_pipe: int) -> str:
    """Returns why the room ends: exit, asked, wall, memory, disk or gpu memory."""
    deadline = time.monotonic() + request.wall_seconds
    exited = os.pidfd_open(watch.init)
    poll = select.poll()
    poll.register(exited, select.POLLIN)
    poll.register(link.fileno(), select.POLLIN | select.POLLHUP)
    if gpu_pipe >= 0:
        poll.register(gpu_pipe, select.POLLIN)
    try:
        while (left := deadline - time.monotonic()) > 0:
            ready = dict(poll.poll(1000 * min(left, WATCH_SECONDS)))
            if exited in ready:
                return "exit"
            if link.fileno() in ready and not _obey(link, watch.init):
                return "asked"
            if gpu_pipe in ready:
                if os.read(gpu_pipe, 1):
                    return "gpu memory"
                poll.unregister(gpu_pipe)  # its watch has ended: there is none any more
            if why := watch.over():
                return why
        return "wall"
    finally:
        os.close(exited)


def _obey(link: socket.socket, init: int) -> bool:
    """One message of the harness; False when the room is to end."""
    try:
        message = link.recv(16)
    except OSError:
        return False
    if message != b"i":
        return False
    with contextlib.suppress(OSError):
        os.kill(init, signal.SIGUSR1)
    return True


def _end(init: int, request: RoomRequest) -> None:
    """Kill all that is in the room. In a PID namespace the first process takes the others with it."""
    with contextlib.suppress(OSError):
        os.kill(init, signal.SIGKILL)
    if request.policy.pid_namespace:
        return
    for _ in range(1000):
        living = [int(p) for p in descendants(os.getpid()) if not is_zombie(p)]
        if not living:
            return
        for pid in living:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def _peak(group: cgroup.Cgroup | None) -> int:
    measured = group.peak_bytes() if group else None
    return measured if measured is not None else resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10


def _read_all(descriptor: int) -> str:
    parts = []
    while part := os.read(descriptor, 8192):
        parts.append(part)
    os.close(descriptor)
    return b"".join(parts).decode(errors="replace")


def _tell(link: socket.socket, message: dict[str, object]) -> None:
    with contextlib.suppress(OSError):
        link.send(json.dumps(message).encode())
