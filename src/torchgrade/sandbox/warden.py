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
import shutil
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from torchgrade.sandbox import build, cgroup, landlock, seccomp, syscalls
from torchgrade.sandbox.policy import INNER_UID, RoomRequest

_WATCH_SECONDS = 0.2
#: Exit codes of a room that never started.
SEAL_FAILED = 70

Start = Callable[[RoomRequest, list[int]], None]


def keep(request: RoomRequest, descriptors: list[int], link: socket.socket, start: Start) -> None:
    """Keep one room from its making to its end. ``start`` runs the kernel in the innermost process."""
    syscalls.close_descriptors_except([*descriptors, link.fileno()])
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    policy, limits = request.policy, request.limits
    group = None
    if policy.cgroup:
        group = cgroup.create(f"torchgrade-{request.name}", limits.memory_mb << 20, limits.processes)
    try:
        init, report = _make_room(request, descriptors, start, group, link)
    except OSError as error:
        _tell(link, {"ended": SEAL_FAILED, "problem": f"the room could not be built: {error}"})
        if group:
            group.remove()
        return
    for descriptor in descriptors:
        os.close(descriptor)
    problem = _read_all(report)
    if not problem:
        _tell(link, {"started": True, "cgroup": group is not None})
    ended = _watch(request, init, link, counted=group is not None)
    _end(init, request)
    _, status = os.waitpid(init, 0)
    out = {
        "ended": os.waitstatus_to_exitcode(status),
        "why": ended,
        "problem": problem,
        "out_of_memory": ended == "memory" or (group is not None and group.out_of_memory()),
        "peak_memory_bytes": _peak(group),
    }
    if group:
        group.remove()
    if not policy.mount_namespace:  # the room's own folder, which a harness that was killed cannot remove
        shutil.rmtree(request.home, ignore_errors=True)
    _tell(link, out)


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
        _first_process(request, descriptors, start, write, gate_read)
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


def _first_process(request: RoomRequest, descriptors: list[int], start: Start, report: int, gate: int) -> NoReturn:
    """The room's init: gives up all rights, starts the kernel, reaps orphans, hands interrupts on."""
    try:
        syscalls.die_with_parent()
        if not os.read(gate, 1):
            os._exit(SEAL_FAILED)  # the warden has gone
        os.close(gate)
        _close_standard_streams()  # student code might reach them through /proc
        if request.policy.mount_namespace:
            build.finish_root()
        _give_up_rights(request)
        kernel = os.fork()
        if kernel == 0:
            _kernel_process(request, descriptors, start, report)
        signal.signal(signal.SIGUSR1, lambda *_: _interrupt(kernel))
        syscalls.close_descriptors_except(())
        _reap_until(kernel)
    except BaseException:
        _report(report, traceback.format_exc())
    os._exit(SEAL_FAILED)


def _give_up_rights(request: RoomRequest) -> None:
    if not request.policy.drop_privileges:
        return
    if os.geteuid() == 0:
        syscalls.drop_capabilities(bounding_alone=True)  # later there is no right to
        syscalls.become(request.uid)
        if request.policy.user_namespace:
            syscalls.unshare(syscalls.CLONE_NEWUSER)
            syscalls.map_user(INNER_UID, request.uid, request.uid)
    syscalls.drop_capabilities()
    syscalls.die_with_parent()


def _interrupt(kernel: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(kernel, signal.SIGINT)


def _reap_until(kernel: int) -> NoReturn:
    while True:
        pid, status = os.wait()
        if pid == kernel:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def _kernel_process(request: RoomRequest, descriptors: list[int], start: Start, report: int) -> NoReturn:
    code = 1
    try:
        syscalls.die_with_parent()  # where there is no PID namespace to take it along
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("700")
        syscalls.close_descriptors_except([*descriptors, report])
        _confine(request)
        os.environ.clear()
        os.environ.update(request.environment)
        os.chdir(request.home)
    except BaseException:
        _report(report, traceback.format_exc())
        os._exit(SEAL_FAILED)
    os.close(report)
    with contextlib.suppress(SystemExit):
        start(request, descriptors)
        code = 0
    os._exit(code)


def _close_standard_streams() -> None:
    null = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)


def _confine(request: RoomRequest) -> None:
    policy = request.policy
    if not policy.mount_namespace:
        _check_paths(request)
    if policy.drop_privileges:
        syscalls.set_no_new_privileges()
    if policy.rlimits:
        _set_limits(request)
    if policy.landlock:
        if policy.mount_namespace:
            read_only, writable = ["/"], build.writable(request.home)
        else:
            own = ["/proc/self", "/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/sys/vm"]
            read_only, writable = (
                [*request.read_only, *own, *filter(None, [request.data_root, request.tools])],
                [request.home],
            )
        landlock.restrict(
            read_only, writable, build.devices(gpu=request.gpu), deny_tcp=not policy.network_namespace
        )
    if policy.seccomp:
        families = seccomp.FAMILIES_NAMESPACED if policy.network_namespace else seccomp.FAMILIES_SHARED
        seccomp.install(families=families, memfd=request.gpu)


