# title: nn.Sigmoid

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])

# %%
activation = torch.nn.Sigmoid()


def forward_pass(X, w):
    return activation(X.matmul(w))
