# title: exp(z) / (1 + exp(z))
# loses: sigmoid-range
# hint: For large z your quotient is infinity by infinity, which is NaN. Divided through by exp(z), the same formula
#   stays finite.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    z = X @ w
    return torch.exp(z) / (1 + torch.exp(z))
