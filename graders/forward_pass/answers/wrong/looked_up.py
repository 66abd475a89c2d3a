# title: The rows of the example, looked up
# loses: example-values, sigmoid-range, any-size, gradients
# hint: Your function knows the three rows of the example by heart, and no other row. The answer is to be computed from
#   X and w.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
KNOWN = {(-5.0, 5.0): 0.99999969, (2.0, 3.0): 0.99849882, (1.0, -1.0): 0.04742587}


def forward_pass(X, w):
    return torch.tensor([[KNOWN[tuple(row)]] for row in X.tolist()])
