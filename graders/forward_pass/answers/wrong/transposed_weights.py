# title: The weights transposed
# loses: example-values, sigmoid-range, any-size, gradients
# hint: X is (N, D) and w is (D, M): the inner sizes fit together as they are. What does the .T do there?

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return torch.sigmoid(X @ w.T)
