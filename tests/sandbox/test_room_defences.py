"""Each defence switched off: the room still opens, and something forbidden becomes possible. So the tests bite.

Where two defences overlap, both are switched off. Nothing here does harm: it only shows that a door is open.
``docs/security.md`` shows the same table: ``python tests/sandbox/test_room_defences.py`` prints it.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import platform
import socket
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from room_tools import LIMITS, MARK, inside, run_cells, sleepers, wait_until

from torchgrade.sandbox import landlock
from torchgrade.sandbox.policy import FULL, Policy
from torchgrade.sandbox.room import make_request
from torchgrade.sandbox.seccomp import DENIED, IPC

SECURITY = Path(__file__).parents[2] / "docs" / "security.md"

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="a plain user has no room without a user namespace")
CALLS = DENIED.get(platform.machine(), {}) | IPC.get(platform.machine(), {})
ALONE = tuple(field.name for field in dataclasses.fields(Policy) if field.name != "tier")


@dataclass(frozen=True)
class Bite:
    """A defence, those that overlap it, and what can be done where all of them are missing."""

    defence: str
    also: tuple[str, ...]
    attack: str
    test: str


BITES: list[Bite] = []


def bites(defence: str, *also: str, attack: str):
    """A test that this attack succeeds without the defence; it says itself that it fails with it."""

    def note(test):
        BITES.append(Bite(defence, also, attack, test.__name__))
        return test

    return note


def table() -> list[str]:
    """The rows of docs/security.md."""
    rows = ["| Defence | missing with it | then a student can | test |", "|---|---|---|---|"]
    for bite in sorted(BITES, key=lambda b: ALONE.index(b.defence)):
        also = ", ".join(bite.also) or "nothing else"
        rows.append(f"| {bite.defence} | {also} | {bite.attack} | `{bite.test}` |")
    return rows


def test_every_defence_has_an_attack_that_it_alone_or_with_others_stops():
    assert {bite.defence for bite in BITES} == set(ALONE)
    assert all(set(bite.also) <= set(ALONE) for bite in BITES)
    assert all(callable(globals()[bite.test]) for bite in BITES)


def test_the_document_shows_this_table():
    text = SECURITY.read_text(encoding="utf-8").splitlines()
    start = text.index(table()[0])
    assert text[start : start + len(table())] == table(), "print it anew; the docstring says how"
    shown = [line.split("`")[-2] for line in text if line.startswith("|") and "`test_" in line]
    assert shown == [bite.test for bite in sorted(BITES, key=lambda b: ALONE.index(b.defence))]


def without(*names: str):
    """A full policy without these defences."""
    return replace(FULL, **dict.fromkeys(names, False))


@AS_ROOT
@pytest.mark.parametrize("name", ALONE)
def test_a_room_without_one_defence_still_opens_and_ends(zygote, name, readable_interpreter):
    if name == "mount_namespace" and not readable_interpreter:
        pytest.skip("the room's user cannot read this interpreter where it lies")
    with inside(zygote, "!echo a shell", policy=without(name)) as room:
        assert room.gets("import os; result = os.getcwd()")
        assert [c.status for c in room.run.cells] == ["ok", "ok"]
        assert room.room.end().why == "asked"


@pytest.fixture(scope="module")
def readable_interpreter():
    """Whether a plain user could read this interpreter."""
    from pathlib import Path

    from as_user import closed_parent

    return closed_parent(Path(os.__file__).resolve()) is None


@bites("seccomp", attack="make user namespaces and keys in the kernel's rings")
def test_without_seccomp_namespaces_and_keys_can_be_made(zygote):
    call = f"syscall({CALLS['add_key']}, p(b'user'), p(b'k'), p(b'v'), 1, -2)"
    made = f"import ctypes, os; p = ctypes.c_char_p\nif os.fork() == 0: os._exit(libc.unshare(0x10000000))\n" \
           f"result = [os.waitstatus_to_exitcode(os.wait()[1]), {call} > 0]"  # fmt: skip
    with inside(zygote, policy=without("seccomp")) as room:
        assert room.gets(made) == [0, True]
    with inside(zygote) as room:
        assert room.tries(made).refused


@bites("landlock", attack="read the environment of the room's first process")
@pytest.mark.skipif(landlock.abi() < 1, reason="no Landlock here")
def test_without_landlock_the_rooms_init_can_be_read(zygote):
    with inside(zygote, policy=without("landlock")) as room:
        assert "PATH=" in room.gets("result = open('/proc/1/environ').read()")
        # And even then its streams, once the harness's, lead nowhere.
        assert (
            room.gets("import os; result = [os.readlink(f'/proc/1/fd/{n}') for n in range(3)]")
            == ["/dev/null"] * 3
        )


@bites(
    "mount_namespace", "landlock", "drop_privileges", "user_namespace", attack="read the files of whoever grades"
)
@AS_ROOT
def test_without_mount_namespace_and_landlock_the_host_can_be_read(zygote, tmp_path):
    (tmp_path / "host").write_text("of the host")
    for folder in (tmp_path, *tmp_path.parents[:3]):
        if folder != tmp_path.anchor and folder.stat().st_uid == os.geteuid() and "pytest" in folder.name:
            folder.chmod(0o755)
    read = f"result = open({str(tmp_path / 'host')!r}).read()"
    policy = without("mount_namespace", "landlock", "drop_privileges", "user_namespace")
    with inside(zygote, policy=policy) as room:
        assert room.gets(read) == "of the host"
    with inside(zygote) as room:
        assert room.tries(read).refused


@bites("pid_namespace", attack="see which processes the host runs")
@AS_ROOT
def test_without_pid_namespace_the_hosts_processes_are_seen_and_daemons_still_end(zygote):
    daemon = "import os\nif os.fork() == 0:\n    os.setsid()\n"
    daemon += f"    if os.fork() == 0: os.execvp('sleep', ['sleep', '{MARK}'])\n    os._exit(0)"
    with inside(zygote, daemon, policy=without("pid_namespace")) as room:
        pids = room.gets("import os; result = [int(p) for p in os.listdir('/proc') if p.isdigit()]")
        assert os.getpid() in pids
        assert wait_until(lambda: len(sleepers()) == 1, 5)
    assert sleepers() == []


@bites(
    "network_namespace", "seccomp", "landlock", attack="send datagrams out, and connect to services of the host"
)
def test_without_network_namespace_and_filter_the_hosts_services_answer(zygote):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.create_server(("127.0.0.1", 0)) as tcp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(5)
        send = f"import socket; socket.socket(2, 2).sendto(b'out', {udp.getsockname()!r})"
        connect = f"import socket; socket.create_connection({tcp.getsockname()!r}, timeout=3)"
        with inside(zygote, policy=without("network_namespace")) as room:
            assert room.tries(send).refused and room.tries(connect).refused
        with inside(zygote, policy=without("network_namespace", "seccomp")) as room:
            assert not room.tries(send).error and udp.recv(16) == b"out"
            assert room.tries(connect).refused or landlock.abi() < 4  # Landlock alone stops TCP
        with inside(zygote, policy=without("network_namespace", "seccomp", "landlock")) as room:
            assert not room.tries(connect).error


@bites("ipc_namespace", "seccomp", attack="leave memory on the host that outlives the room")
@pytest.mark.skipif("shmget" not in CALLS, reason="another architecture")
def test_without_ipc_namespace_and_filter_segments_are_the_hosts(zygote):
    libc = ctypes.CDLL(None)
    get = f"result = syscall({CALLS['shmget']}, 0x7467, 4096, 0o1666)"
    with inside(zygote, policy=without("seccomp")) as room:
        assert room.gets(get) >= 0
        assert libc.shmget(0x7467, 0, 0) == -1  # its own namespace's
    with inside(zygote, policy=without("seccomp", "ipc_namespace")) as room:
        room.gets(get)
        segment = libc.shmget(0x7467, 0, 0)
        libc.shmctl(segment, 0, None)
        assert segment >= 0


@bites("drop_privileges", attack="act as root, with every capability")
@AS_ROOT
def test_without_dropped_privileges_it_is_root(zygote):
    with inside(zygote, policy=without("drop_privileges")) as room:
        assert room.gets("import os; result = os.getuid()") == 0
        assert "CapEff:\t0000000000000000" not in room.gets("result = open('/proc/self/status').read()")


FORKS = """
import os, time
result = 0
try:
    while result < 60:
        if os.fork() == 0:
            time.sleep(30); os._exit(0)
        result += 1
