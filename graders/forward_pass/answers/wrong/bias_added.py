# title: A bias that nobody asked for
# loses: example-values, any-size, gradients
# hint: All your sums are larger than X @ w by the same number. This neuron has no bias.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return torch.sigmoid(X @ w + 1)
