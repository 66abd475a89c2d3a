# attack: host-busy-sessions
# category: resource-exhaustion
# expects: limited: processes at work, each in a session of its own, slow the room that started them
# score: 0
# bounds: 120 processes, 7 s
# quick: no

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
import os, time
if globals().get("ATTACK_ARMED"):
    for _ in range(120):
        try:
            if os.fork() == 0:
                os.setsid()
                _end = time.time() + 7
                while time.time() < _end:
                    pass
                os._exit(0)
        except OSError:
            break
    time.sleep(7)
