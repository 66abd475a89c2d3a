# title: Points by numpy in another order, a history of tensors without graphs, a batch of all points

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
        self.weight = nn.Parameter(torch.randn(n_in, n_out) * 0.1)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return x @ self.weight + self.bias


# %%
import numpy as np

N = 100
X = np.zeros((3 * N, 2), dtype="float32")
y = np.zeros(3 * N, dtype="int64")
for j in range(3):
    ix = range(N * j, N * (j + 1))
    r = np.linspace(0.0, 1, N)
    t = np.linspace(j * 4, (j + 1) * 4, N) + np.random.randn(N) * 0.2
    X[ix] = np.c_[r * np.sin(t), r * np.cos(t)]
    y[ix] = j
X, y = torch.from_numpy(X), torch.from_numpy(y)


# %%
from torch.utils.data import DataLoader, TensorDataset


def train(model, X, y, epochs):
    loader = DataLoader(TensorDataset(X, y), batch_size=len(X), shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-1)
    history = []
    for epoch in range(epochs):
        for points, labels in loader:
            optimizer.zero_grad()
            loss = F.nll_loss(F.log_softmax(model(points), dim=1), labels)
            loss.backward()
            optimizer.step()
        history.append(loss.data)
    return history


# %% tags=["not-in-reference"]
model = Net([2, 100, 3])
history = train(model, X, y, 200)
