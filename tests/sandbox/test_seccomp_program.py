"""The system-call filter, run by a small interpreter of classic BPF: both architectures on any machine."""

from __future__ import annotations

import errno
import re
import signal
import socket
import struct
from pathlib import Path

import pytest

from torchgrade.sandbox.seccomp import (
    ARCHITECTURE,
    ATTRIBUTES,
    DENIED,
    FAMILIES_NAMESPACED,
    FAMILIES_SHARED,
    IPC,
    MEMFD,
    OWNERS,
    PARTIAL,
    SCHEDULING,
    SYNC,
    WATCHES,
    program,
)

ALLOW, KILL = "allow", "kill"
MACHINES = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
#: Calls that a notebook cannot do without, by number.
NEEDED = {
    "x86_64": {"read": 0, "write": 1, "mmap": 9, "mprotect": 10, "brk": 12, "fork": 57, "execve": 59, "wait4": 61,
               "kill": 62, "connect": 42, "bind": 49, "futex": 202, "epoll_wait": 232, "openat": 257, "prctl": 157,
               "getrandom": 318, "rseq": 334, "prlimit64": 302, "pipe2": 293, "sched_setaffinity": 203,
               "pidfd_open": 434, "close_range": 436, "openat2": 437, "faccessat2": 439},
    "aarch64": {"read": 63, "write": 64, "mmap": 222, "mprotect": 226, "brk": 214, "execve": 221, "wait4": 260,
                "kill": 129, "connect": 203, "bind": 200, "futex": 98, "epoll_pwait": 22, "openat": 56,
                "prctl": 167, "getrandom": 278, "rseq": 293, "prlimit64": 261, "pipe2": 59,
                "sched_setaffinity": 122, "pidfd_open": 434, "close_range": 436, "openat2": 437,
                "faccessat2": 439},
}  # fmt: skip
#: Flags with which fork(), pthread_create() and posix_spawn() call clone(2).
FORK = 0x01200000 | signal.SIGCHLD
THREAD = 0x3D0F00
SPAWN = 0x4100 | signal.SIGCHLD
NAMESPACES = {"mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000,
              "pid": 0x20000000, "net": 0x40000000}  # fmt: skip


def run(code: list[tuple[int, int, int, int]], number: int, *args: int, arch: int) -> str | int:
    """What the filter says to one call: allow, kill, or an errno."""
    words = [a & (1 << 64) - 1 for a in (*args, 0, 0, 0, 0, 0, 0)[:6]]
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, 0, *words)
    accumulator, at = 0, 0
    for _ in range(len(code)):
        operation, if_true, if_false, operand = code[at]
        at += 1
        if operation == 0x20:  # load a word
            assert operand % 4 == 0 and operand + 4 <= len(data)
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif operation == 0x06:  # return
            kind = operand & 0xFFFF0000
            verdicts = {0x7FFF0000: ALLOW, 0x80000000: KILL}
            return verdicts[kind] if kind in verdicts else _errno(operand)
        else:
            truth = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: accumulator & operand != 0}
            at += if_true if truth[operation] else if_false
    raise AssertionError("the program does not return")


def _errno(operand: int) -> int:
    """0 is a call that is said to have gone well, and was not made."""
    assert operand & 0xFFFF0000 == 0x00050000
    return operand & 0xFFFF


class Filter:
    """The filter of one machine."""

    def __init__(self, machine: str, families=FAMILIES_NAMESPACED, **options: bool) -> None:
        self.code, self.arch = program(machine, families=families, **options), ARCHITECTURE[machine]

    def __call__(self, number: int, *args: int, arch: int | None = None) -> str | int:
        return run(self.code, number, *args, arch=self.arch if arch is None else arch)


@MACHINES
def test_the_program_is_one_that_the_kernel_takes(machine):
    code = program(machine, families=FAMILIES_NAMESPACED)
    assert 0 < len(code) < 4096
    for at, (operation, if_true, if_false, operand) in enumerate(code):
        assert operation in (0x20, 0x15, 0x35, 0x45, 0x06) and 0 <= operand < 1 << 32
        if operation not in (0x20, 0x06):
            assert 0 <= if_true < 256 and at + 1 + max(if_true, if_false) < len(code)
    assert code[-1][0] == 0x06


@MACHINES
def test_denied_calls_are_refused(machine):
    ask = Filter(machine)
    for name, number in (DENIED[machine] | IPC[machine] | MEMFD[machine]).items():
        assert ask(number, 1, 2, 3) == errno.EPERM, name


