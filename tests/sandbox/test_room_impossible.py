"""What student code in a fully sealed room must never be able to do. Each test is named for it."""

from __future__ import annotations

import errno
import os
import platform
import socket
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from room_tools import LIMITS, MARK, SECRET, inside, sleepers, wait_until

from torchgrade.sandbox.policy import FULL, readable_paths
from torchgrade.sandbox.room import make_request
from torchgrade.sandbox.seccomp import DENIED, IPC, PARTIAL

CALLS = DENIED.get(platform.machine(), {}) | IPC.get(platform.machine(), {})
CALLS |= PARTIAL.get(platform.machine(), {})
CHECKOUT = Path(__file__).parents[2]


# --- network -----------------------------------------------------------------------------------------------


def test_cannot_use_network(student):
    for address in ("192.0.2.1", "8.8.8.8", "169.254.169.254"):
        tried = student.tries(f"import socket; socket.create_connection(('{address}', 80), timeout=3)")
        assert tried.errno == errno.ENETUNREACH, tried
    tried = student.tries("import socket; s=socket.socket(2, 2); s.sendto(b'x', ('192.0.2.1', 53))")
    assert tried.errno == errno.ENETUNREACH
    assert student.tries("import socket; socket.getaddrinfo('example.org', 80)").error == "gaierror"
    assert (
        student.gets("import os; result = os.listdir('/sys/class/net') if os.path.exists('/sys/class') else []")
        == []
    )


def test_cannot_reach_a_service_of_the_host(student, tmp_path):
    """Loopback and abstract sockets are the room's own; the host's paths are not there."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("\0torchgrade-test-abstract")
        abstract.listen()
        port = tcp.getsockname()[1]
        tried = student.tries(f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=3)")
        assert tried.errno == errno.ECONNREFUSED
        tried = student.tries("import socket; socket.socket(1).connect('\\0torchgrade-test-abstract')")
        assert tried.errno == errno.ECONNREFUSED
    with socket.socket(socket.AF_UNIX) as path:
        path.bind(str(tmp_path / "s"))
        path.listen()
        assert (
            student.tries(f"import socket; socket.socket(1).connect({str(tmp_path / 's')!r})").errno
            == errno.ENOENT
        )


@pytest.mark.parametrize("family", [17, 38, 40, 15, 30, 31, 29, 44, 21, 27])
def test_cannot_open_sockets_of_other_families(student, family):
    """Packet, AlgIf, vsock, key, TIPC, Bluetooth, CAN, XDP, RDS, InfiniBand."""
    assert student.tries(f"import socket; socket.socket({family}, 1)").errno == errno.EACCES
    assert student.tries(f"import socket; socket.socket({family}, 3)").errno == errno.EACCES


def test_cannot_send_raw_packets(student):
    assert student.tries("import socket; socket.socket(2, 3, 1)").errno == errno.EPERM


# --- files -------------------------------------------------------------------------------------------------


@pytest.fixture
def open_folder():
    """A folder below /tmp that every user of this machine may read."""
    with tempfile.TemporaryDirectory(prefix="torchgrade-test-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def test_cannot_see_the_course(zygote, open_folder):
    """Neither where it lies nor, when it lies in a folder that the room must show, there."""
    course = open_folder / "course"
    course.mkdir()
    (course / "test_hidden.py").write_text("CANARY-hidden")
    (open_folder / "beside.txt").write_text("shown")
    shown = make_request(FULL, LIMITS, wall_seconds=60, hidden=(str(course),))
    shown = replace(shown, read_only=(*shown.read_only, str(open_folder)))
    with inside(zygote, room=zygote.open(shown)) as room:
        assert room.gets(f"result = open({str(open_folder / 'beside.txt')!r}).read()") == "shown"
        assert room.gets(f"import os; result = os.listdir({str(course)!r})") == []
        for path in (course / "test_hidden.py", CHECKOUT / "src", CHECKOUT / "graders", CHECKOUT / "tests"):
            assert room.tries(f"import os; os.stat({str(path)!r})").errno == errno.ENOENT
        search = "find / -xdev -name test_hidden.py -o -xdev -name course.yaml -o -xdev -name test_public.py"
        assert room.gets(f"import subprocess; result = subprocess.getoutput({search + ' 2>/dev/null'!r})") == ""


def test_sees_no_home_and_no_users_of_the_host(student):
    # The interpreter may itself lie in somebody's home: then the way to it is there, and nothing beside it.
    way = {p.parts[2] for p in map(Path, readable_paths()) if p.parts[:2] == ("/", "home")}
    assert set(student.gets("import os; result = os.listdir('/home')")) == {"student"} | way
    own, shown = {"passwd", "group", "hosts", "nsswitch.conf"}, {Path(p) for p in readable_paths()}
    shown_names = {p.name for p in shown if p.parent == Path("/etc")}
    assert set(student.gets("import os; result = os.listdir('/etc')")) == own | shown_names
    assert not shown_names & {"shadow", "ssh", "ssl", "hostname", "resolv.conf"}
    assert student.gets("result = open('/etc/passwd').read().count(':x:')") == 1
    root = set(student.gets("import os; result = os.listdir('/')"))
    assert not root & {"boot", "media", "mnt", "run", "srv", ".old", ".scratch"}


def test_cannot_write_system_folders(student):
    wide = """
