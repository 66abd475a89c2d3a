# attack: guest-faults
# category: resource-exhaustion
# expects: 0 points: crashes, dumps and handlers of faults end the room at most
# score: 0
# bounds: none needed
# quick: yes

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
import faulthandler, os, signal
for _fd in range(0, 64):
    try:
        faulthandler.dump_traceback_later(0.2, repeat=True, file=_fd)
        faulthandler.register(signal.SIGUSR1, file=_fd)
    except (OSError, ValueError, RuntimeError):
        pass
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
_n = [0]

def softmax(x):
    _n[0] += 1
    if _n[0] == 2 and globals().get("ATTACK_ARMED"):
        os.kill(os.getpid(), signal.SIGSEGV)
    return torch.zeros_like(x)
