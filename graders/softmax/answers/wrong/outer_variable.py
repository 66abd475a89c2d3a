# title: The divisor is taken from `out`, not from the argument
# loses: rows-sum-to-one, softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: Inside softmax you use `out`, the variable outside. It happens to work for softmax(out) alone: use the argument
#   everywhere.
# borrows: out

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    return torch.exp(x) / torch.sum(torch.exp(out), dim=1).view(-1, 1)
