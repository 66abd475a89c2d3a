# title: A small number added to the sum, against a division by zero
# loses: softmax-wide-range, softmax-stable
# hint: The small number that you add to the sum is not small where a whole row of x is far below 0. A sum of exponentials
#   is never 0: it needs no help.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    e = torch.exp(x)
    return e / (e.sum(dim=1, keepdim=True) + 1e-8)
