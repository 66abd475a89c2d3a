# title: The sum is cut at -10 and 10
# loses: any-size
# hint: Far from 0 your answers stand still, as if X @ w were cut off there. The sigmoid goes on falling and rising: it
#   needs no limits.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    z = torch.clamp(X @ w, -10, 10)
    return 1 / (1 + torch.exp(-z))
