# title: The history holds accuracies
# loses: train-history
# hint: Is it the loss that is appended, not an accuracy? One number for each epoch, that epoch's own.

# %%
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


# %%
class PlainNet(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


# %%
def count_parameters(module):
    return sum(p.numel() for p in module.parameters())


plain_count = count_parameters(PlainNet([2, 100, 3]))


# %%
class Net(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


# %%
class Affine(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, n_out) / n_in**0.5)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return x @ self.weight + self.bias


# %%
def spiral(n):
    radius, arms = torch.linspace(0, 1, n), []
    for k in range(3):
        angle = torch.linspace(4 * k, 4 * k + 4, n) + 0.2 * torch.randn(n)
        arms.append(torch.stack([radius * angle.sin(), radius * angle.cos()], dim=1))
    return torch.cat(arms), torch.arange(3).repeat_interleave(n)


X, y = spiral(100)


# %%
def train(model, X, y, epochs):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    history = []
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
        history.append((model(X).argmax(1) == y).float().mean().item())
    return history


# %% tags=["not-in-reference"]
model = Net([2, 100, 3])
history = train(model, X, y, 200)
