"""Nothing is left of a room: no process, mount, control group, folder or descriptor, however it ended."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from room_tools import LIMITS, MARK, alive, children_of, inside, sleepers, wait_until, warden_of
from test_room_tiers import AS_ROOT

from torchgrade.errors import RoomError
from torchgrade.sandbox import landlock
from torchgrade.sandbox.policy import FULL
from torchgrade.sandbox.room import Zygote, make_request

HERE = Path(__file__).parent
BUSY = f"""
import os, subprocess, tempfile
open("/tmp/file", "w").write("x" * 100_000)
open("/dev/shm/file", "w").write("x")
subprocess.Popen(["sleep", "{MARK}"], start_new_session=True)
if os.fork() == 0:
    os.setsid(); os.closerange(3, 100)
    os.execvp("sleep", ["sleep", "{MARK}"])
"""


def cgroup_folders(name: str) -> list[Path]:
    """Directories of a room's control group, in any hierarchy."""
    return [Path(top, n) for top, names, _ in os.walk("/sys/fs/cgroup") for n in names if name in n]


def test_nothing_is_left_after_end(zygote, monkeypatch):
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        request = make_request(FULL, LIMITS, wall_seconds=60)
        mounts, wardens = Path("/proc/self/mountinfo").read_text(), children_of(zygote.process.pid)
        descriptors = len(os.listdir("/proc/self/fd"))
        with inside(zygote, BUSY, room=zygote.open(request)) as room:
            warden = warden_of(zygote, wardens)
            assert wait_until(lambda: len(sleepers()) == 2, 5)
            counted = bool(cgroup_folders(request.name))
            (own,) = os.listdir(folder)
            assert os.listdir(Path(folder, own)) == []  # the sockets' paths went when the client was connected
            ended = room.room.end()
        assert ended.why == "asked" and (ended.peak_memory_mb > 10)
        assert sleepers() == [] and wait_until(lambda: not alive(warden), 2)
        assert Path("/proc/self/mountinfo").read_text() == mounts
        assert cgroup_folders(request.name) == [] and os.listdir(folder) == []
        assert len(os.listdir("/proc/self/fd")) == descriptors
        assert not Path("/dev/shm/file").exists()
        if os.geteuid() == 0 and os.access("/sys/fs/cgroup", os.W_OK) and Path("/sys/fs/cgroup/memory").is_dir():
            assert counted  # otherwise the check above shows nothing


def test_a_room_that_cannot_be_sealed_leaves_nothing_and_says_why(zygote, monkeypatch):
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        request = make_request(replace(FULL, network_namespace=False), LIMITS, wall_seconds=60)
        bad = replace(request, home="/proc/nowhere")
        descriptors, wardens = len(os.listdir("/proc/self/fd")), children_of(zygote.process.pid)
        with pytest.raises(RoomError, match="could not be sealed"):
            zygote.open(bad)
        assert os.listdir(folder) == [] and cgroup_folders(request.name) == []
        assert len(os.listdir("/proc/self/fd")) == descriptors
        assert wait_until(lambda: children_of(zygote.process.pid) <= wardens, 2)


def test_end_can_be_called_twice(zygote):
    room = zygote.open(make_request(FULL, LIMITS, wall_seconds=60))
    assert room.end() == room.end() == room.poll()
    room.kill()
    room.interrupt()


def test_a_request_longer_than_the_zygote_reads_is_refused_in_words(zygote):
    request = make_request(FULL, LIMITS, wall_seconds=60)
    with pytest.raises(RoomError, match="too long"):
        zygote.open(replace(request, hidden=tuple("x" * 200 for _ in range(400))))
    zygote.open(request).end()


def test_a_warm_process_that_has_gone_is_told_in_words(monkeypatch):
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        process = subprocess.Popen(["true"])
        process.wait()
        theirs.close()
        zygote = Zygote(process, ours)
        with pytest.raises(RoomError, match="did not start"):
            zygote.open(make_request(FULL, LIMITS, wall_seconds=5))
        zygote._ready = True
        with pytest.raises(RoomError, match="has ended"):
            zygote.open(make_request(FULL, LIMITS, wall_seconds=5))
        zygote.close()
        assert os.listdir(folder) == []


