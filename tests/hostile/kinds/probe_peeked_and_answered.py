# attack: probe-peeked-and-answered
# category: result-forging
# expects: 0 points above what a uniform answer earns: who reads the nonce can answer, but only with arrays; all other fields mean nothing
# score: 0
# bounds: one thread for each socket
# quick: yes

# %%
import torch

def softmax(x):
    return torch.full_like(x, 1.0 / x.shape[1])

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
import json, struct, threading, time

def _answer(s):
    while True:
        try:
            head = s.recv(4, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            if len(head) == 4:
                size = struct.unpack("<I", head)[0]
                seen = s.recv(4 + size, socket.MSG_PEEK | socket.MSG_DONTWAIT)
                nonce = json.loads(seen[4:4 + size])["nonce"]
                reply = json.dumps({"ok": True, "value": {"array": 0}, "nonce": nonce, "outcome": "passed", "points": 1e9, "max_points": 1e9, "criterion": "*", "arrays": [["<f4", [1, 1], 4]]}).encode()
                s.send(struct.pack("<I", len(reply)) + reply + struct.pack("<f", 1.0))
        except (OSError, ValueError, KeyError):
            pass
        time.sleep(0.001)

for _s in _pairs():
    threading.Thread(target=_answer, args=(_s,), daemon=True).start()