import os
writable = []
for top, folders, files in os.walk("/"):
    if top == "/":
        folders[:] = [f for f in folders if f not in ("proc", "sys")]
    if top.count("/") > 3 or os.stat(top).st_dev == os.stat("/tmp").st_dev:
        folders[:] = []
    try:
        open(os.path.join(top, ".written"), "w").close()
        writable.append(top)
    except OSError:
        pass
result = sorted(writable)
"""
    assert student.gets(wide) == ["/dev/shm", "/home/student", "/tmp", "/var/tmp"]
    for path in ("/etc/passwd", sys.executable, os.__file__, "/proc/sys/kernel/hostname", "/proc/sysrq-trigger"):
        assert student.tries(f"open({path!r}, 'r+')").refused
        assert student.tries(f"import os; os.chmod({path!r}, 0o777)").refused
    assert student.tries("import os; os.rename('/usr', '/tmp/usr')").refused
    assert student.tries("import os; os.mknod('/tmp/disk', 0o660 | 0o060000, os.makedev(8, 0))").refused


def test_cannot_leave_through_links_and_open_directories(student, tmp_path):
    (tmp_path / "outside").write_text("CANARY")
    target = str(tmp_path / "outside")
    assert (
        student.tries(f"import os; os.symlink({target!r}, '/tmp/link'); open('/tmp/link')").errno == errno.ENOENT
    )
    assert student.tries(f"open('/proc/1/root{target}')").refused
    assert student.tries(f"open('/proc/self/root{target}')").errno == errno.ENOENT
    assert student.tries("import os; os.chroot('/tmp')").refused
    assert student.gets("import os; result = os.stat('/..').st_ino == os.stat('/').st_ino")


def test_disk_quota(zygote):
    fill = """
written = 0
try:
    for n in range(60):
        place = ("/tmp", "/home/student", "/dev/shm", "/var/tmp")[n % 4]
        with open(f"{place}/fill-{n}", "wb", buffering=0) as file:
            written += file.write(b"x" * (1 << 20))
except OSError as error:
    result = [written >> 20, error.errno]
"""
    empty = """
import os
made = 0
try:
    while made < 100_000:
        os.close(os.open(f"/tmp/e{made}", os.O_CREAT))
        made += 1
except OSError as error:
    result = [made, error.errno]
