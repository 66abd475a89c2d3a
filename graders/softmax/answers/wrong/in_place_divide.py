# title: The argument is shifted in place
# loses: argument-unchanged
# hint: Your function changes the tensor of the caller: `x -= ...` writes into x itself, while `x = x - ...` makes a new
#   tensor.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    x -= x.max(dim=1, keepdim=True).values
    return torch.exp(x) / torch.exp(x).sum(dim=1, keepdim=True)
