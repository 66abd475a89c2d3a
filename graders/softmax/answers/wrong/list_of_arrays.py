# title: A list of rows instead of one tensor
# loses: rows-sum-to-one, softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: Your rows look like softmax, but they come in a Python list. The result should be one tensor of the shape of x.

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
    rows = []
    for row in x:
        e = np.exp(row.numpy())
        rows.append(e / e.sum())
    return rows