"""
    with inside(zygote, limits=replace(LIMITS, disk_mb=16)) as room:
        made, why = room.gets(empty)
        assert 500 < made < 5000 and why == errno.ENOSPC
        room.gets("import glob, os\nfor p in glob.glob('/tmp/e*'): os.unlink(p)")
        written, why = room.gets(fill)
        assert 8 <= written <= 16 and why == errno.ENOSPC
        tried = room.tries("f = open('/tmp/sparse', 'wb'); f.truncate(1 << 40)")
        assert tried.errno == errno.EFBIG
        assert room.gets("result = 'still here'") == "still here"


# --- processes and the kernel ------------------------------------------------------------------------------


def test_cannot_ptrace(student):
    ptrace = CALLS["ptrace"]
    for request in (0, 16, 0x4206):  # TRACEME, ATTACH, SEIZE
        assert student.tries(f"syscall({ptrace}, {request}, 1, 0, 0)").errno == errno.EPERM
    for name in ("process_vm_readv", "process_vm_writev"):
        assert student.tries(f"syscall({CALLS[name]}, 1, None, 0, None, 0, 0)").errno == errno.EPERM
    for leaf in ("mem", "environ", "maps", "fd/0", "fd/2", "root", "cwd"):
        opened = "os.listdir" if leaf in ("root", "cwd") else "open"
        assert student.tries(f"import os; {opened}('/proc/1/{leaf}')").refused, leaf


def test_cannot_make_namespaces(student):
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80):
        assert student.tries(f"syscall({CALLS['unshare']}, {flag})").errno == errno.EPERM
        if flag != 0x80:  # in clone(2) these bits are a signal's
            assert student.tries(f"syscall({CALLS['clone']}, {flag | 17}, 0, 0, 0, 0)").errno == errno.EPERM
    assert student.tries(f"syscall({CALLS['clone3']}, None, 0)").errno == errno.ENOSYS
    assert (
        student.tries(f"f = open('/proc/self/ns/user'); syscall({CALLS['setns']}, f.fileno(), 0)").errno
        == errno.EPERM
    )


def test_cannot_mount(student):
    prepare = "import ctypes; p = ctypes.c_char_p"
    for call in (
        f"syscall({CALLS['mount']}, p(b'tmpfs'), p(b'/tmp'), p(b'tmpfs'), 0, None)",
        f"syscall({CALLS['mount']}, p(b'/'), p(b'/tmp'), None, 4096, None)",
        f"syscall({CALLS['umount2']}, p(b'/usr'), 2)",
        f"syscall({CALLS['pivot_root']}, p(b'/tmp'), p(b'/tmp'))",
        f"syscall({CALLS['chroot']}, p(b'/tmp'))",
        f"syscall({CALLS['fsopen']}, p(b'tmpfs'), 0)",
        f"syscall({CALLS['open_tree']}, -100, p(b'/'), 1)",
        f"syscall({CALLS['move_mount']}, -100, p(b'/usr'), -100, p(b'/tmp'), 0)",
        f"syscall({CALLS['mount_setattr']}, -100, p(b'/usr'), 0, None, 0)",
    ):
        assert student.tries(f"{prepare}; {call}").errno == errno.EPERM, call


@pytest.mark.parametrize(
    "name",
    [
        "add_key", "request_key", "keyctl", "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf",
        "perf_event_open", "userfaultfd", "init_module", "finit_module", "delete_module", "kexec_load", "reboot",
        "sethostname", "swapon", "acct", "syslog", "personality", "kcmp", "pidfd_getfd", "pidfd_send_signal",
        "process_madvise", "open_by_handle_at", "name_to_handle_at", "fanotify_init", "quotactl", "settimeofday",
        "clock_settime", "migrate_pages", "move_pages", "shmget", "semget", "msgget", "mq_open",
        "io_setup",
    ],
)  # fmt: skip
def test_cannot_call(student, name):
    assert student.tries(f"syscall({CALLS[name]}, 0, 0, 0, 0, 0)").errno == errno.EPERM


def test_cannot_use_up_the_machines_terminals(student):
    """They are counted for all: without a bound, 3000 in one room leave none to the others' `!command`."""
    opened = """
import os
held = []
try:
    for _ in range(100):
        held.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
except OSError:
    pass
result = len(held)
for each in held:
    os.close(each)
"""
    assert 4 <= student.gets(opened) <= 32
    assert student.gets("import os; result = os.ttyname(os.openpty()[1])").startswith("/dev/pts/")


def test_cannot_type_into_a_terminal(student):
    """TIOCSTI puts characters into the input of whoever reads the terminal next; TIOCLINUX pastes."""
    for request in (0x5412, 0x541C, 0x5412 | 1 << 32):
        typed = f"import os, pty; a, b = pty.openpty(); syscall({CALLS['ioctl']}, b, {request}, b'x')"
        assert student.tries(typed).errno == errno.EPERM


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the two other doors are x86_64's")
def test_cannot_call_by_another_door(student):
    assert student.tries("syscall(0x40000000 | 165, 0, 0, 0, 0, 0)").errno == errno.ENOSYS  # x32
    # int 0x80, the 32-bit door: getpid is 20 there. The process dies; the room lives.
    code = "b8140000 00cd80c3".replace(" ", "")
    machine_code = f"""
import ctypes, mmap, os, signal
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex("{code}"))
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
pid = os.fork()
if pid == 0:
    ctypes.CFUNCTYPE(ctypes.c_int)(address)()
    os._exit(0)
result = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""
    assert student.gets(machine_code) == -31  # SIGSYS


def test_cannot_gain_rights(student):
    status = "import os; result = [open(f'/proc/{p}/status').read() for p in os.listdir('/proc') if p.isdigit()]"
    for text in student.gets(status):
        fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(fields[name], 16) == 0, (fields["Name"], name)
    mine = student.gets("result = open('/proc/self/status').read()")
    assert "NoNewPrivs:\t1" in mine and "Seccomp:\t2" in mine
    mounts = student.gets("result = open('/proc/self/mounts').read()")
    assert all("nosuid" in line or line.split()[1].startswith("/dev/") for line in mounts.splitlines())


def test_is_not_root_inside_or_outside(student):
    assert student.gets("import os; result = [*os.getresuid(), *os.getresgid()]") == [1000] * 6
    for code in ("os.setuid(0)", "os.setgid(0)", "os.setgroups([0])", "os.setresuid(0, 0, 0)"):
        assert student.tries(f"import os; {code}").refused
    student.gets(f"import subprocess, builtins; builtins._child = subprocess.Popen(['sleep', '{MARK}'])")
    assert wait_until(sleepers, 5)
    (pid,) = sleepers()  # the student's child, seen from the host
    status = Path(f"/proc/{pid}/status").read_text()
    uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
    assert "0" not in uids and (os.geteuid() == 0 or set(uids) == {str(os.geteuid())})
    student.gets("import builtins; builtins._child.kill(); builtins._child.wait()")


def test_cannot_inherit_descriptors(zygote):
    """Only the kernel's own sockets, its event loop and /dev/null; no file and no folder of the host."""
    listed = """
import os, socket
result = []
for name in os.listdir("/proc/self/fd"):
    try:
        target = os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        continue
    if target.startswith("socket:"):
        with socket.socket(fileno=os.dup(int(name))) as s:
            target = f"socket {int(s.family)} {s.getsockname()!r}"
    result.append([int(name), target])
"""
    with inside(zygote) as fresh:
        found = fresh.gets(listed)
    assert len(found) > 5
    for number, target in found:
        kind = target.partition(":")[0].split()[0]
        # ipykernel reads what programs write to 1 and 2 from pipes of its own.
        assert kind in ("socket", "anon_inode", "pipe") or target == "/dev/null", (number, target)
        if kind == "socket":  # the room's own loopback: ipykernel hears there what other processes print
            assert target.startswith(("socket 1 ", "socket 2 ('127.0.0.1', ")), target


