"""The system-call filter of a room: classic BPF, built here for x86_64 and aarch64.

Everything is allowed but a list: what reaches other processes, mounts, namespaces, the kernel's own
machinery, and sockets other than those that a notebook has a use for. Numbers: asm/unistd_64.h and
asm-generic/unistd.h of the kernel.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from collections.abc import Iterable

from torchgrade.sandbox import syscalls

_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGS = 0, 4, 16
_X32_BIT = 0x40000000
_CLONE_NEW_ANY = 0x7E020080  # every CLONE_NEW* flag, CLONE_NEWTIME included
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2

ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

#: Denied on both architectures with the same number.
_COMMON = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
    "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443,
    "memfd_secret": 447, "process_mrelease": 448, "set_mempolicy_home_node": 450,
}  # fmt: skip

DENIED = {
    "x86_64": _COMMON | {
        "ptrace": 101, "syslog": 103, "personality": 135, "vhangup": 153, "pivot_root": 155, "chroot": 161,
        "modify_ldt": 154, "acct": 163,
        "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168,
        "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173,
        "init_module": 175, "delete_module": 176, "quotactl": 179, "lookup_dcookie": 212,
        "clock_settime": 227, "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250,
        "migrate_pages": 256, "unshare": 272, "move_pages": 279, "perf_event_open": 298,
        "fanotify_init": 300, "name_to_handle_at": 303, "open_by_handle_at": 304, "setns": 308,
        "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313,
        "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323,
    },
    "aarch64": _COMMON | {
        "lookup_dcookie": 18, "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "vhangup": 58,
        "quotactl": 60, "acct": 89, "personality": 92, "unshare": 97, "kexec_load": 104,
        "init_module": 105, "delete_module": 106, "clock_settime": 112, "syslog": 116, "ptrace": 117,
        "reboot": 142, "sethostname": 161, "setdomainname": 162, "settimeofday": 170, "add_key": 217,
        "request_key": 218, "keyctl": 219, "swapon": 224, "swapoff": 225, "migrate_pages": 238,
        "move_pages": 239, "perf_event_open": 241, "fanotify_init": 262, "name_to_handle_at": 264,
        "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271,
        "kcmp": 272, "finit_module": 273, "bpf": 280, "userfaultfd": 282, "kexec_file_load": 294,
    },
}  # fmt: skip

#: System V and POSIX queues and segments outlive their maker, and hold memory that is no process's.
IPC = {
    "x86_64": {"shmget": 29, "semget": 64, "msgget": 68, "mq_open": 240},
    "aarch64": {"mq_open": 180, "msgget": 186, "semget": 190, "shmget": 194},
}
#: A file of memory that nobody need map: only a control group counts it. CUDA's driver makes one.
MEMFD = {"x86_64": {"memfd_create": 319}, "aarch64": {"memfd_create": 279}}
#: Calls of which only some arguments are denied.
PARTIAL = {
    "x86_64": {"clone": 56, "ioctl": 16, "socket": 41, "socketpair": 53, "clone3": 435},
    "aarch64": {"clone": 220, "ioctl": 29, "socket": 198, "socketpair": 199, "clone3": 435},
}

#: Own network namespace: loopback is private, and getifaddrs(3) needs netlink.
FAMILIES_NAMESPACED = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, 16)
#: No network namespace: no network at all.
FAMILIES_SHARED = (socket.AF_UNIX,)


def program(machine: str, *, families: Iterable[int], memfd: bool = False) -> list[tuple[int, int, int, int]]:
    """The filter as (code, jump if true, jump if false, operand). Raises KeyError for another machine."""
    partial = PARTIAL[machine]
    out = [
        (_LOAD, 0, 0, _OFFSET_ARCH),
        (_EQUAL, 1, 0, ARCHITECTURE[machine]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _OFFSET_NUMBER),
    ]
    if machine == "x86_64":  # the x32 numbers reach the same calls by another door
        out += _when(_AT_LEAST, _X32_BIT, _ERRNO | errno.ENOSYS)
    # glibc falls back to clone(2), whose flags are in a register and so can be read by the filter.
    out += _when(_EQUAL, partial["clone3"], _ERRNO | errno.ENOSYS)
    denied = DENIED[machine] | IPC[machine] | ({} if memfd else MEMFD[machine])
    for number in sorted(denied.values()):
        out += _when(_EQUAL, number, _ERRNO | errno.EPERM)
    out += _argument(partial["clone"], 0, [(_ANY_BIT, _CLONE_NEW_ANY)], _ERRNO | errno.EPERM)
    out += _argument(partial["ioctl"], 1, [(_EQUAL, _TIOCSTI), (_EQUAL, _TIOCLINUX)], _ERRNO | errno.EPERM)
    out += _only(partial["socket"], 0, list(families), _ERRNO | errno.EACCES)
    out += _only(partial["socketpair"], 0, [socket.AF_UNIX], _ERRNO | errno.EACCES)
    return [*out, (_RETURN, 0, 0, _ALLOW)]


def _when(test: int, operand: int, verdict: int) -> list[tuple[int, int, int, int]]:
    return [(test, 0, 1, operand), (_RETURN, 0, 0, verdict)]


def _argument(
    number: int, position: int, tests: list[tuple[int, int]], verdict: int
) -> list[tuple[int, int, int, int]]:
    """For call ``number``: ``verdict`` when the low half of an argument meets one of the tests."""
    body = [(_LOAD, 0, 0, _OFFSET_ARGS + 8 * position)]
    for test, operand in tests:
        body += _when(test, operand, verdict)
    return [(_EQUAL, 0, len(body) + 1, number), *body, (_RETURN, 0, 0, _ALLOW)]


def _only(number: int, position: int, allowed: list[int], verdict: int) -> list[tuple[int, int, int, int]]:
    body = [(_LOAD, 0, 0, _OFFSET_ARGS + 8 * position)]
    for value in allowed:
        body += _when(_EQUAL, value, _ALLOW)
    return [(_EQUAL, 0, len(body) + 1, number), *body, (_RETURN, 0, 0, verdict)]


def install(*, families: Iterable[int], memfd: bool = False) -> None:
    """Filter this process and its children for good. no_new_privs must be set. Raises OSError."""
    instructions = program(syscalls.machine(), families=families, memfd=memfd)
    packed = b"".join(struct.pack("HBBI", *i) for i in instructions)
    buffer = ctypes.create_string_buffer(packed, len(packed))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(instructions), ctypes.addressof(buffer)))
    syscalls.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(header))
