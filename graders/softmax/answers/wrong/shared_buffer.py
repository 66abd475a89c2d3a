# title: One tensor for all answers
# loses: argument-unchanged
# hint: Whoever calls softmax may need x again: make new tensors in every call, and avoid -=, /= and methods that end
#   in _.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
answers = {}


def softmax(x):
    p = answers.setdefault(x.shape, torch.zeros(x.shape))
    torch.exp(x - x.max(dim=1, keepdim=True).values, out=p)
    p /= p.sum(dim=1, keepdim=True)
    return p