def _check_paths(request: RoomRequest) -> None:
    """Where the host's own tree is seen, what must be read can be and what must be hidden is. Raises OSError."""
    for path in (os.__file__, *(str(m.__file__) for n in ("torch", "numpy") if (m := sys.modules.get(n)))):
        if not os.access(path, os.R_OK):
            raise PermissionError(
                f"user {os.getuid()} of the room cannot read {path}: install Python and its packages where "
                "every user may read them, or do not run as root"
            )
    for hidden in request.hidden if request.policy.landlock else ():
        for shown in request.read_only:
            if os.path.exists(hidden) and Path(hidden).resolve().is_relative_to(Path(shown).resolve()):
                raise PermissionError(
                    f"{hidden} lies in {shown}, which this tier must show: it can hide no folder there"
                )


def _set_limits(request: RoomRequest) -> None:
    limits = request.limits
    syscalls.limit(resource.RLIMIT_CORE, 0)
    if not request.gpu:  # CUDA reserves far more addresses than it uses
        syscalls.limit(resource.RLIMIT_DATA, _data_bytes() + (limits.memory_mb << 20))
    others = 0 if request.policy.user_namespace else _threads_of(os.getuid())
    syscalls.limit(resource.RLIMIT_NPROC, others + limits.processes)
    syscalls.limit(resource.RLIMIT_FSIZE, limits.disk_mb << 20)
    syscalls.limit(resource.RLIMIT_NOFILE, 1024)
    syscalls.limit(resource.RLIMIT_MEMLOCK, (256 << 20) if request.gpu else (64 << 10))
    syscalls.limit(resource.RLIMIT_MSGQUEUE, 0)


def _threads_of(uid: int) -> int:
    """How many threads the user has already: outside a user namespace they count against the room's limit."""
    count = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{name}").st_uid == uid:
                count += len(os.listdir(f"/proc/{name}/task"))
    return count


def _data_bytes() -> int:
    """What the warm parent already maps as data; the student's share comes on top of it."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmData:"):
                return int(line.split()[1]) << 10
    return 0


def _watch(request: RoomRequest, init: int, link: socket.socket, *, counted: bool) -> str:
    """Wait for the room's end. Returns why: exit, asked, wall or memory."""
    deadline = time.monotonic() + request.wall_seconds
    watchdog = request.policy.watchdog and not counted
    exited = os.pidfd_open(init)
    poll = select.poll()
    poll.register(exited, select.POLLIN)
    poll.register(link.fileno(), select.POLLIN | select.POLLHUP)
    try:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return "wall"
            ready = dict(poll.poll(1000 * min(left, _WATCH_SECONDS if watchdog else left)))
            if exited in ready:
                return "exit"
            if link.fileno() in ready and not _obey(link, init):
                return "asked"
            if watchdog and _room_bytes(init, request) > request.limits.memory_mb << 20:
                return "memory"
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


def _room_bytes(init: int, request: RoomRequest) -> int:
    """Proportional memory of all processes of the room."""
    return sum(_proportional_bytes(pid) for pid in _room_pids(init, request))


def _room_pids(init: int, request: RoomRequest) -> list[str]:
    if request.policy.pid_namespace and request.policy.mount_namespace:
        with contextlib.suppress(OSError):  # the room's own /proc lists the room alone
            return [name for name in os.listdir("/proc") if name.isdigit()]
    return descendants(os.getpid())


def descendants(pid: int | str) -> list[str]:
    """Pids of all processes below ``pid``."""
    out: list[str] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                for child in file.read().split():
                    out += [child, *descendants(child)]
    return out


def _proportional_bytes(pid: str) -> int:
    """A process's memory, its part of what it shares; all that is resident where it shut its /proc to others."""
    with contextlib.suppress(OSError):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                shares = [int(line.split()[1]) << 10 for line in file if line.startswith("Pss:")]
            return shares[0] if shares else 0
        except PermissionError:
            with open(f"/proc/{pid}/statm") as file:
                return int(file.read().split()[1]) * resource.getpagesize()
    return 0


def _end(init: int, request: RoomRequest) -> None:
    """Kill all that is in the room. In a PID namespace the first process takes the others with it."""
    with contextlib.suppress(OSError):
        os.kill(init, signal.SIGKILL)
    if request.policy.pid_namespace:
        return
    for _ in range(1000):
        living = [int(p) for p in descendants(os.getpid()) if not _is_zombie(p)]
        if not living:
            return
        for pid in living:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def _is_zombie(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _peak(group: cgroup.Cgroup | None) -> int:
    measured = group.peak_bytes() if group else None
    return measured if measured is not None else resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10


def _report(descriptor: int, text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(descriptor, text.encode()[:8192])


def _read_all(descriptor: int) -> str:
    parts = []
    while part := os.read(descriptor, 8192):
        parts.append(part)
    os.close(descriptor)
    return b"".join(parts).decode(errors="replace")


def _tell(link: socket.socket, message: dict[str, object]) -> None:
    with contextlib.suppress(OSError):
        link.send(json.dumps(message).encode())
