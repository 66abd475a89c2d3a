# title: The argument is overwritten
# loses: argument-unchanged
# hint: Your function writes into x itself, so whoever called it loses the raw output. Look for a method whose name ends
#   in _, or for -= and /=.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    x.sub_(x.max(dim=1, keepdim=True).values).exp_()
    return x / x.sum(dim=1, keepdim=True)
