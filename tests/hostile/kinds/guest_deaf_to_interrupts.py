# attack: guest-deaf-to-interrupts
# category: resource-exhaustion
# expects: 0 points, limited: who does not heed the interrupt is killed, and the next question is put to a new room
# score: 0
# bounds: 10 minutes a call
# quick: no

# %%
import signal, time
import torch

def softmax(x):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    until = time.time() + (600 if globals().get("ATTACK_ARMED") else 1)
    while time.time() < until:
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
            time.sleep(0.1)
        except BaseException:
            pass
    return torch.zeros_like(x)
