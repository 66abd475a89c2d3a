# attack: probe-answered-early
# category: result-forging
# expects: 0 points: an answer that comes before its question, with a guessed nonce, ends the room
# score: 0
# bounds: 1 KB to each socket of this process
# quick: yes

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
import json, struct

def _frame(nonce):
    header = json.dumps({"ok": True, "value": {"float": "inf"}, "nonce": nonce, "points": 10, "passed": True, "arrays": []}).encode()
    return struct.pack("<I", len(header)) + header

for _s in _pairs():
    _s.setblocking(False)
    for _nonce in ("0" * 16, "", None, 0, True, ["0" * 16], {"a": 1}):
        try:
            _s.send(_frame(_nonce))
        except OSError:
            break
