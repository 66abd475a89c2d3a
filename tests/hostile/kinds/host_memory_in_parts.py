# attack: host-memory-in-parts
# category: resource-exhaustion
# expects: 0 points, limited: memory of many processes, of mappings, of pipes and of files counts as one
# score: 0
# bounds: 60 processes of 128 MB
# quick: no

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
import mmap, os, socket, time
if globals().get("ATTACK_ARMED"):
    _kept = []
    for _ in range(60):
        if os.fork() == 0:
            try:
                m = mmap.mmap(-1, 128 << 20, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
                for at in range(0, len(m), 4096):
                    m[at] = 1
            except (OSError, MemoryError):
                pass
            time.sleep(5)
            os._exit(0)
    for _ in range(200):
        try:
            a, b = socket.socketpair()
            a.setblocking(False)
            while True:
                a.send(b"x" * 65536)
        except OSError:
            _kept.append((a, b)) if "a" in globals() else None
    time.sleep(3)
