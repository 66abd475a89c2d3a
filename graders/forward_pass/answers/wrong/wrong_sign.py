# title: 1 / (1 + exp(z)): the minus is missing
# loses: example-values, sigmoid-range, any-size, gradients
# hint: Your answers fall where they should rise: they are 1 minus the right ones. Look at the sign in the exponent.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return 1 / (1 + torch.exp(X @ w))
