"""Landlock: which files, ports, sockets and processes a room may touch (linux/landlock.h, ABI 1 to 7)."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable

from torchgrade.sandbox import syscalls

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_READ_ONLY = _EXECUTE | _READ_FILE | _READ_DIR
_ON_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPE_ABSTRACT_UNIX, _SCOPE_SIGNAL = 1, 2
_RULE_PATH_BENEATH = 1


def abi() -> int:
    """The kernel's Landlock version; 0 where there is none."""
    try:
        return syscalls.syscall(syscalls.LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    except (OSError, AssertionError):
        return 0


def handled_file_rights(version: int) -> int:
    """All file rights that a kernel of this version can deny."""
    rights = (1 << 13) - 1
    for since, right in ((2, 1 << 13), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        if version >= since:
            rights |= right
    return rights


def ruleset(version: int, *, deny_tcp: bool) -> bytes:
    """``struct landlock_ruleset_attr``, as long as the kernel's version knows it."""
    network = _BIND_TCP | _CONNECT_TCP if version >= 4 and deny_tcp else 0
    scope = _SCOPE_ABSTRACT_UNIX | _SCOPE_SIGNAL if version >= 6 else 0
    length = 8 if version < 4 else 16 if version < 6 else 24
    return struct.pack("QQQ", handled_file_rights(version), network, scope)[:length]


def restrict(
    read_only: Iterable[str], writable: Iterable[str], devices: Iterable[str] = (), *, deny_tcp: bool = True
) -> int:
    """Confine this process and its children for good; paths that do not exist are passed over.

    Returns the Landlock version in force. Raises OSError where the kernel has none.
    """
    version = abi()
    if version < 1:
        raise OSError(errno.ENOSYS, "this kernel has no Landlock")
    attributes = ruleset(version, deny_tcp=deny_tcp)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    rules = syscalls.syscall(syscalls.LANDLOCK_CREATE_RULESET, buffer, ctypes.c_size_t(len(attributes)), 0)
    everything = handled_file_rights(version)
    device_rights = (_READ_FILE | _WRITE_FILE | _IOCTL_DEV) & everything
    for paths, rights in ((read_only, _READ_ONLY), (writable, everything), (devices, device_rights)):
        for path in paths:
            _allow(rules, path, rights)
    syscalls.syscall(syscalls.LANDLOCK_RESTRICT_SELF, rules, 0)
    os.close(rules)
    return version


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
        rights &= _ON_A_FILE
    rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, descriptor))
    syscalls.syscall(syscalls.LANDLOCK_ADD_RULE, rules, _RULE_PATH_BENEATH, rule, 0)
    os.close(descriptor)
