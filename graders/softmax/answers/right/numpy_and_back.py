# title: Through numpy and back
# misses: softmax-stable

# %%
import numpy as np
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    a = x.detach().numpy()
    e = np.exp(a)
    return torch.from_numpy(e / e.sum(axis=1, keepdims=True))
