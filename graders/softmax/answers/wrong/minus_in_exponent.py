# title: exp(-x) instead of exp(x)
# loses: rows-sum-to-one, softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: Your softmax gives the smallest number the largest probability. Did the minus of the sigmoid slip into the
#   exponent?

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    return torch.exp(-x) / torch.exp(-x).sum(dim=1, keepdim=True)
