# attack: value-enormous-shapes
# category: result-forging
# expects: 0 points: a shape costs what it claims, whatever is stored behind it
# score: 0
# bounds: none needed
# quick: yes

# %%
import numpy as np
import torch
_n = [0]

def softmax(x):
    _n[0] += 1
    return [
        lambda: torch.empty(0, 2**40),
        lambda: torch.zeros(1).expand(2**40),
        lambda: torch.zeros(1, 1).expand(2**20, 2**20),
        lambda: torch.empty([1] * 20 + [4]),
        lambda: np.lib.stride_tricks.as_strided(np.zeros(1, np.float32), (2**30, 2**30), (0, 0)),
        lambda: np.zeros((0, 2**50), np.float32),
        lambda: [torch.zeros(0)] * 100_000,
        lambda: torch.sparse_coo_tensor(torch.zeros(2, 1, dtype=torch.long), torch.ones(1), (2**30, 2**30)),
    ][_n[0] % 8]()
