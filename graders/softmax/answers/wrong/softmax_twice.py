# title: Softmax of softmax
# loses: softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: Your rows sum to 1, but they are much too flat: you take the softmax of what is a softmax already. Once is enough.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    e = torch.exp(x - x.max(dim=1, keepdim=True).values)
    p = e / e.sum(dim=1, keepdim=True)
    return torch.softmax(p, dim=1)
