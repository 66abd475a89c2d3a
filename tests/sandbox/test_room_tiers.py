"""The same promises for a plain user, and what the weaker tier still keeps. Each runs in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from as_user import closed_parent
from room_tools import LIMITS

from torchgrade.errors import RoomError
from torchgrade.sandbox import landlock
from torchgrade.sandbox.policy import LANDLOCK
from torchgrade.sandbox.room import library_caches, make_request

HERE = Path(__file__).parent
UID = 61_111
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="rooms are sealed on Linux alone")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run as somebody else")


@cache
def outcome(tier: str, who: str) -> dict[str, Any]:
    """What `drive_room` found; ``who``: user, or root with an interpreter that all may read."""
    return driven(tier, who)


def driven(tier: str, who: str, *options: str) -> dict[str, Any]:
    """Run `drive_room` as somebody."""
    user = str(UID if who == "user" else 0)
    command = [sys.executable, str(HERE / "as_user.py"), user, str(HERE / "drive_room.py"), tier, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def refused(found: Any) -> bool:
    """Whether a try ended with the system's refusal."""
    return found[0] in ("PermissionError", "OSError", "FileNotFoundError", "ConnectionRefusedError")


def skip_if_impossible(found: dict[str, Any]) -> None:
    """A machine may forbid namespaces to plain users; the tier then says so and there is nothing to test."""
    if "refused" in found:
        assert found["refused"].startswith("the room could not be sealed: ")
        pytest.skip(found["refused"])


def keeps_its_promises(found: dict[str, Any], *, bounding: bool = True) -> None:
    """What holds in every sealed tier. A plain user has no right to shrink the set that bounds capabilities."""
    assert not os.path.exists("/dev/shm/torchgrade-test-escape")
    for name in (
        "network", "packet", "passwd", "checkout", "write", "host tmp", "namespace", "parent", "socket path",
        "datagram", "limits",
    ):  # fmt: skip
        if name == "passwd" and found["pids"][2] and not refused(found["passwd"]):
            assert found["passwd"][2].count("\n") == 1  # the room's own
        elif name == "host tmp" and not refused(found[name]):
            assert not os.path.exists("/tmp/torchgrade-test-escape")  # the room's own /tmp
        else:
            assert refused(found[name]), (name, found[name])
    held = [line for line in found["capabilities"][2] if not line.startswith("CapBnd") or bounding]
    assert all(int(line.split()[1], 16) == 0 for line in held), held
    assert 0 not in found["uid"][2]
    assert "LOGNAME" not in found["environment"][2]
    assert found["why"] == "asked" and not found["left"]


def works(found: dict[str, Any]) -> None:
    """Honest things that must go in every tier."""
    assert found["sum"] == ["", None, 45] and found["home"] == ["", None, "mine"]
    assert found["import"] == ["", None, 1], found["import"]
    assert found["shell"] == ["", None, "from a shell"] and found["threads"][0] == ""
    assert found["temporary"] == ["", None, 3], found["temporary"]
    assert found["cells"] == [["ok", ""]] * 3, found["cells"]
    assert found["workers"] == ["", None, [45.0, 145.0, 245.0, 345.0]], found["workers"]
    assert found["pool"] == found["futures"] == ["", None, [1, 2, 3]], found["pool"]
    assert found["queue"] == ["", None, [4, 5, 6]] and found["copy"] == ["", None, 1], found["queue"]


@AS_ROOT
def test_a_plain_user_gets_a_fully_sealed_room():
    found = outcome("full", "user")
    skip_if_impossible(found)
    keeps_its_promises(found)
    works(found)
    assert found["uid"][2] == [1000, 1000] and found["pids"][2] < 10


@AS_ROOT
@pytest.mark.skipif(landlock.abi() < 1, reason="no Landlock here")
def test_a_plain_user_gets_a_room_of_the_landlock_tier():
    found = outcome("landlock", "user")
    keeps_its_promises(found, bounding=False)
    works(found)
    assert found["uid"][2] == [UID, UID]
    assert found["nice"] == ["", None, 0] and refused(found["watch"]) and refused(found["shm"])


@AS_ROOT
@pytest.mark.slow
@pytest.mark.skipif(landlock.abi() < 6, reason="signals are not Landlock's here")
def test_a_room_of_the_landlock_tier_cannot_signal_its_neighbours():
    found = outcome("landlock", "user")
    assert refused(found["kill"])  # its own init and warden have the same uid
    found = outcome("landlock", "root")
    assert refused(found["kill"])


@AS_ROOT
@pytest.mark.slow
@pytest.mark.skipif(landlock.abi() < 1, reason="no Landlock here")
def test_root_gets_a_room_of_the_landlock_tier_with_another_uid():
    found = outcome("landlock", "root")
    keeps_its_promises(found)
    works(found)
    assert found["uid"][2][0] >= 61_184


