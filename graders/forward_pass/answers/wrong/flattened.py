# title: The answers in one flat row
# loses: example-values, sigmoid-range, any-size, gradients
# hint: Your values are right, but their shape is (N,). An answer for N objects and M neurons has the shape (N, M), also
#   where M is 1.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return torch.sigmoid(X @ w).view(-1)
