"""Landlock's ruleset for each version of the kernel's interface, and what a process may do under it."""

from __future__ import annotations

import os
import struct
import subprocess
import sys

import pytest

from torchgrade.sandbox import landlock

#: Rights of linux/landlock.h by the version that brought them.
_FILE = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
LENGTHS = {1: 8, 2: 8, 3: 8, 4: 16, 5: 16, 6: 24, 7: 24, 8: 24}


@pytest.mark.parametrize("version", LENGTHS)
@pytest.mark.parametrize("deny_tcp", [True, False])
def test_ruleset_holds_all_that_the_version_can_deny(version, deny_tcp):
    data = landlock.ruleset(version, deny_tcp=deny_tcp)
    assert len(data) == LENGTHS[version]
    files, network, scope = struct.unpack("<QQQ", data.ljust(24, b"\0"))
    assert files == sum(rights for since, rights in _FILE.items() if version >= since)
    assert network == (3 if version >= 4 and deny_tcp else 0)
    assert scope == (3 if version >= 6 else 0)


@pytest.mark.parametrize("version", [1, 2, 4, 5, 6])
def test_rights_grow_with_the_version(version):
    assert landlock.handled_file_rights(version) & landlock.handled_file_rights(version + 1) == (
        landlock.handled_file_rights(version)
    )


def test_a_kernel_without_landlock_is_an_error(monkeypatch):
    monkeypatch.setattr(landlock, "abi", lambda: 0)
    with pytest.raises(OSError, match="no Landlock"):
        landlock.restrict(["/"], [])


def _confined(code: str, *arguments: str) -> str:
    """Output of code run in a fresh process; Landlock cannot be taken back."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(landlock.abi() < 1, reason="no Landlock here")
def test_a_confined_process_keeps_its_paths_and_loses_the_rest(tmp_path):
    for name in ("read", "write", "none"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    code = """
import os, sys
from torchgrade.sandbox import landlock, syscalls
top = sys.argv[1]
syscalls.set_no_new_privileges()
landlock.restrict([top + "/read", top + "/read/file", "/nowhere"], [top + "/write"], ["/dev/null"])
def can(mode, path):
    try:
        with open(path, mode): return True
    except PermissionError: return False
print([can("r", f"{top}/{n}/file") for n in ("read", "write", "none")],
      [can("w", f"{top}/{n}/new") for n in ("read", "write", "none")],
      can("w", "/dev/null"), can("r", "/etc/hostname"))
"""
    assert _confined(code, str(tmp_path)) == "[True, True, False] [False, True, False] True False"
    assert os.listdir(tmp_path / "read") == ["file"]


def test_abi_is_a_small_number():
    assert 0 <= landlock.abi() < 100
