"""Memory, processes and time: what runs away ends alone, and the room's neighbours do not notice."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import replace

import pytest
from room_tools import (
    LIMITS,
    MARK,
    children_of,
    inside,
    notebook,
    run_cells,
    sleepers,
    text_of,
    wait_until,
)

from torchgrade.sandbox.policy import FULL
from torchgrade.sandbox.probes import Questioner
from torchgrade.sandbox.room import make_request
from torchgrade.sandbox.runner import GRACE_SECONDS, TIME_LIMIT, run_notebook
from torchgrade.testing.outcomes import Died, OutOfMemory, TimedOut

SMALL = replace(LIMITS, memory_mb=256, disk_mb=16)
UNCOUNTED = replace(FULL, cgroup=False)
POLICIES = pytest.mark.parametrize("policy", [FULL, UNCOUNTED], ids=["counted", "no cgroup"])


# --- memory ------------------------------------------------------------------------------------------------


@POLICIES
def test_memory_bomb_dies_alone(zygote, student, policy):
    """One process that takes all it gets: MemoryError in the cell, or the end of this room alone."""
    bomb = "kept = []\nwhile True: kept.append(bytearray(16 << 20))"
    run = run_cells(zygote, bomb, "print('next cell')", limits=SMALL, policy=policy)
    assert run.died_in == 0 or run.cells[0].error_name == "MemoryError", run.cells
    assert student.gets("result = 'unharmed'") == "unharmed"


#: Four processes, each below the limit of one process, together twice the room's. They wait to be seen.
_CROWD = """
import os, time
for n in range(4):
    if os.fork() == 0:
        kept = bytearray(b"x") * (128 << 20)
        time.sleep(20)
        os._exit(0)
while True:
    time.sleep(0.1)
"""


@POLICIES
def test_memory_of_all_processes_together_is_bounded(zygote, policy):
    room = zygote.open(make_request(policy, SMALL, wall_seconds=60))
    run = run_notebook(room, notebook(_CROWD), replace(SMALL, cell_seconds=3))
    ended = room.end()
    assert ended.out_of_memory, (run.cells, ended)
    if (
        ended.why == "memory"
    ):  # the watchdog ended it: nothing counted it, by policy or because no group can be made
        assert run.died_in == 0
    else:
        assert policy is not UNCOUNTED
        assert ended.peak_memory_mb <= SMALL.memory_mb


@pytest.mark.parametrize(
    "call",
    [
        "os.memfd_create('x')",
        "syscall(447, 0)",  # memfd_secret
        "syscall(29 if os.uname().machine == 'x86_64' else 194, 0, 4096, 0o1600)",  # shmget
        "syscall(68 if os.uname().machine == 'x86_64' else 186, 0, 0o1600)",  # msgget
    ],
    ids=["memfd", "secret memfd", "System V segment", "System V queue"],
)
def test_memory_that_no_process_holds_cannot_be_had_where_nobody_counts_it(zygote, call):
    """Pages of a memfd or a segment that is not mapped belong to no process: only a control group sees them."""
    with inside(zygote, policy=UNCOUNTED) as room:
        assert room.tries(f"import os; {call}").errno in (errno.EPERM, errno.ENOSYS)


def test_a_probe_that_needs_too_much_memory_is_told_as_such(zygote):
    with inside(zygote, "def f(n):\n    return bytearray(n << 20)[0]", limits=SMALL) as room:
        questioner = Questioner(room.room, 10)
        with pytest.raises(OutOfMemory):
            questioner.ask("f", "call", {"name": "f"}, {"args": (4000,), "kwargs": {}})
        with pytest.raises(OutOfMemory):
            questioner.ask("torch", "call", {"name": "attempt"}, {"args": ("raise MemoryError",), "kwargs": {}})
            questioner.ask("f", "call", {"name": "f"}, {"args": (4000,), "kwargs": {}})


# --- processes ---------------------------------------------------------------------------------------------


@POLICIES
def test_fork_bomb_is_bounded(zygote, policy):
    bomb = """
import os, time
made = 0
try:
    while made < 500:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        made += 1
except OSError as error:
    result = [made, error.errno]
"""
    with inside(zygote, policy=policy, limits=replace(LIMITS, processes=32)) as room:
        made, why = room.gets(bomb)
        assert 5 < made < 32 and why == errno.EAGAIN
        pid = os.fork()  # the host forks as before
        if pid == 0:
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0


def test_threads_count_as_processes(zygote):
    start = """
import threading, time
made = 0
try:
    while made < 500:
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
        made += 1
except RuntimeError:
    result = made
"""
    with inside(zygote, limits=replace(LIMITS, processes=48)) as room:
        assert 5 < room.gets(start) < 48


def test_double_fork_daemon_is_gone_after_end(zygote):
    daemon = f"""
import os, signal, sys
if os.fork() == 0:
    os.setsid()
    for s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)
    if os.fork() == 0:
        os.chdir("/")
        os.execvp("sleep", ["sleep", "{MARK}"])
    os._exit(0)
