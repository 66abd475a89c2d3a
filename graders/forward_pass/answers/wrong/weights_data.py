# title: w.data in place of w
# loses: gradients
# hint: Your values are right, but somewhere on the way the graph is cut, and X or w gets no gradient. Look for numpy,
#   detach(), .data, item(), no_grad, round or a new Parameter.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return torch.sigmoid(X @ w.data)
