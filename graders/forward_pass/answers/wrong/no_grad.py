# title: Computed under no_grad
# loses: gradients
# hint: Under torch.no_grad() PyTorch keeps no graph, so no gradient can flow back to X and w. That belongs around an
#   evaluation.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    with torch.no_grad():
        return torch.sigmoid(X @ w)


# %%
print(forward_pass(X, w))