def test_cannot_read_the_hosts_environment(student):
    everywhere = """
import glob, os
seen = repr(dict(os.environ))
for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/task/*/environ") + glob.glob("/proc/*/cmdline"):
    try:
        seen += open(path, "rb").read().decode("latin-1")
    except OSError:
        pass
result = seen
"""
    seen = student.gets(everywhere)
    assert "PATH=" in seen and SECRET not in seen and "TORCHGRADE_TEST_SECRET" not in seen
    assert str(Path.cwd()) not in seen.replace(sys.prefix, "")


def test_proc_shows_only_the_room(student):
    pids = student.gets("import os; result = [int(p) for p in os.listdir('/proc') if p.isdigit()]")
    assert 1 in pids and len(pids) <= 8 and os.getpid() not in pids
    assert student.tries("import os; os.kill(1, 9)").error in ("", "PermissionError")
    assert student.gets("result = 'init is deaf to it'")
    assert student.tries("import os; os.setpriority(os.PRIO_PROCESS, 1, -5)").refused


def test_shares_no_memory_with_the_warm_parent(student):
    """All rooms are forked from it: what one of them wrote there, the next would read."""
    maps = student.gets("result = open('/proc/self/maps').read()")
    shared = [line for line in maps.splitlines() if "w" in line.split()[1] and "s" in line.split()[1]]
    assert len(maps.splitlines()) > 100 and shared == []


def test_two_rooms_share_nothing(zygote, student):
    leave = """
import os, socket
for place in ("/tmp", "/var/tmp", "/dev/shm", "/home/student"):
    open(place + "/mark", "w").write("other room")
s = socket.socket(socket.AF_UNIX); s.bind("\\0mark"); s.listen()
t = socket.create_server(("127.0.0.1", 45123))
import builtins; builtins._kept = (s, t)
result = os.readlink("/proc/self/ns/ipc"), os.readlink("/proc/self/ns/net"), os.readlink("/proc/self/ns/mnt")
"""
    find = """
import os, socket
result = [p for p in ("/tmp", "/var/tmp", "/dev/shm", "/home/student") if os.path.exists(p + "/mark")]
for family, address in ((socket.AF_UNIX, "\\0mark"), (socket.AF_INET, ("127.0.0.1", 45123))):
    try:
        socket.socket(family).connect(address)
        result.append(address)
    except ConnectionRefusedError:
        pass
"""
    with inside(zygote) as other:
        theirs = other.gets(leave)
        assert len(other.gets(find)) == 6  # the search finds what is there
        assert student.gets(find) == []
        mine = student.gets(
            "import os; result = tuple(os.readlink('/proc/self/ns/' + n) for n in ('ipc','net','mnt'))"
        )
        assert not set(mine) & set(theirs)
        assert not set(mine) & {os.readlink(f"/proc/self/ns/{n}") for n in ("ipc", "net", "mnt", "pid", "user")}
