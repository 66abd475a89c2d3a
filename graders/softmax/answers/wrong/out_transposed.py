# title: `out` has one column per picture
# loses: out-shape
# hint: Your `out` has a column for each picture; a batch has a row for each. Look at the order of the two factors in
#   the product.

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
out = w2.T @ torch.sigmoid(inputs @ w1 + b1).T + b2.view(10, 1)
