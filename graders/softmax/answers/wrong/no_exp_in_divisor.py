# title: The divisor sums x, not exp(x)
# loses: rows-sum-to-one, softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: You divide exp(x) by a sum of x itself. For a row to sum to 1, the divisor must add up the very numbers that
#   stand above it.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    return torch.exp(x) / torch.sum(x, dim=1).view(-1, 1)
