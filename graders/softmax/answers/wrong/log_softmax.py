# title: The logarithm of softmax
# loses: rows-sum-to-one, softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: Your numbers are negative: they are logarithms of probabilities. One exp too few, or one log too many.

# %%
import torch
import torch.nn.functional as F

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    return F.log_softmax(x, dim=1)
