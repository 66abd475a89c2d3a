# title: The formula, with its own sigmoid

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def sigmoid(z):
    return 1 / (1 + torch.exp(-z))


def forward_pass(X, w):
    return sigmoid(torch.mm(X, w))
