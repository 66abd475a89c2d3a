"""A room's folder goes whatever is in it; one that somebody holds stays, one that nobody holds is swept."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from as_user import closed_parent

from torchgrade.sandbox import folders
from torchgrade.sandbox.folders import Folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="rooms are sealed on Linux alone")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """A temporary folder of this test's own, short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="t-") as name:
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def old(folder: Folder) -> Path:
    """As if it had been made long ago."""
    past = time.time() - 3600
    os.utime(folder.path, (past, past))
    return folder.path


def nest(top: Path, levels: int) -> None:
    """Folders in folders, with a file in each."""
    here = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        os.close(here)
        here = below
    os.close(here)


def test_a_folder_goes_with_all_that_is_in_it(temporary):
    folder = Folder.make()
    nest(folder.path, 3000)  # deeper than any path and any stack
    (folder.path / "link").symlink_to(temporary)
    (temporary / "beside").write_text("stays")
    descriptors = len(os.listdir("/proc/self/fd"))
    folder.remove()
    folder.remove()
    assert os.listdir(temporary) == ["beside"] and len(os.listdir("/proc/self/fd")) == descriptors - 2


def test_a_link_in_the_place_of_a_folder_is_not_followed(temporary):
    folder = Folder.make()
    (temporary / "victim").mkdir(mode=0o755)
    (temporary / "victim" / "file").write_text("stays")
    (folder.path / "x").symlink_to(temporary / "victim", target_is_directory=True)
    folder.remove()
    assert (temporary / "victim" / "file").read_text() == "stays"
    assert (temporary / "victim").stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run as somebody else")
def test_a_user_removes_folders_that_a_student_closed(temporary):
    temporary.chmod(0o777)
    code = f"""
import os, tempfile
tempfile.tempdir = {str(temporary)!r}
from torchgrade.sandbox.folders import Folder
folder = Folder.make()
for name, mode in (("a", 0o300), ("b", 0), ("c", 0o500)):
    (folder.path / name / "in").mkdir(parents=True)
    (folder.path / name / "in" / "file").write_text("x")
    (folder.path / name / "in").chmod(0)
    (folder.path / name).chmod(mode)
folder.remove()
print(os.listdir({str(temporary)!r}))
"""
    command = [sys.executable, str(Path(__file__).with_name("as_user.py")), "61111", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_what_nobody_holds_is_swept_and_nothing_else(temporary):
    held, young, other = Folder.make(), Folder.make(), temporary / "torchgrade-else"
    other.mkdir()
    abandoned = Folder.make()
    nest(abandoned.path, 5)
    for folder in (held, abandoned):
        old(folder)
    for descriptor in (abandoned.lock, young.lock):
        os.close(descriptor)
    past = time.time() - 3600
    os.utime(other, (past, past))
    folders.sweep()
    assert {p.name for p in temporary.iterdir()} == {held.path.name, young.path.name, other.name}
    held.remove()
    young.lock = -1
    young.remove()


def test_a_folder_is_held_by_whoever_got_its_lock_as_well(temporary):
    """The warden's copy of the descriptor: the harness may be killed, the room still has its folder."""
    folder = Folder.make()
    copy = os.dup(folder.lock)
    os.close(folder.lock)
    path = old(folder)
    folders.sweep()
    assert path.is_dir()
    os.close(copy)
    folders.sweep()
    assert not path.exists()


def test_a_killed_harness_leaves_what_the_next_one_sweeps(temporary):
    code = f"""
import os, signal, tempfile
tempfile.tempdir = {str(temporary)!r}
from torchgrade.sandbox.folders import Folder
print(Folder.make().path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    path = Path(done.stdout.strip())
    assert path.is_dir()
    past = time.time() - 3600
    os.utime(path, (past, past))
    folders.sweep()
    assert not path.exists() and closed_parent(temporary) is None
