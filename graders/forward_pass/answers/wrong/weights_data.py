# title: w.data in place of w
# loses: gradients
# hint: The gradient reaches X but not w: .data steps around the graph. Use w itself.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return torch.sigmoid(X @ w.data)


# %%
print(forward_pass(X, w))
