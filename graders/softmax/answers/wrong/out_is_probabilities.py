# title: `out` was overwritten with softmax(out)
# loses: out-shape, softmax-stable
# hint: Your softmax is right, but `out` now holds its result. The raw output of the network should stay in `out`.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    return torch.exp(x) / torch.exp(x).sum(dim=1, keepdim=True)


# %%
out = softmax(out)
print(out.sum(dim=1))
