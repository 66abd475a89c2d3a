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
    "memfd_secret": 447, "process_mrelease": 448, "set_mempolicy_home_node": 450, "open_tree_attr": 467,
}  # fmt: skip

DENIED = {
    "x86_64": _COMMON | {
        "ptrace": 101, "syslog": 103, "personality": 135, "vhangup": 153, "pivot_root": 155, "chroot": 161,
        "modify_ldt": 154, "acct": 163, "io_setup": 206,
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
        "io_setup": 0,
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

#: Asks the whole machine to write to its disks, and waits for it: answered with success and not done. All that a
#: room writes lies in memory, or goes with it.
SYNC = {"x86_64": {"sync": 162, "syncfs": 306}, "aarch64": {"sync": 81, "syncfs": 267}}
#: System V and POSIX queues and segments outlive their maker, and hold memory that is no process's. Those of
#: others can be used by number alone.
IPC = {
    "x86_64": {
        "shmget": 29, "shmat": 30, "shmctl": 31, "semget": 64, "semop": 65, "semctl": 66, "msgget": 68,
        "msgsnd": 69, "msgrcv": 70, "msgctl": 71, "semtimedop": 220, "mq_open": 240, "mq_unlink": 241,
    },
    "aarch64": {
        "mq_open": 180, "mq_unlink": 181, "msgget": 186, "msgctl": 187, "msgrcv": 188, "msgsnd": 189,
        "semget": 190, "semctl": 191, "semtimedop": 192, "semop": 193, "shmget": 194, "shmctl": 195, "shmat": 196,
    },
}  # fmt: skip
#: Landlock does not ask who may watch a path: denied where the host's paths can be named.
WATCHES = {"x86_64": {"inotify_init": 253, "inotify_init1": 294}, "aarch64": {"inotify_init1": 26}}
#: A file of memory that nobody need map: only a control group counts it. CUDA's driver makes one.
MEMFD = {"x86_64": {"memfd_create": 319}, "aarch64": {"memfd_create": 279}}
#: Calls of which only some arguments are denied.
PARTIAL = {
    "x86_64": {"clone": 56, "ioctl": 16, "socket": 41, "socketpair": 53, "clone3": 435, "prlimit64": 302},
    "aarch64": {"clone": 220, "ioctl": 29, "socket": 198, "socketpair": 199, "clone3": 435, "prlimit64": 261},
}
#: Where the room's user is also the harness's, a file's owner is everybody's: Landlock leaves these calls alone.
#: They are answered with success and do nothing, so that copying and unpacking files goes on.
ATTRIBUTES = {
    "x86_64": {
        "chmod": 90, "fchmod": 91, "utime": 132, "utimes": 235, "futimesat": 261, "fchmodat": 268,
        "utimensat": 280, "fchmodat2": 452,
    },
    "aarch64": {"fchmod": 52, "fchmodat": 53, "utimensat": 88, "fchmodat2": 452},
}  # fmt: skip
#: Denied beside them, there: owners, extended attributes.
OWNERS = {
    "x86_64": {
        "chown": 92, "fchown": 93, "lchown": 94, "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190,
        "removexattr": 197, "lremovexattr": 198, "fremovexattr": 199, "fchownat": 260, "setxattrat": 463,
        "removexattrat": 466, "file_setattr": 469,
    },
    "aarch64": {
        "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15,
        "fremovexattr": 16, "fchownat": 54, "fchown": 55, "setxattrat": 463, "removexattrat": 466,
        "file_setattr": 469,
    },
}  # fmt: skip
#: For any process but the caller, answered with success too: libzmq ends the process where it may not set its
#: threads' scheduling. The first argument is a thread, or the second where the first says what it is.
SCHEDULING = {
    "x86_64": {
        "sched_setparam": 142, "sched_setscheduler": 144, "sched_setaffinity": 203, "sched_setattr": 314,
        "setpriority": 141, "ioprio_set": 251,
    },
    "aarch64": {
        "sched_setparam": 118, "sched_setscheduler": 119, "sched_setaffinity": 122, "sched_setattr": 274,
        "setpriority": 140, "ioprio_set": 30,
    },
}  # fmt: skip
#: FS_IOC_SETFLAGS, FSSETXATTR, ENABLE_VERITY, SET_ENCRYPTION_POLICY: an owner may, with a file open to read.
_FILE_FLAGS = (0x40086602, 0x401C5820, 0x40806685, 0x800C6613)
#: The kinds of `who` of setpriority(2) and ioprio_set(2) that mean one process.
_ONE_PROCESS = {"setpriority": 0, "ioprio_set": 1}

#: Own network namespace: loopback is private, and getifaddrs(3) needs netlink.
FAMILIES_NAMESPACED = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, 16)
#: No network namespace: no socket at all but pairs. No filter can read which path a UNIX socket would connect to.
FAMILIES_SHARED: tuple[int, ...] = ()
#: Set in the types SOCK_DGRAM and SOCK_RAW: a datagram names its receiver, also when it is sent from a pair.
_DATAGRAM_BIT = 2


def program(
    machine: str, *, families: Iterable[int], memfd: bool = False, same_user: bool = False
) -> list[tuple[int, int, int, int]]:
    """The filter as (code, jump if true, jump if false, operand).

    ``same_user``: the room's processes have the harness's uid. Raises KeyError for another machine.
    """
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
    families = list(families)
    denied = DENIED[machine] | IPC[machine] | ({} if memfd else MEMFD[machine])
    denied |= {} if families else WATCHES[machine]
    for number in sorted(denied.values()):
        out += _when(_EQUAL, number, _ERRNO | errno.EPERM)
    for number in sorted(SYNC[machine].values()):
        out += _when(_EQUAL, number, _ERRNO)  # no error: nothing was done
    commands = [_TIOCSTI, _TIOCLINUX, *(_FILE_FLAGS if same_user else ())]
    out += _argument(partial["clone"], 0, [(_ANY_BIT, _CLONE_NEW_ANY)], _ERRNO | errno.EPERM)
    out += _argument(partial["ioctl"], 1, [(_EQUAL, c) for c in commands], _ERRNO | errno.EPERM)
    out += _only(partial["socket"], [(0, families)], _ERRNO | errno.EACCES)
    out += _pairs(partial["socketpair"], datagrams=bool(families))
    out += _only(partial["prlimit64"], [(0, [0])], _ERRNO | errno.EPERM)  # whose limits: 0 is the caller
    out += _of_others(machine) if same_user else []
    return [*out, (_RETURN, 0, 0, _ALLOW)]


def _of_others(machine: str) -> list[tuple[int, int, int, int]]:
    """What one process may do to another of the same user, or to that user's files."""
    out: list[tuple[int, int, int, int]] = []
    for number in sorted(ATTRIBUTES[machine].values()):
        out += _when(_EQUAL, number, _ERRNO)  # no error: nothing was done
    for number in sorted(OWNERS[machine].values()):
        out += _when(_EQUAL, number, _ERRNO | errno.EPERM)
    for name, number in SCHEDULING[machine].items():
        kind = _ONE_PROCESS.get(name)
        own = [(0, [0])] if kind is None else [(0, [kind]), (1, [0])]
        out += _only(number, own, _ERRNO)
    return out


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


def _only(number: int, wanted: list[tuple[int, list[int]]], verdict: int) -> list[tuple[int, int, int, int]]:
    """For call ``number``: ``verdict`` unless each of these arguments (position, values) has one of its values."""
    body: list[tuple[int, int, int, int]] = []
    for position, values in wanted:
        tests = [(_EQUAL, len(values) - at, 0, value) for at, value in enumerate(values)]
        body += [(_LOAD, 0, 0, _OFFSET_ARGS + 8 * position), *tests, (_RETURN, 0, 0, verdict)]
    return [(_EQUAL, 0, len(body) + 1, number), *body, (_RETURN, 0, 0, _ALLOW)]


def _pairs(number: int, *, datagrams: bool) -> list[tuple[int, int, int, int]]:
    """socketpair(2): UNIX ones, and where there are no other sockets none that could send elsewhere."""
    refuse = _ERRNO | errno.EACCES
    kind = [] if datagrams else [(_LOAD, 0, 0, _OFFSET_ARGS + 8), *_when(_ANY_BIT, _DATAGRAM_BIT, refuse)]
    body = [*kind, (_LOAD, 0, 0, _OFFSET_ARGS), (_EQUAL, 1, 0, socket.AF_UNIX), (_RETURN, 0, 0, refuse)]
    return [(_EQUAL, 0, len(body) + 1, number), *body, (_RETURN, 0, 0, _ALLOW)]


def install(*, families: Iterable[int], memfd: bool = False, same_user: bool = False) -> None:
    """Filter this process and its children for good. no_new_privs must be set. Raises OSError."""
    instructions = program(syscalls.machine(), families=families, memfd=memfd, same_user=same_user)
    packed = b"".join(struct.pack("HBBI", *i) for i in instructions)
    buffer = ctypes.create_string_buffer(packed, len(packed))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(instructions), ctypes.addressof(buffer)))
    syscalls.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(header))
