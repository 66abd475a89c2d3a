# title: np.exp on a tensor
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
    return np.exp(x) / torch.sum(np.exp(x), dim=1).view(-1, 1)