def test_many_open_files_do_not_disturb(zygote):
    """A harness with dozens of rooms has descriptors above those that select(2) knows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1400:
        pytest.skip("this user may not open so many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1400), hard))
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
    try:
        with inside(zygote) as room:
            assert room.gets("result = 1") == 1 and room.room.poll() is None
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_long_temporary_folder_does_not_disturb(zygote, monkeypatch, tmp_path):
    """A socket's path has 107 bytes at most."""
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with inside(zygote) as room:
        assert room.gets("result = 1") == 1


@contextlib.contextmanager
def held(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A harness in a process of its own that holds a room, and what it said about it."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as harness:
        try:
            assert harness.stdout is not None
            said = json.loads(harness.stdout.readline())
            if "refused" in said:
                pytest.skip(said["refused"])
            yield harness, said
        finally:
            harness.kill()


@pytest.mark.parametrize("tier", ["full", pytest.param("landlock", marks=pytest.mark.slow)])
def test_killing_the_harness_ends_the_room(tier):
    if tier == "landlock" and (os.geteuid() != 0 or landlock.abi() < 1):
        pytest.skip("needs root and Landlock")
    script = [str(HERE / "drive_room.py"), tier, MARK]
    command = [sys.executable, *(script if tier == "full" else [str(HERE / "as_user.py"), "0", *script])]
    with held(command) as (harness, said):
        (warden,) = said["wardens"]
        assert Path(said["folder"]).is_dir()
        assert wait_until(sleepers, 5) and alive(warden)
        harness.send_signal(signal.SIGKILL)
        assert wait_until(lambda: not sleepers() and not alive(warden), 2)
        assert wait_until(lambda: not Path(said["folder"]).exists(), 1)
    assert wait_until(lambda: cgroup_folders(f"torchgrade-{harness.pid}-") == [], 1)


def test_killing_a_warden_ends_its_room_alone(zygote, student):
    wardens = children_of(zygote.process.pid)
    with inside(zygote, BUSY) as room:
        assert wait_until(lambda: len(sleepers()) == 2, 5)
        os.kill(warden_of(zygote, wardens), signal.SIGKILL)
        assert wait_until(lambda: not sleepers(), 2)
        assert wait_until(lambda: room.room.poll() is not None, 2)
    assert student.gets("result = 'unharmed'") == "unharmed"


@AS_ROOT
@pytest.mark.slow
@pytest.mark.skipif(landlock.abi() < 1, reason="no Landlock here")
def test_killing_a_warden_of_the_landlock_tier_ends_the_students_process():
    command = [sys.executable, str(HERE / "as_user.py"), "0", str(HERE / "drive_room.py"), "landlock", MARK]
    with held(command) as (_, said):
        (warden,) = said["wardens"]
        (init,) = children_of(warden)
        (kernel,) = children_of(init)
        os.kill(warden, signal.SIGKILL)
        assert wait_until(lambda: not alive(init) and not alive(kernel), 2)
    for pid in sleepers():  # a daemon of a room without PID namespace, whose warden died
        os.kill(pid, signal.SIGKILL)


def test_libraries_keep_their_caches_in_one_place(tmp_path):
    """matplotlib's list of fonts and what torch compiles: neither in the home nor in the temporary folder."""
    home, temporary = tmp_path / "home", tmp_path / "t"
    home.mkdir()
    temporary.mkdir()
    code = """
from torchgrade.model import Limits
from torchgrade.sandbox.policy import FULL
from torchgrade.sandbox.room import Zygote, make_request
from torchgrade.errors import RoomError
zygote = Zygote.start()
try:
    zygote.open(make_request(FULL, Limits(), wall_seconds=30)).end()
except RoomError:
    pass
zygote.close()
"""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "MPL", "TORCHINDUCTOR"))}
    environment |= {"HOME": str(home), "TMPDIR": str(temporary)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=100)
    assert os.listdir(temporary) == []
    assert os.listdir(home) == [".cache"] and os.listdir(home / ".cache") == ["torchgrade"]
    assert set(os.listdir(home / ".cache" / "torchgrade")) == {"matplotlib", "torchinductor"}
