# title: A ModuleList that grows by append, W as (n_out, n_in), the count by a loop

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
    total = 0
    for name, p in module.named_parameters():
        size = 1
        for n in p.shape:
            size = size * n
        total += size
    return total


plain_count = count_parameters(PlainNet([2, 100, 3]))


# %%
class Net(nn.Module):
    def __init__(self, layer_sizes):
        super(Net, self).__init__()
        self.fc = nn.ModuleList()
        self.relu = nn.ReLU()
        for n in range(1, len(layer_sizes)):
            self.fc.append(nn.Linear(layer_sizes[n - 1], layer_sizes[n]))

    def forward(self, x):
        print(x.shape)
        for n, layer in enumerate(self.fc):
            x = layer(x)
            if n < len(self.fc) - 1:
                x = self.relu(x)
        return x


# %%
class Affine(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.w = nn.Parameter(0.05 * torch.randn(outputs, inputs))
        self.b = nn.Parameter(torch.zeros(1, outputs))

    def forward(self, x):
        return x.mm(self.w.t()) + self.b


# %%
def spiral(n):
    radius, arms = torch.linspace(0, 1, n), []
    for k in range(3):
        angle = torch.linspace(4 * k, 4 * k + 4, n) + 0.2 * torch.randn(n)
        arms.append(torch.stack([radius * angle.sin(), radius * angle.cos()], dim=1))
    return torch.cat(arms), torch.arange(3).repeat_interleave(n)


X, y = spiral(100)


# %%
def train(net, X, y, n_epochs):
    criterion = nn.CrossEntropyLoss()
    opt = torch.optim.Adam(net.parameters(), 0.1)
    losses = []
    for _ in range(n_epochs):
        out = net(X)
        loss = criterion(out, y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(float(loss))
    return losses


# %% tags=["not-in-reference"]
model = Net([2, 100, 3])
history = train(model, X, y, 200)
