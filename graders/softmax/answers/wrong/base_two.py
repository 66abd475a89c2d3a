# title: Powers of 2 instead of e
# loses: softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: Your rows sum to 1, but they are flatter than they should be: the base of the power is not e.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    powers = 2**x
    return powers / powers.sum(dim=1, keepdim=True)
