# title: Multiplied with broadcasting

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    z = (X[:, :, None] * w[None]).sum(dim=1)
    return 1.0 / (1.0 + torch.exp(-z))
