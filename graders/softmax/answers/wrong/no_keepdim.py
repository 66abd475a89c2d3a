# title: The divisor lost its dimension
# loses: rows-sum-to-one, softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: After the sum over dim=1 the divisor has shape (64,), and cannot be matched with (64, 10) row by row. Which
#   shape would fit?

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    return torch.exp(x) / torch.exp(x).sum(dim=1)
