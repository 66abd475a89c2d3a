"""Worker processes without /dev/shm: the replaced semaphore does what the original does."""

from __future__ import annotations

import multiprocessing.synchronize
import os
import subprocess
import sys
import threading
import time

import pytest

from torchgrade.sandbox.workers import CounterSemaphore

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="eventfd(2) is Linux's")
RECURSIVE, COUNTING = 0, 1


def original(kind, value, most):
    """The C one, under a name that nobody has."""
    name = f"/torchgrade-{os.getpid()}-{time.monotonic_ns()}"
    return multiprocessing.synchronize._multiprocessing.SemLock(kind, value, most, name, True)


def ours(kind, value, most):
    return CounterSemaphore(kind, value, most, "", True)


BOTH = pytest.mark.parametrize("make", [original, ours])


@BOTH
def test_a_lock(make):
    lock = make(COUNTING, 1, 1)
    assert lock.acquire() and not lock.acquire(False) and not lock.acquire(True, 0.01)
    assert lock._is_zero() and lock._is_mine() and lock._count() == 1 and lock._get_value() == 0
    lock.release()
    assert not lock._is_zero() and not lock._is_mine() and lock._get_value() == 1
    with pytest.raises(ValueError, match="released too many times"):
        lock.release()
    with lock:
        assert lock._is_zero()


@BOTH
def test_a_recursive_lock(make):
    lock = make(RECURSIVE, 1, 1)
    assert lock.acquire() and lock.acquire(False) and lock._count() == 2
    lock.release()
    assert lock._is_mine() and lock._is_zero()
    lock.release()
    with pytest.raises(AssertionError, match="not owned"):
        lock.release()


@BOTH
def test_a_counter(make):
    counter = make(COUNTING, 3, 2**31 - 1)
    assert [counter.acquire(False) for _ in range(4)] == [True, True, True, False]
    counter.release()
    assert counter._get_value() == 1
    threading.Timer(0.05, counter.release).start()
    assert counter.acquire() and counter.acquire(True, 5) and not counter.acquire(True, 0)


def test_a_semaphore_is_shared_with_forks():
    gate = ours(COUNTING, 0, 10)
    pid = os.fork()
    if pid == 0:
        gate.release()
        gate.release()
        os._exit(0)
    assert gate.acquire(True, 5) and gate.acquire(True, 5)
    os.waitpid(pid, 0)


def test_descriptors_are_given_back():
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        ours(COUNTING, 1, 1)
    assert len(os.listdir("/proc/self/fd")) == before


def test_nothing_is_made_in_shared_memory(tmp_path):
    """The whole machinery, in an interpreter of its own in which /dev/shm cannot be opened."""
    code = """
import builtins, os, sys
from torchgrade.sandbox import landlock, syscalls, workers
import torch
from torch.utils.data import DataLoader, TensorDataset
syscalls.set_no_new_privileges()
shown = [*sys.path[1:], "/usr", "/lib", "/lib64", "/proc", sys.prefix, sys.base_prefix]
landlock.restrict(shown, [os.getcwd()], ["/dev/null"])
workers.without_shared_memory()
os.environ["TMPDIR"] = os.getcwd()
data = TensorDataset(torch.arange(12.0).reshape(6, 2))
for persistent in (False, True):
    loader = DataLoader(data, batch_size=3, num_workers=2, persistent_workers=persistent, shuffle=True)
    assert sorted(float(x) for (b,) in loader for x in b.flatten()) == list(range(12))
print("loaded")
"""
    if landlock_missing():
        pytest.skip("no Landlock here")
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path)
    assert done.stdout.strip() == "loaded", done.stderr[-2000:]


def landlock_missing() -> bool:
    from torchgrade.sandbox import landlock

    return landlock.abi() < 1
