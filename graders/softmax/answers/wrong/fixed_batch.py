# title: view(64, 1): works for 64 rows alone
# loses: softmax-any-size
# hint: Your function knows that the batch has 64 rows, and fails for any other. Let the shape follow from x, or keep
#   the summed dimension.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    e = torch.exp(x - x.max(dim=1).values.view(64, 1))
    return e / torch.sum(e, dim=1).view(64, 1)
