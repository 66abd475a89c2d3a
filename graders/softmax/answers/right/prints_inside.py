# title: Prints while it works
# misses: softmax-stable

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    total = torch.sum(torch.exp(x), dim=1).view(-1, 1)
    print("x", x.shape, "total", total.shape)
    return torch.exp(x) / total
