# title: One maximum for the whole batch
# loses: softmax-stable
# hint: You subtract the maximum of the whole batch. A row far below it becomes exp(-2000), all zeros: every row needs
#   its own maximum.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    e = torch.exp(x - x.max())
    return e / e.sum(dim=1, keepdim=True)
