# attack: guest-another-program
# category: result-forging
# expects: 0 points: a program that takes the kernel's place inherits its sockets and can send arrays alone
# score: 0
# bounds: none needed
# quick: no

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
import os, sys
if globals().get("ATTACK_ARMED"):
    for _fd in range(3, 256):
        try:
            os.set_inheritable(_fd, True)
        except OSError:
            pass
    _code = """
import json, os, select, socket, stat, struct, time
socks = []
for fd in range(3, 256):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            s = socket.socket(fileno=fd)
            if s.family == socket.AF_UNIX and s.type == socket.SOCK_STREAM and not s.getsockname():
                s.getpeername(); socks.append(s)
    except OSError:
        pass
end = time.time() + 20
while socks and time.time() < end:
    for s in select.select(socks, [], [], 1)[0]:
        data = s.recv(1 << 20)
        if not data:
            socks.remove(s)
            continue
        try:
            nonce = json.loads(data[4:4 + struct.unpack('<I', data[:4])[0]])['nonce']
        except ValueError:
            nonce = 0
        reply = json.dumps({'ok': True, 'value': True, 'outcome': 'passed', 'nonce': nonce, 'arrays': []}).encode()
        s.send(struct.pack('<I', len(reply)) + reply)
"""
    os.execv(sys.executable, [sys.executable, "-c", _code])