@MACHINES
def test_nothing_else_is_refused(machine):
    ask = Filter(machine)
    special = {
        *DENIED[machine].values(),
        *IPC[machine].values(),
        *MEMFD[machine].values(),
        *PARTIAL[machine].values(),
        *SYNC[machine].values(),
    }
    for number in set(range(600)) - special:
        assert ask(number, 1, 2, 3) == ALLOW, number
    for name, number in NEEDED[machine].items():
        assert ask(number) == ALLOW, name


@MACHINES
def test_writing_all_to_disk_is_said_to_be_done(machine):
    """Whole machines wait for it. What a room writes is in memory, or thrown away."""
    for number in SYNC[machine].values():
        assert Filter(machine)(number, 3) == 0


@MACHINES
def test_memory_files_are_allowed_where_cuda_needs_them(machine):
    (number,) = MEMFD[machine].values()
    assert Filter(machine)(number) == errno.EPERM and Filter(machine, memfd=True)(number) == ALLOW


@MACHINES
@pytest.mark.parametrize("name", NAMESPACES)
def test_clone_cannot_make_a_namespace(machine, name):
    ask, clone = Filter(machine), PARTIAL[machine]["clone"]
    for flags in (NAMESPACES[name], NAMESPACES[name] | FORK, NAMESPACES[name] | 0xABC << 32):
        assert ask(clone, flags) == errno.EPERM


@MACHINES
def test_clone_can_fork_and_start_threads(machine):
    ask, clone = Filter(machine), PARTIAL[machine]["clone"]
    for flags in (FORK, THREAD, SPAWN, signal.SIGCHLD, 0):
        assert ask(clone, flags) == ALLOW
    # clone3's flags are in memory, which no filter can read: libraries then fall back to clone.
    assert ask(PARTIAL[machine]["clone3"], 1, 88) == errno.ENOSYS


@MACHINES
@pytest.mark.parametrize("families", [FAMILIES_NAMESPACED, FAMILIES_SHARED])
def test_only_listed_socket_families(machine, families):
    ask = Filter(machine, families)
    for family in range(64):
        expected = ALLOW if family in families else errno.EACCES
        assert ask(PARTIAL[machine]["socket"], family, 1, 0) == expected
        assert ask(PARTIAL[machine]["socketpair"], family, 1) == (ALLOW if family == 1 else errno.EACCES)
    assert ask(PARTIAL[machine]["socket"], -1) == errno.EACCES
    # The kernel takes the low half of the register, and so does the filter.
    assert ask(PARTIAL[machine]["socket"], 17 | 1 << 32) == errno.EACCES
    assert not {17, 38, 40} & set(families)


@MACHINES
def test_where_paths_are_the_hosts_no_socket_can_name_one(machine):
    """connect(2) and sendto(2) name a receiver in memory, which no filter can read: there is none to call on."""
    ask, pair = Filter(machine, FAMILIES_SHARED), PARTIAL[machine]["socketpair"]
    assert ask(PARTIAL[machine]["socket"], socket.AF_UNIX, socket.SOCK_STREAM) == errno.EACCES
    for flags in (0, socket.SOCK_CLOEXEC, socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 1 << 40):
        assert ask(pair, socket.AF_UNIX, socket.SOCK_STREAM | flags) == ALLOW
        assert ask(pair, socket.AF_UNIX, socket.SOCK_SEQPACKET | flags) == ALLOW
        assert ask(pair, socket.AF_UNIX, socket.SOCK_DGRAM | flags) == errno.EACCES
        assert ask(pair, socket.AF_UNIX, socket.SOCK_RAW | flags) == errno.EACCES
    assert Filter(machine)(pair, socket.AF_UNIX, socket.SOCK_DGRAM) == ALLOW
    for number in WATCHES[machine].values():
        assert ask(number, 0) == errno.EPERM and Filter(machine)(number, 0) == ALLOW


@MACHINES
def test_nobody_elses_limits_can_be_set(machine):
    ask, prlimit = Filter(machine), PARTIAL[machine]["prlimit64"]
    assert ask(prlimit, 0, 7, 1, 1) == ALLOW
    assert ask(prlimit, 1, 7, 1, 0) == errno.EPERM and ask(prlimit, 2**31, 7) == errno.EPERM


