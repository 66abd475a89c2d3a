"""Linux system calls that Python does not offer, through ctypes. Numbers from the kernel's uapi headers."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Iterable

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_CAP_AMBIENT = 24, 36, 47
_CAP_VERSION_3 = 0x20080522

#: Calls whose numbers differ between the two architectures that a room knows.
NUMBERS = {
    "x86_64": {"pivot_root": 155, "capset": 126},
    "aarch64": {"pivot_root": 41, "capset": 91},
}
# The same on both (added after the tables were unified, or equal by luck).
_CLOSE_RANGE, _MOUNT_SETATTR = 436, 442
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def machine() -> str:
    """The architecture's name as the kernel says it; ``arm64`` is written ``aarch64``."""
    name = platform.machine()
    return "aarch64" if name == "arm64" else name


def syscall(number: int, *args: object) -> int:
    """A raw system call. Raises OSError."""
    assert _libc is not None, "Linux only"
    return check(_libc.syscall(ctypes.c_long(number), *args), f"system call {number}")


def check(result: int, what: str) -> int:
    """``result``, or OSError with the call's errno when it is negative."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def prctl(option: int, a: int = 0, b: int = 0) -> None:
    """prctl(2). Raises OSError."""
    assert _libc is not None, "Linux only"
    words = [ctypes.c_ulong(x) for x in (a, b, 0, 0)]
    check(_libc.prctl(option, *words), f"prctl {option}")


def unshare(flags: int) -> None:
    """unshare(2). Raises OSError."""
    assert _libc is not None, "Linux only"
    check(_libc.unshare(flags), f"unshare {flags:#x}")


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, data: str = "") -> None:
    """mount(2). Raises OSError."""
    assert _libc is not None, "Linux only"
    encoded = [None if s is None else os.fsencode(s) for s in (source, target, kind)]
    result = _libc.mount(*encoded, ctypes.c_ulong(flags), data.encode() if data else None)
    check(result, f"mount {source} on {target}")


def bind_read_only(source: str, target: str) -> None:
    """Bind ``source`` and all that is mounted below it, read-only, without set-uid programs or devices.

    The new mount must be read-only all the way down: a bind remount changes the top one alone.
    """
    mount(source, target, None, MS_BIND | MS_REC)
    attributes = struct.pack("QQQQ", MS_RDONLY | MS_NOSUID | MS_NODEV, 0, 0, 0)
    path = ctypes.c_char_p(os.fsencode(target))
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    syscall(_MOUNT_SETATTR, _AT_FDCWD, path, _AT_RECURSIVE, buffer, ctypes.c_size_t(len(attributes)))


def detach(target: str) -> None:
    """Lazily unmount ``target``. Raises OSError."""
    assert _libc is not None, "Linux only"
    check(_libc.umount2(os.fsencode(target), _MNT_DETACH), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """pivot_root(2). Raises OSError."""
    number = NUMBERS[machine()]["pivot_root"]
    syscall(number, ctypes.c_char_p(os.fsencode(new)), ctypes.c_char_p(os.fsencode(old)))


def set_no_new_privileges() -> None:
    """No program that this process starts may gain privileges."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def die_with_parent() -> None:
    """SIGKILL when the parent ends. A change of uid forgets this: call it afterwards."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Orphaned grandchildren come to this process, which can then end them."""
    prctl(_PR_SET_CHILD_SUBREAPER, 1)


def become(uid: int) -> None:
    """Root becomes a plain user for good, still able to write its own uid_map."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    prctl(_PR_SET_DUMPABLE, 1)  # a change of uid clears it, and /proc/self would then belong to root


def map_user(inner: int, uid: int, gid: int) -> None:
    """After unshare(CLONE_NEWUSER): ``uid`` outside is ``inner`` inside, and nobody else exists."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inner} {uid} 1"),
        ("gid_map", f"{inner} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def drop_capabilities(*, bounding_alone: bool = False) -> None:
    """Empty every capability set; CLONE_NEWUSER without exec leaves them full."""
    for capability in range(64):
        try:
            prctl(_PR_CAPBSET_DROP, capability)
        except OSError:
            break  # past the last one, or no right to drop: capset() below still empties the rest
    if bounding_alone:
        return
    with contextlib.suppress(OSError):
        prctl(_PR_CAP_AMBIENT, 4)
    header = ctypes.create_string_buffer(struct.pack("Ii", _CAP_VERSION_3, 0))
    data = ctypes.create_string_buffer(struct.pack("6I", *[0] * 6))
    syscall(NUMBERS[machine()]["capset"], header, data)


def close_descriptors_except(keep: Iterable[int]) -> None:
    """Close every descriptor from 3 upwards that is not in ``keep``."""
    low = 3
    for descriptor in sorted({d for d in keep if d >= 3}):
        if descriptor > low:
            syscall(_CLOSE_RANGE, ctypes.c_uint(low), ctypes.c_uint(descriptor - 1), 0)
        low = descriptor + 1
    syscall(_CLOSE_RANGE, ctypes.c_uint(low), ctypes.c_uint(0xFFFFFFFF), 0)


def limit(kind: int, soft: int, hard: int | None = None) -> None:
    """setrlimit(2), never above the hard limit that is in force."""
    ceiling = resource.getrlimit(kind)[1]
    hard = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))