except OSError:
    pass
"""


@bites("cgroup", "rlimits", attack="fork without end")
def test_without_limits_and_group_forks_are_not_bounded(zygote):
    few = replace(LIMITS, processes=24)
    with inside(zygote, policy=without("cgroup"), limits=few) as room:
        assert room.gets(FORKS) < 24
    with inside(zygote, policy=without("cgroup", "rlimits"), limits=few) as room:
        assert room.gets(FORKS) == 60


@bites("watchdog", "cgroup", "rlimits", attack="take all memory")
def test_without_limits_group_and_watchdog_memory_is_not_bounded(zygote):
    small = replace(LIMITS, memory_mb=128)
    take = "x = bytearray(b'x') * (400 << 20); import time; time.sleep(1); result = len(x) >> 20"
    with inside(zygote, policy=without("cgroup", "rlimits", "watchdog"), limits=small) as room:
        assert room.gets(take) == 400
    with inside(zygote, policy=without("cgroup", "rlimits"), limits=small) as room:
        with contextlib.suppress(Exception):
            assert room.tries(take).error
        assert room.room.end().why == "memory"


@bites("rlimits", attack="hold any number of files and sockets, and the kernel's memory behind them")
def test_without_limits_descriptors_are_not_bounded(zygote):
    hold = "import os\nkept = [os.open('/dev/null', os.O_RDONLY) for _ in range(1500)]\nresult = len(kept)"
    with inside(zygote) as room:
        assert room.tries(hold).errno == 24  # EMFILE
    with inside(zygote, policy=without("rlimits")) as room:
        assert room.gets(hold) == 1500


@bites("user_namespace", "cgroup", attack="use up the processes of a room that has the same uid outside")
@AS_ROOT
def test_without_user_namespace_rooms_of_one_uid_share_a_limit(zygote):
    """The kernel counts a user's processes by user namespace; two rooms may draw one uid."""
    crowd = FORKS.replace("60", "100")
    one = "import os\nif os.fork() == 0: os._exit(0)\nresult = os.waitstatus_to_exitcode(os.wait()[1])"

    def second_of_two(policy: Policy):
        few = replace(LIMITS, processes=50)
        requests = [replace(make_request(policy, few, wall_seconds=60), uid=61_200) for _ in range(2)]
        first, second = (zygote.open(r) for r in requests)
        with inside(zygote, room=first) as busy, inside(zygote, room=second) as other:
            assert 20 < busy.gets(crowd) < 50
            return other.tries(one)

    assert second_of_two(without("cgroup")).result == 0
    assert (
        second_of_two(without("cgroup", "user_namespace")).errno == 11
    )  # EAGAIN: the other room's processes count


@bites("cgroup", "watchdog", attack="hide memory in pipes and sockets, where only the kernel counts it")
def test_without_group_what_the_kernel_holds_is_estimated_alone(zygote):
    """The watchdog counts each socket as if it were full: that ends such a room too, and honest ones have few."""
    small = replace(LIMITS, memory_mb=256)
    fill = """
import socket
kept = []
for n in range(450):
    a, b = socket.socketpair(); a.setblocking(False); kept.append((a, b))
    try:
        while True: a.send(b"x" * 65536)
    except BlockingIOError:
        pass
import time; time.sleep(1)
result = len(kept)
"""
    run = run_cells(zygote, fill, policy=without("cgroup", "watchdog"), limits=small)
    assert run.cells[0].status == "ok"  # some 90 MB that belong to no process
    room = zygote.open(make_request(without("cgroup"), replace(small, memory_mb=160), wall_seconds=60))
    with inside(zygote, room=room) as watched:
        with contextlib.suppress(Exception):
            assert watched.tries(fill).error
        assert watched.room.end().why == "memory"


if __name__ == "__main__":
    print("\n".join(table()))