@MACHINES
def test_one_user_cannot_touch_its_other_processes_and_files(machine):
    """A weaker room of a plain user has that user's uid: Landlock alone would leave chmod, nice and the like."""
    ask, usual = Filter(machine, FAMILIES_SHARED, same_user=True), Filter(machine, FAMILIES_SHARED)
    for number in ATTRIBUTES[machine].values():
        assert ask(number, 1, 2, 3) == 0 and usual(number, 1, 2, 3) == ALLOW  # nothing done, and no error
    for number in OWNERS[machine].values():
        assert ask(number, 1, 2, 3) == errno.EPERM and usual(number, 1, 2, 3) == ALLOW
    for name, number in SCHEDULING[machine].items():
        own = {"setpriority": (0, 0), "ioprio_set": (1, 0)}.get(name, (0, 0))
        assert ask(number, *own) == ALLOW and usual(number, 1234, 0) == ALLOW
        assert ask(number, own[0], 1) == (0 if name in ("setpriority", "ioprio_set") else ALLOW)
        assert ask(number, 1234, 0) == 0 and ask(number, 2, 0) == 0
    for request in (0x40086602, 0x401C5820, 0x40806685, 0x800C6613):
        assert ask(PARTIAL[machine]["ioctl"], 5, request) == errno.EPERM
    assert ask(PARTIAL[machine]["ioctl"], 5, 0x5401) == ALLOW


@MACHINES
def test_terminals_cannot_be_typed_into(machine):
    ask, ioctl = Filter(machine), PARTIAL[machine]["ioctl"]
    for request in (0x5412, 0x541C, 0x5412 | 1 << 32, -1 << 32 | 0x541C):
        assert ask(ioctl, 0, request) == errno.EPERM
    for request in (0x5401, 0x5413, 0x5421, 0x8914):
        assert ask(ioctl, 0, request) == ALLOW
    assert ask(ioctl, 0x5412, 0x5401) == ALLOW  # a descriptor of that number


@MACHINES
def test_another_architecture_is_killed(machine):
    ask = Filter(machine)
    for arch in (0x40000003, 0x40000028, *(set(ARCHITECTURE.values()) - {ask.arch}), 0):
        assert ask(0, arch=arch) == KILL and ask(DENIED[machine]["mount"], arch=arch) == KILL


def test_x32_numbers_do_not_exist():
    ask = Filter("x86_64")
    for number in (0x40000000, 0x40000000 | 165, 0x40000000 | 520, 0x7FFFFFFF, 0xFFFFFFFF):
        assert ask(number) == errno.ENOSYS


def test_an_unknown_machine_is_an_error():
    with pytest.raises(KeyError):
        program("riscv64", families=FAMILIES_SHARED)


def numbers_of_headers(machine: str) -> dict[str, int]:
    """Call numbers as the kernel's own headers say them; skips where they are not installed."""
    places = {
        "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
        "aarch64": ("/usr/include/asm-generic/unistd.h",),
    }
    path = next((Path(p) for p in places[machine] if Path(p).exists()), None)
    if path is None:
        pytest.skip("the kernel's headers are not installed")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\s*$", path.read_text(), re.MULTILINE)
    return {name: int(number) for name, number in found}


@MACHINES
def test_numbers_are_those_of_the_kernels_headers(machine):
    known = numbers_of_headers(machine)
    mine = DENIED[machine] | IPC[machine] | MEMFD[machine] | PARTIAL[machine] | NEEDED[machine]
    mine |= ATTRIBUTES[machine] | OWNERS[machine] | SCHEDULING[machine] | WATCHES[machine]
    wrong = {n: (v, known[n]) for n, v in mine.items() if known.get(n, v) != v}
    assert not wrong
    assert len([n for n in mine if n in known]) > 0.9 * len(mine)


@MACHINES
def test_numbers_of_the_other_raw_calls(machine):
    from torchgrade.sandbox import syscalls

    known = numbers_of_headers(machine)
    mine = syscalls.NUMBERS[machine] | {"close_range": 436, "mount_setattr": 442, "landlock_create_ruleset": 444}
    assert {n: known[n] for n in mine} == mine
    assert (syscalls._CLOSE_RANGE, syscalls._MOUNT_SETATTR) == (436, 442)
    assert syscalls.LANDLOCK_CREATE_RULESET == 444 and syscalls.LANDLOCK_RESTRICT_SELF == 446


@MACHINES
def test_both_machines_deny_the_same(machine):
    other = "aarch64" if machine == "x86_64" else "x86_64"
    only = {"iopl", "ioperm", "modify_ldt"} if machine == "x86_64" else set()
    assert set(DENIED[machine]) - set(DENIED[other]) == only and set(IPC[machine]) == set(IPC[other])
