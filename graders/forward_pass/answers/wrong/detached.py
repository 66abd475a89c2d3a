# title: The result is cut off from the graph
# loses: gradients
# hint: The values are right, but detach() cuts the result off from X and w, so no gradient can flow back. It can simply
#   go.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return torch.sigmoid(X @ w).detach()


# %%
print(forward_pass(X, w))
