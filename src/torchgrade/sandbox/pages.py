"""Huge pages for a process that forks often: a fork copies the page tables of all memory that is no file's.

A process with torch has 150 to 250 MB of it. In pages of 4 KiB a fork and the child's end cost 15 ms, in pages of
2 MiB 5 ms, and there are four forks for each submission. After a fork a write splits the huge page in the child's
table and copies 4 KiB, as before.
"""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

#: In a process's environment: what malloc takes, about half of it, is in huge pages from the start, at no cost.
HUGE_HEAP = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
#: Collapsing the rest copies it, which takes 0.3 s: worth it before this fork, not for a student's single check.
WORTH_IT = 12
_HUGE = 2 << 20
_MADV_COLLAPSE = 25  # Linux 6.1; elsewhere it is refused, which costs nothing
_HEAP = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0 *(?:\[heap\])?")


def collapse_heap(maps: Path = Path("/proc/self/maps")) -> int:
    """Put this process's heap into huge pages where the kernel can; how many there are of them afterwards."""
    try:
        lines = maps.read_text(encoding="utf-8", errors="replace").splitlines()
        madvise = ctypes.CDLL(None, use_errno=True).madvise
    except (OSError, AttributeError):  # no Linux
        return 0
    madvise.argtypes = [ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
    done = 0
    for begin, end in huge_ranges(lines):  # one call each: every call waits for all processors
        done += madvise(begin, end - begin, _MADV_COLLAPSE) == 0
    return done


def huge_ranges(lines: list[str]) -> list[tuple[int, int]]:
    """The whole huge pages in private, writable memory that is no file's: (first address, one past the last)."""
    found = []
    for line in lines:
        if match := _HEAP.fullmatch(line.rstrip()):
            begin = -(-int(match[1], 16) // _HUGE) * _HUGE
            end = int(match[2], 16) // _HUGE * _HUGE
            if begin < end:
                found.append((begin, end))
    return found
