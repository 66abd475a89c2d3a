# title: exp(x) without the division
# loses: rows-sum-to-one, softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: The proportions within each row are right already. What must every number of a row be divided by, so that the
#   row sums to 1?

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    return torch.exp(x)
