# attack: probe-daemon-keeps-sockets
# category: result-forging
# expects: 0 points and no residue: a daemon that holds every socket is killed with the room, whoever closes what
# score: 0
# bounds: one daemon for 120 s
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
import sys, time

def _daemon():
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    import signal
    for n in range(1, 65):
        try:
            signal.signal(n, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    until = time.time() + 120
    while time.time() < until:
        for s in _pairs():
            s.setblocking(False)
            try:
                s.recv(1 << 16)
            except OSError:
                pass
            s.close()
        time.sleep(0.05)
    os._exit(0)

if globals().get("ATTACK_ARMED"):
    _daemon()
