# attack: probe-answered-by-two-processes
# category: result-forging
# expects: 0 points: the second process's answer carries the nonce of a question that is over
# score: 0
# bounds: one fork a call
# quick: no

# %%
import os
import torch

def softmax(x):
    if os.fork() == 0:
        return torch.full_like(x, 0.5)
    return torch.zeros_like(x)
