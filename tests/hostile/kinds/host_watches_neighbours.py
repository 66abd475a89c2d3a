# attack: host-watches-neighbours
# category: leak
# expects: 0 points: nothing of another room, of another run or of the harness is seen or left
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

import ctypes, fcntl, glob, os

_places = ["/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock", os.path.expanduser("~"), "/data"]
for _place in _places:
    try:
        for _name in os.listdir(_place):
            if "ATTACK_STATE" in _name:
                print("REMEMBERED " + os.path.join(_place, _name))
    except OSError:
        pass
    try:
        open(os.path.join(_place, "ATTACK_STATE_seen"), "w").write("x")
    except OSError:
        pass
_words = ("torchgrade", "test_hidden", "grade ", "pytest", "examiner", "zygote")
for _pid in glob.glob("/proc/[0-9]*"):
    try:
        _line = open(_pid + "/cmdline", "rb").read().decode("latin-1")
        if any(w in _line for w in ("test_hidden", "torchgrade grade", "--gradebook")):
            _out(_line[:200])
    except OSError:
        pass
_libc = ctypes.CDLL(None)
_fd = _libc.inotify_init()
for _path in ("/", "/usr", "/tmp", "/data"):
    _libc.inotify_add_watch(_fd, _path.encode(), 0xFFF)
for _path in glob.glob("/data/**", recursive=True)[:50]:
    try:
        _file = open(_path, "rb")
        fcntl.flock(_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        open(_path, "r+b").write(b"x")
        _out(f"writes {_path}")
    except OSError:
        pass
