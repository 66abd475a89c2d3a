"""Control groups: made with their limits, read, removed; None where they cannot be made whole."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from torchgrade.sandbox import cgroup


@pytest.fixture
def name():
    return f"torchgrade-test-{secrets.token_hex(4)}"


def places(name: str) -> list[Path]:
    return [Path(top, n) for top, names, _ in os.walk("/sys/fs/cgroup") for n in names if n == name]


def _make_or_skip(name: str, memory: int = 64 << 20, processes: int = 5) -> cgroup.Cgroup:
    group = cgroup.create(name, memory, processes)
    if group is None:
        assert places(name) == []
        pytest.skip("no control group can be made here")
    return group


def test_limits_are_written_and_the_group_goes(name):
    group = _make_or_skip(name)
    found = places(name)
    names = ("memory.max", "memory.limit_in_bytes", "pids.max")
    texts = {n: (d / n).read_text().strip() for d in found for n in names if (d / n).exists()}
    assert texts["pids.max"] == "5"
    assert str(64 << 20) in (texts.get("memory.max"), texts.get("memory.limit_in_bytes"))
    group.remove()
    assert places(name) == []
    group.remove()  # twice does no harm
    assert group.peak_bytes() is None and group.out_of_memory() is False


@pytest.mark.skipif(not os.access("/sys/fs/cgroup/cpu/cgroup.procs", os.W_OK), reason="no such controller")
def test_rooms_have_equal_parts_of_busy_processors(name):
    """Else a room of a hundred sessions at work has a hundred parts, and its neighbour one."""
    group = _make_or_skip(name)
    (place,) = {p.resolve() for p in places(name) if (p / "cpu.shares").exists()}
    assert (place / "cpu.shares").read_text().strip() == "1024"
    with subprocess.Popen(["sleep", "60"]) as process:
        group.add(process.pid)
        assert (place / "cgroup.procs").read_text().split() == [str(process.pid)]
        process.kill()
    group.remove()
    assert places(name) == []


def test_a_process_is_counted_and_killed_for_want_of_memory(name):
    group = _make_or_skip(name)
    code = "import sys; sys.stdin.read(1); x = bytearray(b'x') * (200 << 20)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        group.add(process.pid)
        assert not group.out_of_memory()
        process.communicate(b".")
    assert process.returncode == -9 and group.out_of_memory()
    peak = group.peak_bytes()
    assert peak is None or 32 << 20 < peak <= 64 << 20
    group.remove()
    assert places(name) == []


def test_processes_are_bounded(name):
    group = _make_or_skip(name, processes=3)
    code = "import os, sys, time; sys.stdin.read(1)\nfor n in range(9):\n    try:\n        pid = os.fork()\n"
    code += "    except OSError: print(n); break\n    if pid == 0: time.sleep(1); os._exit(0)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        group.add(process.pid)
        assert process.communicate(b".")[0] == b"2\n"
    for pid in {int(p) for place in places(name) for p in (place / "cgroup.procs").read_text().split()}:
        os.kill(pid, 9)
    group.remove()
    assert places(name) == []


def test_groups_of_harnesses_that_were_killed_are_swept(name):
    """A warden that is killed cannot remove its group; the next room does, once the harness has gone too."""
    probe = _make_or_skip(name)
    parents = {place.parent for place in places(name)}
    probe.remove()
    with subprocess.Popen(["true"]) as gone:
        pass
    stale, living = f"torchgrade-{gone.pid}-0a1b", f"torchgrade-{os.getpid()}-0a1b"
    for parent in parents:
        (parent / stale).mkdir()
        (parent / living).mkdir()
    try:
        _make_or_skip(name).remove()
        assert places(stale) == [] and len(places(living)) == len(parents)
    finally:
        for place in places(stale) + places(living):
            place.rmdir()


def test_none_and_nothing_left_where_there_is_no_hierarchy(name, monkeypatch, tmp_path):
    for root in (tmp_path / "missing", tmp_path):
        monkeypatch.setattr(cgroup, "_ROOT", root)
        assert cgroup.create(name, 1 << 20, 5) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("present", [("cgroup.procs",), ("memory.max",)])
def test_none_where_a_controller_is_missing(name, monkeypatch, tmp_path, present):
    """Version 2, where the parent hands down no memory or no pids controller: plain files cannot be made there."""
    (tmp_path / "cgroup.controllers").write_text("cpu\n")
    monkeypatch.setattr(cgroup, "_ROOT", tmp_path)
    monkeypatch.setattr(cgroup, "_own_group", lambda _: "")
    assert cgroup.create(name, 1 << 20, 5) is None
    assert not (tmp_path / name).exists()


def test_the_own_group_is_found_in_both_versions(monkeypatch):
    text = "9:memory:/a/b\n8:pids,cpu:/c\n0::/user.slice/x\n"
    monkeypatch.setattr(Path, "read_text", lambda self: text)
    assert cgroup._own_group("memory") == "a/b" and cgroup._own_group("pids") == "c"
    assert cgroup._own_group("") == "user.slice/x" and cgroup._own_group("freezer") == ""