"""
    with inside(zygote, daemon):
        assert wait_until(lambda: len(sleepers()) == 1, 5)
    assert sleepers() == []


# --- time --------------------------------------------------------------------------------------------------


def test_a_cell_out_of_time_is_interrupted_and_later_cells_run(zygote):
    run = run_cells(
        zygote,
        "x = 1\nwhile True: pass",
        "import time\ntime.sleep(60)",
        "print('x is', x)",
        limits=replace(LIMITS, cell_seconds=1.0),
    )
    assert [c.status for c in run.cells] == ["interrupted", "interrupted", "ok"]
    assert run.cells[0].error_name == "KeyboardInterrupt" and 0.9 < run.cells[0].seconds < 4
    assert "x is 1" in text_of(run) and run.died_in is None


def test_a_loop_in_another_program_is_interrupted(zygote):
    run = run_cells(zygote, "!sleep 60", "print('later')", limits=replace(LIMITS, cell_seconds=1.0))
    assert run.died_in is None and "later" in text_of(run) and run.seconds < 10


def test_signal_swallowing_loop_is_killed(zygote):
    """The grace after the interrupt is short and does not grow with the limit."""
    swallow = """
import signal, time
for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1): signal.signal(s, signal.SIG_IGN)
while True:
    try:
        while True: time.sleep(0.01)
    except BaseException: pass
"""
    run = run_cells(zygote, swallow, "print('never')", limits=replace(LIMITS, cell_seconds=5.0))
    assert run.died_in == 0 and [c.status for c in run.cells] == ["killed", "skipped"]
    assert run.cells[0].error_name == TIME_LIMIT
    assert run.seconds < 5.0 + GRACE_SECONDS + 1.5


def test_the_notebooks_time_bounds_all_cells(zygote):
    cells = ["import time\ntime.sleep(1.5)"] * 5
    run = run_cells(zygote, *cells, limits=replace(LIMITS, cell_seconds=10, notebook_seconds=2.0))
    assert [c.status for c in run.cells] == ["ok", "interrupted", "skipped", "skipped", "skipped"]
    assert run.seconds < 5


def test_the_wall_ends_a_room_that_nobody_ends(zygote):
    room = zygote.open(make_request(FULL, LIMITS, wall_seconds=0.6))
    assert wait_until(lambda: room.poll() is not None, 5)
    assert room.end().why == "wall"


def test_a_probe_out_of_time_is_interrupted_and_the_next_one_is_answered(zygote):
    with inside(zygote, "def loop():\n    while True: pass\n", "def one(): return 1") as room:
        questioner = Questioner(room.room, 0.5)
        with pytest.raises(TimedOut):
            questioner.ask("loop", "call", {"name": "loop"}, {"args": (), "kwargs": {}})
        assert questioner.ask("one", "call", {"name": "one"}, {"args": (), "kwargs": {}}) == 1


def test_a_probe_that_swallows_the_interrupt_ends_the_room(zygote):
    stubborn = """
def loop():
    while True:
        try:
            while True: pass
        except BaseException: pass
"""
    with inside(zygote, stubborn) as room:
        questioner = Questioner(room.room, 0.5)
        begin = time.monotonic()
        for _ in range(2):  # the second time at once
            with pytest.raises(TimedOut):
                questioner.ask("loop", "call", {"name": "loop"}, {"args": (), "kwargs": {}})
        assert time.monotonic() - begin < 0.5 + GRACE_SECONDS + 2


# --- ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "end",
    [
        "import os\nos._exit(0)",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        "import ctypes\nctypes.string_at(0)",
        "import os\nos.abort()",
        "import os, signal\nos.killpg(0, signal.SIGKILL)",
    ],
    ids=["_exit", "SIGKILL", "SIGSEGV", "abort", "process group"],
)
def test_a_cell_that_ends_the_process_is_told_as_killed(zygote, end):
    run = run_cells(zygote, "print('before')", end, "print('after')")
    assert run.died_in == 1 and [c.status for c in run.cells] == ["ok", "killed", "skipped"]
    assert "before" in text_of(run) and "after" not in text_of(run) and run.seconds < 10


def test_a_run_without_the_killer_keeps_the_rest(zygote):
    run = run_cells(zygote, "a = 1", "import os\nos._exit(3)", "print('a is', a)", skip=(1,))
    assert [c.status for c in run.cells] == ["ok", "killed", "ok"] and "a is 1" in text_of(run)


def test_a_probe_that_ends_the_process_is_told_as_died(zygote):
    with inside(zygote, "import os\ndef leave(): os._exit(0)") as room:
        for _ in range(2):
            with pytest.raises(Died):
                room.questioner.ask("leave", "call", {"name": "leave"}, {"args": (), "kwargs": {}})
        assert room.room.poll() is not None


def test_input_errors_at_once(zygote):
    run = run_cells(zygote, "x = input('name?')", "import getpass\ngetpass.getpass()", "print('later')")
    assert [c.error_name for c in run.cells] == ["StdinNotImplementedError", "StdinNotImplementedError", ""]
    assert "nobody is there to type" in run.cells[0].error_value and run.seconds < 10


def test_ended_rooms_leave_no_wardens(zygote):
    before = children_of(zygote.process.pid)
    for _ in range(3):
        zygote.open(make_request(FULL, LIMITS, wall_seconds=30)).end()
    assert wait_until(lambda: children_of(zygote.process.pid) <= before, 2)