@AS_ROOT
@pytest.mark.skipif(landlock.abi() < 1, reason="no Landlock here")
def test_an_interpreter_that_the_rooms_user_cannot_read_is_named(zygote):
    """Better no room than one in which half of the imports fail."""
    if closed_parent(Path(sys.base_prefix).resolve()) is None:
        pytest.skip("every user may read this interpreter")
    with pytest.raises(RoomError, match=f"cannot read {sys.base_prefix}"):
        zygote.open(make_request(LANDLOCK, LIMITS, wall_seconds=30))


@pytest.mark.skipif(landlock.abi() < 1, reason="no Landlock here")
def test_a_course_that_the_tier_cannot_hide_is_a_reason_not_to_open(zygote):
    """Landlock gives a folder with all that is in it; a full room would cover the course."""
    hidden = str(Path(pytest.__file__).parent)
    policy = replace(LANDLOCK, drop_privileges=os.geteuid() != 0)
    with pytest.raises(RoomError, match="can hide no folder"):
        zygote.open(make_request(policy, LIMITS, wall_seconds=30, hidden=(hidden,)))


@AS_ROOT
@pytest.mark.skipif(landlock.abi() < 1, reason="no Landlock here")
@pytest.mark.parametrize(
    "fill",
    [
        "for n in range(200): open(f'f{n}', 'wb').write(b'x' * (1 << 20))",
        "kept = []\nfor n in range(200):\n    kept.append(open('f', 'wb', 0)); os.unlink('f')\n"
        "    kept[-1].write(b'x' * (1 << 20))",
        "for n in range(20_000): os.close(os.open(f'e{n}', os.O_CREAT))",
        "for n in range(400): os.mkdir('d'); os.chdir('d')",
    ],
    ids=["files", "deleted files", "empty files", "folders too deep to look into"],
)
def test_a_room_without_a_quota_is_ended_when_its_disk_is_full(fill):
    found = driven("landlock", "root", "--then", f"import os, time\n{fill}\ntime.sleep(20)")
    assert found["why"] == "disk" and not found["left"], found


@AS_ROOT
def test_a_process_that_hides_its_memory_is_counted_all_the_same():
    """PR_SET_DUMPABLE 0 shuts most of /proc/PID to a warden of the same uid; the watchdog must not see nothing."""
    code = """
import os, time
from torchgrade.sandbox import syscalls, watch
read, write = os.pipe()
pid = os.fork()
if pid == 0:
    syscalls.prctl(4, 0)
    kept = bytearray(b"x") * (64 << 20)
    os.write(write, b".")
    time.sleep(20)
os.read(read, 1)
try:
    open(f"/proc/{pid}/smaps_rollup").read()
    shut = False
except PermissionError:
    shut = True
print(shut, watch.proportional_bytes(str(pid)) >> 20)
os.kill(pid, 9)
"""
    command = [sys.executable, str(HERE / "as_user.py"), str(UID), "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    shut, megabytes = done.stdout.split()
    assert shut == "True" and 64 <= int(megabytes) < 200


def test_a_user_without_a_home_needs_none(monkeypatch, tmp_path):
    """A container may run as a uid that has no name and no folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    own = tmp_path / f"torchgrade-cache-{os.geteuid()}"
    places = {"MPLCONFIGDIR": own / "matplotlib", "TORCHINDUCTOR_CACHE_DIR": own / "torchinductor"}
    assert library_caches() == library_caches() == {name: str(place) for name, place in places.items()}
    own.chmod(0o777)  # somebody else could have put something there
    assert library_caches() == {}
    shutil.rmtree(own)
    own.symlink_to(tmp_path)
    assert library_caches() == {}


@pytest.mark.slow
@AS_ROOT
@pytest.mark.skipif(landlock.abi() < 1, reason="no Landlock here")
def test_a_busy_users_other_processes_do_not_use_up_the_rooms():
    """Without a user namespace the kernel counts all processes of the uid against the room's limit."""
    busy = (
        "import threading, time; [threading.Thread(target=time.sleep, args=(40,)).start() for _ in range(100)]; "
    )
    busy += "print('up', flush=True)"
    command = [sys.executable, str(HERE / "as_user.py"), str(UID + 1), "-c", busy]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as crowd:
        try:
            assert crowd.stdout is not None and crowd.stdout.readline() == b"up\n"
            command = [
                sys.executable,
                str(HERE / "as_user.py"),
                str(UID + 1),
                str(HERE / "drive_room.py"),
                "landlock",
            ]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        finally:
            crowd.kill()
    assert done.returncode == 0, done.stderr[-2000:]
    works(json.loads(done.stdout.splitlines()[-1]))
