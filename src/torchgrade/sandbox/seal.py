"""The room's first process and its kernel's: each gives up what it has, then the student's code may come."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from torchgrade.sandbox import build, landlock, limits, seccomp, syscalls
from torchgrade.sandbox.policy import INNER_UID, RoomRequest

#: Exit code of a room that never started.
FAILED = 70

Start = Callable[[RoomRequest, list[int]], None]


def first_process(request: RoomRequest, descriptors: list[int], start: Start, report: int, gate: int) -> NoReturn:
    """The room's init: gives up all rights, starts the kernel, reaps orphans, hands interrupts on."""
    try:
        syscalls.die_with_parent()
        if not os.read(gate, 1):
            os._exit(FAILED)  # the warden has gone
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
    os._exit(FAILED)


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
        os._exit(FAILED)
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
        limits.apply(request)
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
        same_user = not policy.mount_namespace and not _has_own_user(request)
        seccomp.install(families=families, memfd=request.gpu, same_user=same_user)


def _has_own_user(request: RoomRequest) -> bool:
    """Whether the room's uid is nobody else's. Only root can give it one."""
    return request.policy.drop_privileges and os.getuid() == request.uid


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


def _report(descriptor: int, text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(descriptor, text.encode()[:8192])
