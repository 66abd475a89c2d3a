# title: X + w in place of X @ w
# loses: example-values, sigmoid-range, any-size, gradients
# hint: + and * go element by element, and the shapes do not fit for that. A weight says how much a feature counts: their
#   products are summed, row by row.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return torch.sigmoid(X + w)
