# attack: host-system-calls
# category: escape
# expects: 0 points: calls for namespaces, mounts, tracing, keys, rings, programs in the kernel and files of memory are refused
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

import ctypes, os, platform
_libc = ctypes.CDLL(None, use_errno=True)
_x86 = platform.machine() == "x86_64"
_calls = {
    "ptrace": (101, 117), "mount": (165, 40), "umount2": (166, 39), "unshare": (272, 97), "setns": (308, 268), "pivot_root": (155, 41), "chroot": (161, 51),
    "bpf": (321, 280), "userfaultfd": (323, 282), "perf_event_open": (298, 241), "add_key": (248, 217), "keyctl": (250, 219), "io_uring_setup": (425, 425),
    "kcmp": (312, 272), "fanotify_init": (300, 262), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "fsopen": (430, 430), "open_tree": (428, 428),
    "move_mount": (429, 429), "init_module": (175, 105), "kexec_load": (246, 104), "reboot": (169, 142), "sethostname": (170, 161), "swapon": (167, 224),
    "acct": (163, 89), "quotactl": (179, 60), "settimeofday": (164, 170), "personality": (135, 92), "syslog": (103, 116), "iopl": (172, 9999),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "mq_open": (240, 180), "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190),
    "clone3": (435, 435), "move_pages": (279, 239), "lookup_dcookie": (212, 18), "vhangup": (153, 58), "shmat": (30, 196), "msgrcv": (70, 188),
}
for _name, _numbers in _calls.items():
    if os.fork() == 0:
        _value = _libc.syscall(ctypes.c_long(_numbers[0 if _x86 else 1]), 0, 0, 0, 0, 0, 0)
        os._exit(0 if _value < 0 and ctypes.get_errno() in (1, 38) else 1)
    if os.waitstatus_to_exitcode(os.wait()[1]) == 1:
        _out(_name)
for _flag in (0x20000, 0x2000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
    if _libc.unshare(_flag) == 0:
        _out(f"namespace {_flag:x}")
if os.path.exists("/proc/self/ns/pid"):
    _fd = os.open("/proc/self/ns/pid", os.O_RDONLY)
    if _libc.setns(_fd, 0) == 0:
        _out("setns")
