# title: One number for all objects
# loses: example-values, sigmoid-range, any-size, gradients
# hint: Your function adds up the sums of all objects and returns one number. Each row of X should get its own answer.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return torch.sigmoid(torch.sum(X @ w))
