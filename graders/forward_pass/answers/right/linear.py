# title: F.linear

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w, verbose=False):
    z = torch.nn.functional.linear(X, w.T)
    if verbose:
        print(z)
    return torch.sigmoid(z)
