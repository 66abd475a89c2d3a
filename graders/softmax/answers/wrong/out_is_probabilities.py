# title: `out` was overwritten with softmax(out)
# loses: out-shape
# hint: `out` holds probabilities already. Keep the raw output of the network in it, and give its softmax another name.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    e = torch.exp(x - x.max(dim=1, keepdim=True).values)
    return e / e.sum(dim=1, keepdim=True)


# %%
out = softmax(out)
print(out.sum(dim=1))
