# title: One sum over the whole batch
# loses: rows-sum-to-one, softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: Your divisor is one number for all 64 pictures. Which numbers belong to one picture, and along which dimension
#   do they lie?

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    return torch.exp(x) / torch.sum(torch.exp(x))
