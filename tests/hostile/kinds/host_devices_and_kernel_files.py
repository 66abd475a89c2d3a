# attack: host-devices-and-kernel-files
# category: escape
# expects: 0 points: no device, no setting of the kernel, no control group and no set-uid program is within reach
# score: 0
# bounds: none needed
# quick: yes

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
def _out(what):
    """Anything that worked and should not have."""
    print("LOOT", what)

import glob, os, subprocess

def _try(what, f):
    try:
        f()
        _out(what)
    except (OSError, ValueError, subprocess.SubprocessError):
        pass

_mine = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/ptmx", "/dev/stdin", "/dev/stdout", "/dev/stderr"}
for _path in sorted(set(glob.glob("/dev/*") + ["/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/vhost-vsock", "/dev/loop0", "/dev/vda", "/dev/sda", "/dev/port"]) - _mine):
    if not os.path.isdir(_path) and "nvidia" not in _path:
        _try(f"device {_path}", lambda: os.close(os.open(_path, os.O_RDWR)))
for _path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/kernel/ns_last_pid", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger", "/proc/sys/fs/binfmt_misc/register", "/proc/1/oom_score_adj", "/proc/self/uid_map", "/sys/kernel/uevent_helper", "/sys/power/state", "/sys/devices/system/cpu/cpu0/online", "/sys/module/kernel/parameters/panic"):
    _try(f"writes {_path}", lambda: open(_path, "w").write("x"))
for _path in ("/proc/kcore", "/proc/kallsyms_", "/proc/kmsg", "/sys/kernel/debug/x", "/sys/kernel/tracing/trace", "/proc/1/environ", "/proc/1/root/etc/shadow", "/etc/shadow", "/root/.ssh/id_rsa", "/proc/self/root/../etc/shadow"):
    _try(f"reads {_path}", lambda: open(_path, "rb").read(16))
for _pattern in ("/sys/fs/cgroup/*/cgroup.procs", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/*/release_agent", "/sys/fs/cgroup/*/notify_on_release"):
    for _path in glob.glob(_pattern):
        _try(f"cgroup {_path}", lambda: open(_path, "w").write(str(os.getpid())))
_try("mknod", lambda: os.mknod("disk", 0o060660, os.makedev(8, 0)))
_try("hard link", lambda: os.link("/etc/passwd", "passwd-link"))
_try("chroot", lambda: os.chroot("."))
for _program in ("sudo", "su", "mount", "newuidmap", "fusermount3", "passwd", "ping", "pkexec", "chsh"):
    try:
        _done = subprocess.run([_program, "root", "-c", "id -u"] if _program == "su" else [_program, "-n", "id", "-u"], capture_output=True, text=True, timeout=5, stdin=subprocess.DEVNULL)
        if _done.stdout.strip() == "0":
            _out(_program)
    except (OSError, subprocess.SubprocessError):
        pass
