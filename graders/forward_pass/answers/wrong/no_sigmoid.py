# title: The sum without the sigmoid
# loses: example-values, sigmoid-range, any-size, gradients
# hint: Your numbers are X @ w, and leave the interval from 0 to 1. The activation is still missing.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return X @ w
