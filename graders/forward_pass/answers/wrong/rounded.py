# title: Rounded to four decimals
# loses: example-values, any-size, gradients
# hint: Four decimals are for reading. Rounding loses digits, and its gradient is zero everywhere: print rounded, return
#   exact.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return torch.round(torch.sigmoid(X @ w), decimals=4)
