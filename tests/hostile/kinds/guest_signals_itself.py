# attack: guest-signals-itself
# category: resource-exhaustion
# expects: 0 points, limited: a process that stops, limits or blocks itself is ended
# score: 0
# bounds: none needed
# quick: no

# %%
import os, resource, signal, torch
_n = [0]

def softmax(x):
    _n[0] += 1
    if _n[0] % 4 == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
        while True:
            pass
    if _n[0] % 4 == 1:
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        signal.alarm(1)
        return torch.zeros_like(x)
    if _n[0] % 4 == 2:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 20, 1 << 20))
        return torch.zeros_like(x)
    os.kill(os.getpid(), signal.SIGSTOP)
    return torch.zeros_like(x)
