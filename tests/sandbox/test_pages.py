"""Huge pages for what is forked often: which memory is meant, and that a fork still has its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from torchgrade.sandbox import pages

MAPS = """\
55e45b06d000-55e45b06f000 r--p 00000000 fe:00 260386                     /usr/bin/python3
5636038d9000-56360b91b000 rw-p 00000000 00:00 0                          [heap]
7f0000100000-7f0000900000 rw-p 00000000 00:00 0
7f0001000000-7f0001100000 rw-p 00000000 00:00 0
7f0002000000-7f0003000000 rw-s 00000000 00:01 77                         /dev/zero (deleted)
7f0004000000-7f0005000000 rw-p 00000000 fe:00 4242                       /usr/lib/libtorch_cpu.so
7ffc00000000-7ffc00800000 rw-p 00000000 00:00 0                          [stack]
"""


def test_only_whole_huge_pages_of_private_memory_are_meant() -> None:
    assert pages.huge_ranges(MAPS.splitlines()) == [
        (0x563603A00000, 0x56360B800000), (0x7F0000200000, 0x7F0000800000),
    ]  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="huge pages are Linux's")
def test_a_process_goes_on_and_its_forks_have_their_own_memory() -> None:
    code = """
import os
from torchgrade.sandbox.pages import collapse_heap
words = [str(n) for n in range(400_000)]
collapse_heap()
read, write = os.pipe()
if os.fork() == 0:
    words[::2] = ["changed"] * 200_000
    os.write(write, words[4].encode())
    os._exit(0)
os.wait()
print(os.read(read, 100).decode(), words[4], sum(len(w) for w in words))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["changed", "4", str(sum(len(str(n)) for n in range(400_000)))]


def test_where_there_is_no_such_file_nothing_is_done(tmp_path: Path) -> None:
    assert pages.collapse_heap(tmp_path / "maps") == 0
