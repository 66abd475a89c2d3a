# title: Probabilities rounded to two decimals
# loses: rows-sum-to-one, softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: Rounding turns small probabilities into 0, and the rows no longer sum to 1. Round when you print, not when you
#   compute.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    e = torch.exp(x)
    return torch.round(e / e.sum(dim=1, keepdim=True), decimals=2)
