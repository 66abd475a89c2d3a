# attack: probe-header-bombs
# category: result-forging
# expects: 0 points: lengths, depth, counts and shapes are checked before memory is taken; bytes that are no frame end the room
# score: 0
# bounds: 300 KB to each socket of this process in each call
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
_deep = b"[" * 100_000 + b"]" * 100_000
_bombs = [
    b"\xff\xff\xff\xff",
    struct.pack("<I", len(_deep)) + _deep,
    *(struct.pack("<I", len(b)) + b for b in (
        json.dumps({"ok": True, "nonce": "0", "value": {"array": 0}, "arrays": [["<f4", [2**47], 4 * 2**47]]}).encode(),
        json.dumps({"ok": True, "nonce": "0", "value": {"array": 0}, "arrays": [["<f4", [0] * 15 + [2**40], 0]]}).encode(),
        json.dumps({"ok": True, "nonce": "0", "value": {"array": 0}, "arrays": [["|O", [1], 8]]}).encode(),
        json.dumps({"ok": True, "nonce": "0", "value": {"array": 0}, "arrays": [["<f4", [True, 1.0], 4]]}).encode(),
        json.dumps({"ok": True, "nonce": "0", "value": {"array": 0}, "arrays": [["<f4", [-1, -1], 4]]}).encode(),
        b'{"ok": true, "nonce": "0", "value": ' + b'{"list": [' * 5000 + b"1" + b"]}" * 5000 + b', "arrays": []}',
        b'{"ok": true, "ok": false, "nonce": NaN, "arrays": [], "arrays": 5}',
        b'{"ok": true, "value": 1' + b"0" * 5000 + b', "nonce": "0", "arrays": []}',
        b'{"ok": true, "value": {"int": "' + b"9" * 100_000 + b'"}, "nonce": "0", "arrays": []}',
        b'{"ok": true, "value": {"float": "1e999"}, "nonce": "0", "arrays": []}',
        "{\"ok\": true, \"value\": \"\\ud800\", \"nonce\": \"0\", \"arrays\": []}".encode(),
    )),
]
_sent = [0]

def softmax(x):
    for s in _pairs():
        s.setblocking(False)
        try:
            s.send(_bombs[_sent[0] % len(_bombs)])
        except OSError:
            pass
    _sent[0] += 1
    return torch.zeros_like(x)
